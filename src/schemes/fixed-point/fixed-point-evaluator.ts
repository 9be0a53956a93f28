/**
 * The arithmetic of CKKS, complex slots of real numbers, on schemes whose slots hold integers: a complex number is a pair
 * of ciphertexts, a real number x the integer round(x · 2^logScale). Every scale is a power of two and is tracked; sums
 * align their operands by multiplying the one of the smaller scale. Where the scheme can divide, `rescale` brings a product
 * back to the scale of fresh ciphertexts, as CKKS does. Where it cannot, as BFV and YASHE modulo a plaintext modulus, scales
 * grow with each product until the owner renews them (the fixed point of Gilad-Bachrach et al., "CryptoNets", ICML 2016,
 * section 3); a bound on the integers grows with them, and what might wrap is refused.
 */

import { HermeticError } from '../../base/errors.ts';
import type { IntegerEvaluator } from '../integer-scheme.ts';
import { Lifetimes } from '../lifetimes.ts';
import type { DiagonalSource, Evaluator, PreparedDiagonals } from '../scheme.ts';
import type { FixedPointCiphertext } from './ciphertext.ts';
import { type IntegerDiagonals, integerDiagonals, productBound, sumOfProducts, sumOfRotated } from './diagonals.ts';
import { Part } from './part.ts';
import { quantize, toFixed } from './quantize.ts';

export interface FixedPointOptions {
  /** Slots in use: a power of two that divides the scheme's. What is beyond repeats them. */
  readonly slots: number;
  /** log2 of the scale of fresh ciphertexts. */
  readonly logScale: number;
  /** Fresh slots are at most so large: the owner encrypts nothing larger. */
  readonly freshBound: number;
  /** Bits of constants and of plaintext vectors that are no masks. */
  readonly constantBits: number;
}

type Parts<X> = Pick<FixedPointCiphertext<X>, 're' | 'im'>;

export class FixedPointEvaluator<X> implements Evaluator<FixedPointCiphertext<X>> {
  readonly scheme: string;
  readonly slots: number;
  readonly maxLevel: number;
  readonly options: FixedPointOptions;
  readonly integers: IntegerEvaluator<X>;
  readonly #lifetimes: Lifetimes<FixedPointCiphertext<X>>;

