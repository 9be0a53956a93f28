/**
 * A scheme that hides nothing: slots stand in the open, but levels, scales and lifetimes obey the rules of CKKS, and
 * noise of a given size may be added where CKKS has it. Networks are tested on it, and plans are made by running a
 * step on it without values (`valueless`), which counts operations in no time.
 */

import { HermeticError } from '../../base/errors.ts';
import { Lifetimes } from '../lifetimes.ts';
import type { DiagonalSource, Evaluator, PreparedDiagonals, SlotCiphertext } from '../scheme.ts';
import { accumulateForward, accumulateTransposed, rotateInto } from './clear-arithmetic.ts';
import type { ClearCiphertext, ClearOperation, ComplexSlots } from './clear-ciphertext.ts';
import { type ClearNoise, type NoiseAdder, noiseAdder } from './clear-noise.ts';
import { type ScaleChain, syntheticScaleChain } from './scale-chain.ts';

/** Told of each operation: at which level it works, how many units of it, and the step of a rotation. */
export type OperationObserver = (operation: ClearOperation, level: number, count: number, steps?: number) => void;

export interface ClearOptions {
  readonly slots: number;
  /** Levels of a chain of synthetic primes, or a chain. */
  readonly levels: number | ScaleChain;
  readonly noise?: ClearNoise;
  /** No slots are kept or computed: only levels, scales, lifetimes and counts. */
  readonly valueless?: boolean;
  readonly onOperation?: OperationObserver;
}

interface ClearDiagonals extends PreparedDiagonals {
  readonly values: readonly (readonly Float64Array[])[];
}

/** Relative difference of scales that `add` forgives. */
const SCALE_TOLERANCE = 2 ** -20;

export class ClearEvaluator implements Evaluator<ClearCiphertext> {
  readonly scheme: string = 'clear';
  readonly slots: number;
  readonly maxLevel: number;
  readonly #chain: ScaleChain;
  readonly #length: number;
  readonly #noise: ClearNoise | undefined;
  readonly #addNoise: NoiseAdder;
  readonly #observe: OperationObserver;
  readonly #lifetimes: Lifetimes<ClearCiphertext> = new Lifetimes<ClearCiphertext>();

  constructor(options: ClearOptions) {
    const { slots, levels, noise } = options;
    if (!Number.isInteger(Math.log2(slots))) throw new RangeError(`slots: expected a power of two, got ${slots}`);
    this.slots = slots;
    this.#chain = typeof levels === 'number' ? syntheticScaleChain(levels) : levels;
    this.maxLevel = this.#chain.scales.length - 1;
    this.#length = options.valueless ? 0 : slots;
    this.#noise = noise;
    this.#addNoise = noiseAdder(noise);
    this.#observe = options.onOperation ?? (() => {});
  }

  /** Ciphertexts made and not yet freed. */
  get live(): number {
    return this.#lifetimes.live;
  }

  canonicalScale(level: number): number {
    const scale = this.#chain.scales[level];
    if (scale === undefined) throw new RangeError(`level: expected 0 … ${this.maxLevel}, got ${level}`);
    return scale;
  }

  encrypt(values: ComplexSlots, level: number): ClearCiphertext {
    this.#observe('encrypt', level, 1);
    const out = this.#blank(level, this.canonicalScale(level), false);
    this.#repeat(values.re, out.re);
    if (values.im !== undefined) this.#repeat(values.im, out.im);
    return this.#noisy(out, this.#noise?.encryption);
  }

  decrypt(a: ClearCiphertext): { readonly re: Float64Array; readonly im: Float64Array } {
    this.#lifetimes.check(a);
    return { re: a.re.slice(), im: a.im.slice() };
  }

  /** Takes in a ciphertext that was written and read again. */
  restore(a: ClearCiphertext): ClearCiphertext {
    const out = this.#blank(a.level, a.scale, a.product);
    out.re.set(a.re);
    out.im.set(a.im);
    return out;
  }

  add(a: ClearCiphertext, b: ClearCiphertext): ClearCiphertext {
    return this.#sum(a, b, 1);
  }

  subtract(a: ClearCiphertext, b: ClearCiphertext): ClearCiphertext {
    return this.#sum(a, b, -1);
  }

