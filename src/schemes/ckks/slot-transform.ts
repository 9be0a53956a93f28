/**
 * Linear maps of slots given by few diagonals, double-hoisted baby-step giant-step (Bossuat, Mouchet, Troncoso-Pastoriza
 * and Hubaux 2020/1203, algorithm 6): with offsets stride·(g·B + b), 0 ≤ b < B,
 *
 *   M·x = Σ_g rot_(stride·g·B)( Σ_b d'_(g,b) ⊙ rot_(stride·b)(x) ),   d'_(g,b) = rot_(−stride·g·B)(d_(g·B+b)).
 *
 * The babies share one decomposition and stay over Q·P, as do the sums; a giant step divides only the half that it
 * decomposes; one division by P and by the limbs of the rescaling ends the map.
 */
import type { Blocks } from '../../kernels/heap.ts';
import type { PrimeContext } from '../../kernels/prime-context.ts';
import type { Poly } from '../../ring/poly.ts';
import type { RlweContext } from '../../rlwe/context.ts';
import type { Decomposition, KeySwitcher, PolyPair } from '../../rlwe/key-switching.ts';
import type { GaloisKeys, SwitchingKey } from '../../rlwe/keys.ts';
import { Ciphertext, polynomialsIn } from './ciphertext.ts';
import type { Encoder, SlotValues } from './encoder.ts';

/** M = Σ_m diagonal_m ⊙ rot_(stride·m); the vectors repeat over the slots and have one length. */
export interface DiagonalMatrix {
  readonly stride: number;
  readonly diagonals: ReadonlyMap<number, SlotValues>;
}

export interface SlotTransformOptions {
  /** B, a power of two. */
  readonly babies: number;
  /** Limbs that it is applied at. */
  readonly limbs: number;
  /** Limbs that it is rescaled by. */
  readonly drop: number;
  /** Scale of the plaintexts. */
  readonly scale: number;
}

/** Sums that are there at a time, 33 MB each at N = 2^16. */
const SUMS_AT_ONCE = 4;
/** Coefficients of a task: all terms of a sum stay in the cache while the sums pass. */
const TASK_COEFFICIENTS = 2048;

interface Context extends RlweContext {
  readonly encoder: Encoder;
}

/** Slot steps of the rotations of a matrix: B − 1 babies and the giants. */
export function rotationsOf({ stride, diagonals }: DiagonalMatrix, babies: number): number[] {
  const steps = new Set<number>();
  for (let b = 1; b < babies; b++) steps.add(stride * b);
  for (const m of diagonals.keys()) steps.add(stride * babies * Math.floor(m / babies));
  steps.delete(0);
  return [...steps];
}

export class SlotTransform {
  readonly options: SlotTransformOptions;
  private readonly context: Context;
  private readonly switcher: KeySwitcher;
  private readonly stride: number;
  /** g of each sum, ascending. */
  private readonly giants: readonly number[];
  /** One block a limb of Q·P: plaintext (g, b) at index position(g)·B + b. */
  private readonly plains: readonly Blocks[];
  private readonly patterns: number;

  private get parts(): number {
    return Math.max(1, this.context.ring.N / TASK_COEFFICIENTS);
  }

  /** Encodes the matrix once. Throws BAD_DATA when its entries do not fit at this scale. */
  constructor(context: Context, switcher: KeySwitcher, matrix: DiagonalMatrix, options: SlotTransformOptions) {
    const { encoder, engine } = context;
    const { babies, limbs, scale } = options;
    this.context = context;
    this.switcher = switcher;
    this.options = options;
    this.stride = matrix.stride;
    const giantOf = (m: number): number => Math.floor(m / babies);
    this.giants = [...new Set([...matrix.diagonals.keys()].map(giantOf))].sort((a, b) => a - b);
    const period = [...matrix.diagonals.values()][0]?.re.length as number;
    const words = encoder.patternWords(period);
    this.patterns = encoder.patternsOf(period);
    const indices = switcher.extendedIndices(limbs);
    this.plains = indices.map(() => engine.allocateBlocks(this.giants.length * babies, 4 * words));
    for (const blocks of this.plains) engine.clear(blocks.first, blocks.count * blocks.bytesEach);
    engine.flush();
    for (const [m, diagonal] of matrix.diagonals) {
      const giant = giantOf(m);
      const at = this.giants.indexOf(giant) * babies + (m - giant * babies);
      const shifted = rotateRight(diagonal, matrix.stride * giant * babies);
      encoder.encodePatternInto(
        this.plains.map((blocks) => blocks.item(at)),
        shifted,
        scale,
        indices,
      );
    }
  }

  /** M·a, rescaled. RangeError for a ciphertext of another number of limbs. */
  apply(a: Ciphertext, keys: GaloisKeys): Ciphertext {
    const { limbs, drop, scale } = this.options;
    if (a.c0.limbCount !== limbs) throw new RangeError(`transform: expected ${limbs} limbs, got ${a.c0.limbCount}`);
    const { ring } = this.context;
    return ring.scope(() => {
      const babies = this.babySteps(a, keys);
      const total = this.giantSteps(babies, keys);
      for (const baby of babies) for (const poly of baby) poly.dispose();
      const dropped = total[0].indices.slice(limbs - drop, limbs);
      const divisor = dropped.reduce((product, i) => product * (ring.primes[i] as PrimeContext).p, 1);
      const [c0, c1] = this.switcher.dividePair(total, { drop });
      return new Ciphertext(c0, c1, a.level - drop, (a.scale * scale) / divisor);
    }, polynomialsIn);
  }