  constructor(integers: IntegerEvaluator<X>, options: FixedPointOptions) {
    const { slots } = options;
    if (!Number.isInteger(Math.log2(slots)) || slots > integers.slots) {
      throw new RangeError(`slots: expected a power of two up to ${integers.slots}, got ${slots}`);
    }
    this.scheme = integers.scheme;
    this.slots = slots;
    this.maxLevel = integers.depth;
    this.options = options;
    this.integers = integers;
    this.#lifetimes = new Lifetimes<FixedPointCiphertext<X>>(({ re, im }) => {
      re?.release();
      im?.release();
    });
  }

  /** Ciphertexts made and not yet freed. */
  get live(): number {
    return this.#lifetimes.live;
  }

  canonicalScale(_level: number): number {
    return 2 ** this.options.logScale;
  }

  /** Takes in fresh ciphertexts from outside. They are freed with the result. */
  adopt(parts: { readonly re: X | undefined; readonly im: X | undefined }, level: number): FixedPointCiphertext<X> {
    const { logScale, freshBound } = this.options;
    const hold = (x: X | undefined) => (x === undefined ? undefined : Part.of<X>(x, (y) => this.integers.dispose(y)));
    return this.#make({ re: hold(parts.re), im: hold(parts.im) }, level, logScale, freshBound * 2 ** logScale);
  }

  add(a: FixedPointCiphertext<X>, b: FixedPointCiphertext<X>): FixedPointCiphertext<X> {
    return this.#sum(a, b, 1);
  }

  subtract(a: FixedPointCiphertext<X>, b: FixedPointCiphertext<X>): FixedPointCiphertext<X> {
    return this.#sum(a, b, -1);
  }

  negate(a: FixedPointCiphertext<X>): FixedPointCiphertext<X> {
    return this.#made({ ...a, re: this.#negatedPart(a.re), im: this.#negatedPart(a.im) });
  }

  addPlain(a: FixedPointCiphertext<X>, values: Float64Array): FixedPointCiphertext<X> {
    this.#checkPlain(values);
    const integers = toFixed(values, a.logScale);
    const most = values.reduce((max, x) => Math.max(max, Math.abs(x)), 0) * a.scale;
    const zero = a.re ?? this.#zeroLike(a);
    const re = this.#part([zero], () => this.integers.addPlain(zero.value, integers));
    return this.#make({ re, im: a.im }, a.level, a.logScale, a.bound + most + 1);
  }

  multiply(a: FixedPointCiphertext<X>, b: FixedPointCiphertext<X>): FixedPointCiphertext<X> {
    return this.innerProduct([a], [b]);
  }

  innerProduct(
    as: readonly FixedPointCiphertext<X>[],
    bs: readonly FixedPointCiphertext<X>[],
  ): FixedPointCiphertext<X> {
    if (as.length === 0 || as.length !== bs.length) {
      throw new RangeError(`innerProduct: expected two lists of one length, got ${as.length} and ${bs.length}`);
    }
    const [left, right] = [this.#aligned(as), this.#aligned(bs)];
    const level = this.#requireLevel(Math.min(...[...as, ...bs].map((c) => c.level)));
    type Pair = readonly [Part<X> | undefined, Part<X> | undefined];
    const pairs = (f: (a: Parts<X>, b: Parts<X>) => readonly Pair[]) =>
      left.flatMap((a, i) => f(a, right[i])).filter((pair): pair is [Part<X>, Part<X>] => pair.every(Boolean));
    const re = pairs((a, b) => [
      [a.re, b.re],
      [a.im, this.#negatedPart(b.im)],
    ]);
    const im = pairs((a, b) => [
      [a.re, b.im],
      [a.im, b.re],
    ]);
    const product = (list: readonly (readonly [Part<X>, Part<X>])[]) =>
      list.length === 0
        ? undefined
        : this.#part(list.flat(), () =>
            this.integers.innerProduct(
              list.map(([x]) => x.value),
              list.map(([, y]) => y.value),
            ),
          );
    const terms = Math.max(re.length, im.length);
    const [first, second] = [left[0], right[0]];
    const bound = terms * Math.max(...left.map((a) => a.bound)) * Math.max(...right.map((b) => b.bound));
    return this.#make({ re: product(re), im: product(im) }, level, first.logScale + second.logScale, bound);
  }

  multiplyPlain(a: FixedPointCiphertext<X>, values: Float64Array): FixedPointCiphertext<X> {
    this.#checkPlain(values);
    this.#requireLevel(a.level);
    const { integers, shift, largest } = quantize(values, this.options.constantBits);
    const parts = this.#each(a, (x) => this.integers.multiplyPlain(x, integers));
    return this.#make(parts, a.level, a.logScale + shift, a.bound * largest);
  }

  multiplyScalar(a: FixedPointCiphertext<X>, factor: number): FixedPointCiphertext<X> {
    this.#requireLevel(a.level);
    return this.#made(this.#times(a, factor));
  }

  scaleBy(a: FixedPointCiphertext<X>, factor: number): FixedPointCiphertext<X> {
    if (!Number.isFinite(factor) || factor === 0) {
      throw new RangeError(`factor: expected a number other than 0, got ${factor}`);
    }
    return this.#made(this.#times(a, factor));
  }

  timesI(a: FixedPointCiphertext<X>): FixedPointCiphertext<X> {
    return this.#made({ ...a, re: this.#negatedPart(a.im), im: a.re });
  }

  conjugate(a: FixedPointCiphertext<X>): FixedPointCiphertext<X> {
    return this.#made({ ...a, im: this.#negatedPart(a.im) });
  }

  rescale(a: FixedPointCiphertext<X>): FixedPointCiphertext<X> {
    const level = this.#requireLevel(a.level) - 1;
    const excess = a.logScale - this.options.logScale;
    const { divide } = this.integers;
    if (divide === undefined || excess <= 0) return this.#made({ ...a, level });
    const parts = this.#each(a, (x) => divide.call(this.integers, x, excess));
    return this.#make(parts, level, this.options.logScale, a.bound / 2 ** excess + 1);
  }

  dropToLevel(a: FixedPointCiphertext<X>, level: number): FixedPointCiphertext<X> {
    if (!Number.isInteger(level) || level < 0) throw new RangeError(`level: expected 0 … ${a.level}, got ${level}`);
    if (level > a.level) throw exhausted(level, a.level);
    return this.#made({ ...a, level });
  }

  rotate(a: FixedPointCiphertext<X>, steps: number): FixedPointCiphertext<X> {
    const shift = this.#cyclic(steps);
    return this.#made({ ...a, ...(shift === 0 ? {} : this.#each(a, (x) => this.integers.rotate(x, shift))) });
  }

  rotateMany(a: FixedPointCiphertext<X>, steps: readonly number[]): FixedPointCiphertext<X>[] {
    return steps.map((step) => this.rotate(a, step));
  }

  prepareDiagonals(source: DiagonalSource): IntegerDiagonals {
    return integerDiagonals(source, this.options.constantBits);
  }

  multiplyDiagonals(
    weights: readonly (readonly FixedPointCiphertext<X>[])[],
    diagonals: PreparedDiagonals,
    factor: number,
  ): FixedPointCiphertext<X>[] {
    const prepared = diagonals as IntegerDiagonals;
    return weights.map((group) => {
      if (group.length !== prepared.chunks) {
        throw new RangeError(`weights: expected ${prepared.chunks} chunks, got ${group.length}`);
      }
      const chunks = this.#aligned(group);
      const level = this.#requireLevel(Math.min(...group.map((w) => w.level)));
      const of = (part: 're' | 'im') => {
        const parts = chunks.map((w) => w[part]);
        const present = parts.filter((x) => x !== undefined);
        if (present.length === 0) return undefined;
        return this.#part(present, () =>
          sumOfProducts(
            this.integers,
            prepared,
            parts.map((x) => x?.value),
            (r) => this.#cyclic(r),
          ),
        );
      };
      const bound = productBound(prepared) * Math.max(...chunks.map((w) => w.bound));
      const { logScale } = chunks[0];
      const sum = this.#loose({ re: of('re'), im: of('im') }, level, logScale + prepared.shift, bound);
      return this.#made(this.#times(sum, factor));
    });
  }

  multiplyDiagonalsTransposed(
    deltas: readonly FixedPointCiphertext<X>[],
    diagonals: PreparedDiagonals,
    factor: number,
  ): FixedPointCiphertext<X>[][] {
    const prepared = diagonals as IntegerDiagonals;
    return deltas.map((delta) => {
      this.#requireLevel(delta.level);
      return Array.from({ length: prepared.chunks }, (_, chunk) => {
        const parts = this.#each(delta, (x) => sumOfRotated(this.integers, prepared, chunk, x, (r) => this.#cyclic(r)));
        const bound = prepared.count * prepared.largest * delta.bound;
        const sum = this.#loose(parts, delta.level, delta.logScale + prepared.shift, bound);
        return this.#made(this.#times(sum, factor));
      });
    });
  }

  scope<T>(compute: () => T): T {
    return this.#lifetimes.scope(compute);
  }

  dispose(...ciphertexts: readonly FixedPointCiphertext<X>[]): void {
    this.#lifetimes.dispose(ciphertexts);
  }

  #part(sources: readonly Part<X>[], compute: () => X): Part<X> {
    return new Part((x) => this.integers.dispose(x), sources, compute);
  }

  #each(a: Parts<X>, f: (x: X) => X): Parts<X> {
    const apply = (part: Part<X> | undefined) => part && this.#part([part], () => f(part.value));
    return { re: apply(a.re), im: apply(a.im) };
  }

  #negatedPart(part: Part<X> | undefined): Part<X> | undefined {
    return part && this.#part([part], () => this.integers.negate(part.value));
  }

  #zeroLike(a: FixedPointCiphertext<X>): Part<X> {
    if (a.im === undefined) throw new RangeError('addPlain: this ciphertext is zero in both parts');
    const { im } = a;
    return this.#part([im], () => this.integers.multiplyInteger(im.value, 0n));
  }

  /** factor · a; not registered. */
  #times(a: FixedPointCiphertext<X>, factor: number): FixedPointCiphertext<X> {
    const { integers, shift, largest } = quantize([factor], this.options.constantBits);
    const integer = integers[0];
    const parts = integer === 1n ? {} : this.#each(a, (x) => this.integers.multiplyInteger(x, integer));
    return { ...a, ...parts, ...this.#scaled(a.logScale + shift), bound: a.bound * largest };
  }

  /** Brought to the largest scale among them. */
  #aligned(list: readonly FixedPointCiphertext<X>[]): FixedPointCiphertext<X>[] {
    const logScale = Math.max(...list.map((a) => a.logScale));
    return list.map((a) => {
      const shift = logScale - a.logScale;
      if (shift === 0) return a;
      const parts = this.#each(a, (x) => this.integers.multiplyInteger(x, 1n << BigInt(shift)));
      return { ...a, ...parts, ...this.#scaled(logScale), bound: this.#checkBound(a.bound * 2 ** shift) };
    });
  }

  #sum(a: FixedPointCiphertext<X>, b: FixedPointCiphertext<X>, sign: 1 | -1): FixedPointCiphertext<X> {
    // Twice a number is the same integer at half its scale.
    const same = a.re === b.re && a.im === b.im && a.logScale === b.logScale;
    if (same && sign === 1) return this.#made({ ...a, ...this.#scaled(a.logScale - 1) });
    const [x, y] = this.#aligned([a, b]);
    const both = (p: Part<X> | undefined, q: Part<X> | undefined) => {
      if (p === undefined) return sign === 1 ? q : this.#negatedPart(q);
      if (q === undefined) return p;
      return this.#part([p, q], () =>
        sign === 1 ? this.integers.add(p.value, q.value) : this.integers.subtract(p.value, q.value),
      );
    };
    const level = Math.min(a.level, b.level);
    return this.#make({ re: both(x.re, y.re), im: both(x.im, y.im) }, level, x.logScale, x.bound + y.bound);
  }

  #scaled(logScale: number): { readonly logScale: number; readonly scale: number } {
    return { logScale, scale: 2 ** logScale };
  }

  #loose(parts: Parts<X>, level: number, logScale: number, bound: number): FixedPointCiphertext<X> {
    return { ...parts, level, ...this.#scaled(logScale), bound };
  }

  #make(parts: Parts<X>, level: number, logScale: number, bound: number): FixedPointCiphertext<X> {
    return this.#made(this.#loose(parts, level, logScale, bound));
  }

  /** Registers a ciphertext of its own, whose parts may be others' too. */
  #made(a: FixedPointCiphertext<X>): FixedPointCiphertext<X> {
    this.#checkBound(a.bound);
    a.re?.retain();
    a.im?.retain();
    return this.#lifetimes.register({ ...a });
  }

  #cyclic(steps: number): number {
    if (!Number.isInteger(steps)) throw new RangeError(`steps: expected an integer, got ${steps}`);
    return ((steps % this.slots) + this.slots) % this.slots;
  }

  #requireLevel(level: number): number {
    if (level > 0) return level;
    throw exhausted(1, level);
  }

  #checkBound(bound: number): number {
    const { plainBits } = this.integers;
    if (bound < 2 ** plainBits || plainBits === Number.POSITIVE_INFINITY) return bound;
    throw new HermeticError('LEVELS_EXHAUSTED', 'the integers outgrow the plaintext modulus', {
      expected: `below 2^${plainBits.toFixed(1)}`,
      got: `up to 2^${Math.log2(bound).toFixed(1)}`,
      mend: 'Refresh the weights, take more plaintext primes, or fewer bits of scale.',
    });
  }

  #checkPlain(values: Float64Array): void {
    if (values.length > 0 && this.slots % values.length === 0) return;
    throw new RangeError(`values: expected a length that divides ${this.slots}, got ${values.length}`);
  }
}

function exhausted(expected: number, got: number): HermeticError {
  return new HermeticError('LEVELS_EXHAUSTED', 'no product is left', {
    expected: `level ${expected} or more`,
    got: `level ${got}`,
    mend: 'Refresh the weights, or take parameters of a greater depth.',
  });
}