  negate(a: ClearCiphertext): ClearCiphertext {
    const out = this.#like(a);
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] = -a.re[i];
      out.im[i] = -a.im[i];
    }
    return out;
  }

  addPlain(a: ClearCiphertext, values: Float64Array): ClearCiphertext {
    this.#checkPlain(values);
    this.#observe('addPlain', a.level, 1);
    const out = this.#like(a);
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] = a.re[i] + values[i % values.length];
      out.im[i] = a.im[i];
    }
    return out;
  }

  multiply(a: ClearCiphertext, b: ClearCiphertext): ClearCiphertext {
    return this.innerProduct([a], [b]);
  }

  innerProduct(as: readonly ClearCiphertext[], bs: readonly ClearCiphertext[]): ClearCiphertext {
    if (as.length === 0 || as.length !== bs.length) {
      throw new RangeError(`innerProduct: expected two lists of one length, got ${as.length} and ${bs.length}`);
    }
    const level = Math.min(...as.map((a) => a.level), ...bs.map((b) => b.level));
    const terms = as.map((a, i) => this.#product(this.#lowered(a, level), this.#lowered(bs[i], level)));
    for (const term of terms) requireSameScale(term, terms[0]);
    const out = this.#like(terms[0]);
    for (const term of terms) {
      for (let i = 0; i < out.re.length; i++) {
        out.re[i] += term.re[i];
        out.im[i] += term.im[i];
      }
    }
    this.#lifetimes.dispose(terms);
    this.#observe('relinearize', level, 1);
    return this.#noisy(out, this.#noise?.keySwitch);
  }

  multiplyPlain(a: ClearCiphertext, values: Float64Array): ClearCiphertext {
    this.#checkPlain(values);
    const out = this.#awaiting(a, 'multiplyPlain');
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] = a.re[i] * values[i % values.length];
      out.im[i] = a.im[i] * values[i % values.length];
    }
    return out;
  }

  multiplyScalar(a: ClearCiphertext, factor: number): ClearCiphertext {
    const out = this.#awaiting(a, 'multiplyScalar');
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] = a.re[i] * factor;
      out.im[i] = a.im[i] * factor;
    }
    return out;
  }

  scaleBy(a: ClearCiphertext, factor: number): ClearCiphertext {
    this.#lifetimes.check(a);
    if (factor === 0 || !Number.isFinite(factor)) {
      throw new RangeError(`factor: expected a number other than 0, got ${factor}`);
    }
    const out = this.#blank(a.level, a.scale / Math.abs(factor), a.product);
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] = a.re[i] * factor;
      out.im[i] = a.im[i] * factor;
    }
    return out;
  }

  timesI(a: ClearCiphertext): ClearCiphertext {
    const out = this.#like(a);
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] = -a.im[i];
      out.im[i] = a.re[i];
    }
    return out;
  }

  rescale(a: ClearCiphertext): ClearCiphertext {
    this.#lifetimes.check(a);
    if (!a.product) throw new RangeError('rescale: expected a product, got a ciphertext that was rescaled before');
    if (a.level === 0) throw exhausted('a rescaling', 1, 0);
    this.#observe('rescale', a.level, 1);
    const out = this.#blank(a.level - 1, a.scale / this.#chain.divisors[a.level], false);
    out.re.set(a.re);
    out.im.set(a.im);
    return this.#noisy(out, this.#noise?.rescale);
  }

  dropToLevel(a: ClearCiphertext, level: number): ClearCiphertext {
    this.#lifetimes.check(a);
    if (!Number.isInteger(level) || level < 0) throw new RangeError(`level: expected 0 … ${a.level}, got ${level}`);
    if (level > a.level) throw exhausted('a drop', level, a.level);
    if (a.product) throw new RangeError('dropToLevel: expected a rescaled ciphertext, got a product');
    const out = level === a.level ? this.#like(a) : this.#blank(level, this.canonicalScale(level), false);
    out.re.set(a.re);
    out.im.set(a.im);
    if (level === a.level) return out;
    this.#observe('dropToLevel', a.level, 1);
    return this.#noisy(out, this.#noise?.rescale);
  }

  rotate(a: ClearCiphertext, steps: number): ClearCiphertext {
    if (!Number.isInteger(steps)) throw new RangeError(`steps: expected an integer, got ${steps}`);
    this.#observe('rotate', a.level, 1, steps);
    const out = this.#like(a);
    const shift = ((steps % this.slots) + this.slots) % this.slots;
    rotateInto(a.re, shift, out.re);
    rotateInto(a.im, shift, out.im);
    return this.#noisy(out, this.#noise?.keySwitch);
  }

  rotateMany(a: ClearCiphertext, steps: readonly number[]): ClearCiphertext[] {
    return steps.map((step) => this.rotate(a, step));
  }

  conjugate(a: ClearCiphertext): ClearCiphertext {
    this.#observe('conjugate', a.level, 1);
    const out = this.#like(a);
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] = a.re[i];
      out.im[i] = -a.im[i];
    }
    return this.#noisy(out, this.#noise?.keySwitch);
  }

  prepareDiagonals(source: DiagonalSource): ClearDiagonals {
    const { count, period, chunks } = source;
    this.#observe('prepareDiagonals', this.maxLevel, chunks * count);
    const fill = (chunk: number, r: number) => {
      const out = new Float64Array(period);
      source.fill(chunk, r, out);
      return out;
    };
    const rows = this.#length === 0 ? 0 : count;
    const values = Array.from({ length: chunks }, (_, j) => Array.from({ length: rows }, (_, r) => fill(j, r)));
    return { count, period, chunks, values, [Symbol.dispose]: () => {} };
  }

  multiplyDiagonals(
    weights: readonly (readonly ClearCiphertext[])[],
    diagonals: PreparedDiagonals,
    factor: number,
  ): ClearCiphertext[] {
    const { values, count, chunks } = diagonals as ClearDiagonals;
    return weights.map((group) => {
      if (group.length !== chunks) throw new RangeError(`weights: expected ${chunks} chunks, got ${group.length}`);
      const out = this.#awaiting(group[0], 'diagonalForward', chunks * count);
      group.forEach((w, j) => {
        requireSameScale(this.#lifetimes.check(w), group[0]);
        values[j].forEach((diagonal, r) => {
          accumulateForward(out, w, diagonal, r, factor);
        });
      });
      return this.#noisy(out, this.#noise?.keySwitch);
    });
  }

  multiplyDiagonalsTransposed(
    deltas: readonly ClearCiphertext[],
    diagonals: PreparedDiagonals,
    factor: number,
  ): ClearCiphertext[][] {
    const { values, count, chunks } = diagonals as ClearDiagonals;
    return deltas.map((delta) =>
      Array.from({ length: chunks }, (_, j) => {
        const out = this.#awaiting(delta, 'diagonalTransposed', count);
        values[j].forEach((diagonal, r) => {
          accumulateTransposed(out, delta, diagonal, r, factor);
        });
        return this.#noisy(out, this.#noise?.keySwitch);
      }),
    );
  }

  scope<T>(compute: () => T): T {
    return this.#lifetimes.scope(compute);
  }

  dispose(...ciphertexts: readonly ClearCiphertext[]): void {
    this.#lifetimes.dispose(ciphertexts);
  }

  #blank(level: number, scale: number, product: boolean): ClearCiphertext {
    const re = new Float64Array(this.#length);
    const im = new Float64Array(this.#length);
    return this.#lifetimes.register({ level, scale, product, re, im });
  }

  #like(a: ClearCiphertext): ClearCiphertext {
    this.#lifetimes.check(a);
    return this.#blank(a.level, a.scale, a.product);
  }

  /** An empty product with a plaintext, of the scale that `rescale` makes canonical. */
  #awaiting(a: ClearCiphertext, operation: ClearOperation, count = 1): ClearCiphertext {
    this.#lifetimes.check(a);
    if (a.product) throw new RangeError(`${operation}: expected a rescaled ciphertext, got a product`);
    if (a.level === 0) throw exhausted('a product', 1, 0);
    this.#observe(operation, a.level, count);
    return this.#blank(a.level, this.canonicalScale(a.level - 1) * this.#chain.divisors[a.level], true);
  }

  #product(a: ClearCiphertext, b: ClearCiphertext): ClearCiphertext {
    if (a.product || b.product) throw new RangeError('multiply: expected rescaled ciphertexts, got a product');
    if (a.level === 0) throw exhausted('a product', 1, 0);
    this.#observe('multiply', a.level, 1);
    const out = this.#blank(a.level, a.scale * b.scale, true);
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] = a.re[i] * b.re[i] - a.im[i] * b.im[i];
      out.im[i] = a.re[i] * b.im[i] + a.im[i] * b.re[i];
    }
    return out;
  }

  #sum(a: ClearCiphertext, b: ClearCiphertext, sign: number): ClearCiphertext {
    this.#lifetimes.check(a);
    this.#lifetimes.check(b);
    if (a.product !== b.product) throw new RangeError('add: expected two products or none, got one of each');
    const level = Math.min(a.level, b.level);
    if (a.product && a.level !== b.level) throw new RangeError('add: expected products of one level');
    const x = this.#lowered(a, level);
    const y = this.#lowered(b, level);
    requireSameScale(x, y);
    this.#observe('add', level, 1);
    const out = this.#like(x);
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] = x.re[i] + sign * y.re[i];
      out.im[i] = x.im[i] + sign * y.im[i];
    }
    return out;
  }

  #lowered(a: ClearCiphertext, level: number): ClearCiphertext {
    return this.#lifetimes.check(a).level === level ? a : this.dropToLevel(a, level);
  }

  /** Noise is of canonical values: on a product it is divided away by the coming `rescale`. */
  #noisy(a: ClearCiphertext, deviation: number | undefined): ClearCiphertext {
    this.#addNoise(a.re, a.im, ((deviation ?? 0) * this.canonicalScale(a.level)) / a.scale);
    return a;
  }

  #checkPlain(values: Float64Array): void {
    if (values.length === 0 || this.slots % values.length !== 0) {
      throw new RangeError(`values: expected a length that divides ${this.slots}, got ${values.length}`);
    }
  }

  #repeat(values: Float64Array, out: Float64Array): void {
    this.#checkPlain(values);
    for (let i = 0; i < out.length; i++) out[i] = values[i % values.length];
  }
}

function exhausted(what: string, expected: number, got: number): HermeticError {
  return new HermeticError('LEVELS_EXHAUSTED', `no level is left for ${what}`, {
    expected: `level ${expected} or more`,
    got: `level ${got}`,
    mend: 'Refresh the weights, or plan with a larger parameter set.',
  });
}

function requireSameScale(a: SlotCiphertext, b: SlotCiphertext): void {
  if (Math.abs(a.scale / b.scale - 1) <= SCALE_TOLERANCE) return;
  throw new RangeError(`scale: expected 2^${Math.log2(a.scale)}, got 2^${Math.log2(b.scale)}`);
}