  dispose(): void {
    for (const blocks of this.plains) blocks.release();
  }

  /** rot_(stride·b)(a) over Q·P, times P, for b < B. */
  private babySteps(a: Ciphertext, keys: GaloisKeys): PolyPair[] {
    const { babies } = this.options;
    const [c0, c1] = [this.switcher.timesSpecial(a.c0), this.switcher.timesSpecial(a.c1)];
    const rotated = this.switcher.decomposed(a.c1, (decomposition) =>
      Array.from({ length: babies }, (_, b) =>
        b === 0 ? this.extend([c0, c1]) : this.rotate(decomposition, this.stride * b, c0, keys),
      ),
    );
    for (const poly of [c0, c1]) poly.dispose();
    return rotated;
  }

  /** With zeros modulo P. */
  private extend(pair: PolyPair): PolyPair {
    const { ring, engine } = this.context;
    const limbs = pair[0].limbCount;
    const out = pair.map((poly) => {
      const wide = ring.allocate('ntt', this.switcher.extendedIndices(limbs));
      wide.limbs.forEach((limb, j) => {
        if (j < limbs) engine.copy(limb, poly.limb(j), 4 * ring.N);
        else engine.clear(limb, 4 * ring.N);
      });
      return wide;
    });
    engine.flush();
    return [out[0] as Poly<'ntt'>, out[1] as Poly<'ntt'>];
  }

  private rotate(decomposition: Decomposition, steps: number, plus: Poly<'ntt'>, keys: GaloisKeys): PolyPair {
    const g = this.context.ring.galoisElement(steps);
    return this.switcher.multiplyRotated(decomposition, requireKey(keys, g, `rotation by ${steps}`), g, plus);
  }

  /** Σ_g rot_(stride·g·B)( Σ_b plain_(g,b) ⊙ baby_b ), over Q·P. */
  private giantSteps(babies: readonly PolyPair[], keys: GaloisKeys): PolyPair {
    let total: PolyPair | undefined;
    for (let first = 0; first < this.giants.length; first += SUMS_AT_ONCE) {
      const giants = this.giants.slice(first, first + SUMS_AT_ONCE);
      this.multiply(babies, first, giants.length).forEach((sum, i) => {
        const giant = giants[i] as number;
        const rotated = giant === 0 ? sum : this.giantStep(sum, this.stride * babies.length * giant, keys);
        if (total === undefined) {
          total = rotated;
          return;
        }
        this.addTo(total, rotated);
        for (const poly of rotated) poly.dispose();
      });
    }
    return total as PolyPair;
  }

  /** Σ_b plain_(g,b) ⊙ baby_b for the giants at [first, first + count). */
  private multiply(babies: readonly PolyPair[], first: number, count: number): PolyPair[] {
    const { ring, engine } = this.context;
    const indices = this.switcher.extendedIndices(this.options.limbs);
    const sums = Array.from(
      { length: count },
      (): PolyPair => [ring.allocate('ntt', indices), ring.allocate('ntt', indices)],
    );
    indices.forEach((i, j) => {
      const plains = this.plains[j] as Blocks;
      for (const half of [0, 1] as const) {
        const terms = babies.map((baby) => baby[half].limb(j));
        const outs = sums.map((sum) => sum[half].limb(j));
        const prime = ring.primes[i] as PrimeContext;
        const start = plains.item(first * babies.length);
        engine.multiplyDiagonals(terms, start, plains.bytesEach, outs, this.patterns, ring.N, prime, this.parts);
      }
    });
    engine.flush();
    return sums;
  }

  private giantStep([w0, w1]: PolyPair, steps: number, keys: GaloisKeys): PolyPair {
    const [divided] = this.switcher.divide([w1]) as [Poly<'ntt'>];
    const rotated = this.switcher.decomposed(divided, (digits) => this.rotate(digits, steps, w0, keys));
    divided.dispose();
    w0.dispose();
    return rotated;
  }

  private addTo(total: PolyPair, pair: PolyPair): void {
    const { ring, engine } = this.context;
    for (const half of [0, 1] as const) {
      total[half].limbs.forEach((limb, j) => {
        engine.add(limb, limb, pair[half].limb(j), ring.N, total[half].prime(j));
      });
    }
    engine.flush();
  }
}

function rotateRight({ re, im }: SlotValues, steps: number): SlotValues {
  const period = re.length;
  const shift = ((steps % period) + period) % period;
  const moved = (x: Float64Array): Float64Array => x.map((_, i) => x[(i + period - shift) % period] as number);
  return im ? { re: moved(re), im: moved(im) } : { re: moved(re) };
}

/** RangeError names what is missing: keys and transforms are made from one description. */
export function requireKey(keys: GaloisKeys, g: number, name: string): SwitchingKey {
  const key = keys.get(g);
  if (key === undefined) throw new RangeError(`the keys lack a ${name}`);
  return key;
}
