/**
 * Products of a plaintext batch, given as generalised diagonals, with encrypted vectors, and of its transpose: baby-step
 * giant-step (Halevi and Shoup 2018/244, section 4). With r = j·R + s,
 *
 *   Σ_r d_r ⊙ rot_r(w)   = Σ_j rot_(jR)( Σ_s d'_(j,s) ⊙ rot_s(w) )
 *   Σ_r rot_(−r)(d_r ⊙ δ) = Σ_s rot_(−s)( Σ_j d'_(j,s) ⊙ rot_(−jR)(δ) ),   d'_(j,s) = rot_(−jR)(d_r).
 *
 * Both use the same d', which are transformed once, to the coefficients of their subring; each limb of a product rounds
 * them at its own scale. Rotations of one ciphertext are hoisted; sums are rotated before rescaling, as trees whose
 * strides are powers of two, so that few keys serve and noise grows with the logarithm.
 */
import type { Address, Blocks } from '../../kernels/heap.ts';
import type { PrimeContext } from '../../kernels/prime-context.ts';
import type { DiagonalSource, PreparedDiagonals } from '../scheme.ts';
import { Ciphertext } from './ciphertext.ts';
import type { CkksContext } from './context.ts';
import type { CkksEvaluator } from './evaluator.ts';

/** Baby steps reach at most this far: the default keys hold rotations 1 … 15. */
const MAX_BABY_STEPS = 16;
/** Diagonals embedded between two flushes. */
const DIAGONALS_AT_ONCE = 256;

export interface EncodedDiagonals extends PreparedDiagonals {
  readonly babySteps: number;
  /** One block of 2·period f32 coefficients a diagonal, at index (chunk·count + r). */
  readonly coefficients: Blocks;
}

export class DiagonalProducts {
  private readonly context: CkksContext;
  private readonly evaluator: CkksEvaluator;

  constructor(context: CkksContext, evaluator: CkksEvaluator) {
    this.context = context;
    this.evaluator = evaluator;
  }

  prepare(source: DiagonalSource): EncodedDiagonals {
    const { engine, encoder } = this.context;
    const { count, chunks } = source;
    const period = Math.max(32, source.period);
    const babySteps = chooseBabySteps(count, chunks);
    const coefficients = engine.allocateBlocks(count * chunks, 8 * period);
    const { roots, order } = encoder.embeddingTables(period);
    const data = engine.allocateBlocks(DIAGONALS_AT_ONCE, 16 * period);
    const diagonal = new Float64Array(source.period);
    for (let first = 0; first < count * chunks; first += DIAGONALS_AT_ONCE) {
      const last = Math.min(first + DIAGONALS_AT_ONCE, count * chunks);
      for (let i = first; i < last; i++) {
        const r = i % count;
        source.fill(Math.floor(i / count), r, diagonal);
        const slots = engine.heap.f64(data.item(i - first), 2 * period);
        rotateInto(slots, diagonal, r - (r % babySteps), period);
      }
      const each = (f: (block: Address, i: number) => void): void => {
        for (let i = first; i < last; i++) f(data.item(i - first), i);
        engine.flush();
      };
      each((block) => engine.embedInverse(block, period, roots, order));
      each((block, i) => engine.splitToFloat32(coefficients.item(i), block, period));
    }
    data.release();
    return {
      count,
      chunks,
      period,
      babySteps,
      coefficients,
      [Symbol.dispose]: () => coefficients.release(),
    };
  }

  /** One ciphertext a group: not rescaled. All groups' weights must stand at one level and scale. */
  multiply(weights: readonly (readonly Ciphertext[])[], diagonals: EncodedDiagonals, factor: number): Ciphertext[] {
    const { count, chunks, babySteps } = diagonals;
    const misfit = weights.find((group) => group.length !== chunks);
    if (misfit) throw new RangeError(`weights: expected ${chunks} chunks, got ${misfit.length}`);
    const giants = count / babySteps;
    const steps = Array.from({ length: babySteps }, (_, s) => s);
    const rotated = weights.map((group) => group.flatMap((w) => this.evaluator.rotateMany(w, steps)));
    const order = (sum: number, term: number): number =>
      Math.floor(term / babySteps) * count + sum * babySteps + (term % babySteps);
    const sums = this.accumulate(rotated, diagonals, factor, giants, chunks * babySteps, order);
    for (const group of rotated) for (const c of group) c.dispose();
    return sums.map((group) => this.rotateTree(group, babySteps));
  }

  /** One ciphertext a group and chunk: not rescaled. */
  multiplyTransposed(deltas: readonly Ciphertext[], diagonals: EncodedDiagonals, factor: number): Ciphertext[][] {
    const { count, chunks, babySteps } = diagonals;
    const giants = count / babySteps;
    const rotated = deltas.map((delta) => this.rotationTree(delta, -babySteps, giants));
    const order = (sum: number, term: number): number =>
      Math.floor(sum / babySteps) * count + term * babySteps + (sum % babySteps);
    const sums = this.accumulate(rotated, diagonals, factor, chunks * babySteps, giants, order);
    for (const group of rotated) for (const c of group) c.dispose();
    return sums.map((group) =>
      Array.from({ length: chunks }, (_, chunk) =>
        this.rotateTree(group.slice(chunk * babySteps, (chunk + 1) * babySteps), -1),
      ),
    );
  }

  /** result[g][sum] = factor · Σ_term d'_(order(sum, term)) ⊙ ciphers[g][term], limb after limb. */
  private accumulate(
    ciphers: readonly (readonly Ciphertext[])[],
    diagonals: EncodedDiagonals,
    factor: number,
    sums: number,
    terms: number,
    order: (sum: number, term: number) => number,
  ): Ciphertext[][] {
    const { engine, ring, encoder } = this.context;
    const { period, coefficients } = diagonals;
    const first = ciphers[0]?.[0] as Ciphertext;
    const scale = this.evaluator.plainScale(first);
    const { limbCount, indices } = first.c0;
    const outs = ciphers.map(() =>
      Array.from({ length: sums }, () => [ring.allocate('ntt', indices), ring.allocate('ntt', indices)] as const),
    );
    const words = encoder.patternWords(period);
    const patterns = encoder.patternsOf(period);
    const index = encoder.patternIndex(period);
    const logSmall = Math.log2(2 * period);
    const plains = engine.allocateBlocks(sums * terms, 4 * words);
    // One temporary a task: tasks of one flush run in any order.
    const batch = Math.min(1024, sums * terms);
    const temporaries = engine.allocateBlocks(batch, 8 * period);
    for (let j = 0; j < limbCount; j++) {
      const prime = ring.primes[j] as PrimeContext;
      for (let from = 0; from < sums * terms; from += batch) {
        for (let i = from; i < Math.min(from + batch, sums * terms); i++) {
          const source = coefficients.item(order(Math.floor(i / terms), i % terms));
          const temporary = temporaries.item(i - from);
          engine.expandPlain(plains.item(i), source, logSmall, factor * scale, index, words, temporary, prime);
        }
        engine.flush();
      }
      ciphers.forEach((group, g) => {
        for (const half of [0, 1] as const) {
          const inputs = group.map((c) => (half === 0 ? c.c0 : c.c1).limb(j));
          const outputs = (outs[g] as (typeof outs)[number]).map((pair) => pair[half].limb(j));
          const parts = Math.max(engine.threads, ring.N / 512);
          engine.multiplyDiagonals(inputs, plains.first, plains.bytesEach, outputs, patterns, ring.N, prime, parts);
        }
      });
      engine.flush();
    }
    plains.release();
    temporaries.release();
    return outs.map((group) => group.map(([c0, c1]) => new Ciphertext(c0, c1, first.level, first.scale * scale)));
  }

  /** rot_(i·stride)(c) for i < count, each from the one with its lowest bit removed: hoisted, log depth. */
  private rotationTree(c: Ciphertext, stride: number, count: number): Ciphertext[] {
    const result = new Array<Ciphertext>(count);
    const grow = (i: number, value: Ciphertext, lowest: number): void => {
      result[i] = value;
      const children: number[] = [];
      for (let bit = 1; bit < lowest; bit *= 2) children.push(bit);
      if (children.length === 0) return;
      const rotated = this.evaluator.rotateMany(
        value,
        children.map((bit) => bit * stride),
      );
      children.forEach((bit, k) => grow(i + bit, rotated[k] as Ciphertext, bit));
    };
    grow(0, this.evaluator.rotate(c, 0), count);
    return result;
  }

  /** Σ_i rot_(i·stride)(c_i): pairs first, then strides doubling. Frees the inputs. */
  private rotateTree(ciphers: readonly Ciphertext[], stride: number): Ciphertext {
    let level = [...ciphers];
    for (let step = stride; level.length > 1; step *= 2) {
      const next: Ciphertext[] = [];
      for (let i = 0; i < level.length; i += 2) {
        const [a, b] = [level[i] as Ciphertext, level[i + 1] as Ciphertext];
        const rotated = this.evaluator.rotate(b, step);
        next.push(this.evaluator.add(a, rotated));
        for (const used of [a, b, rotated]) used.dispose();
      }
      level = next;
    }
    return level[0] as Ciphertext;
  }
}

/** Balances chunks·R hoisted babies and R more a chunk in the transpose against 2·count/R giants. */
function chooseBabySteps(count: number, chunks: number): number {
  let best = 1;
  const cost = (r: number): number => 1.5 * chunks * r + (2 * count) / r;
  for (let r = 2; r <= Math.min(MAX_BABY_STEPS, count); r *= 2) if (cost(r) < cost(best)) best = r;
  return best;
}

/** Slots (pairs) of the diagonal rotated to the right by `steps`, repeated to the period. */
function rotateInto(slots: Float64Array, diagonal: Float64Array, steps: number, period: number): void {
  const d = diagonal.length;
  const shift = ((-steps % d) + d) % d;
  for (let i = 0; i < period; i++) {
    slots[2 * i] = diagonal[(i + shift) & (d - 1)] as number;
    slots[2 * i + 1] = 0;
  }
}
