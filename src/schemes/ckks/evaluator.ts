/**
 * RNS-CKKS evaluation (2018/931) with exact scale tracking. Implements `Evaluator`; the conventions on levels, canonical
 * scales and lazy rescaling are described there.
 */
import { HermeticError } from '../../base/errors.ts';
import {
  add,
  divideByLast,
  multiplyByI,
  multiplyInteger,
  negate,
  type Poly,
  subtract,
  truncate,
} from '../../ring/poly.ts';
import type { Decomposition } from '../../rlwe/key-switching.ts';
import type { EvaluationKeys, SwitchingKey } from '../../rlwe/keys.ts';
import type { DiagonalSource, Evaluator, SlotCiphertext } from '../scheme.ts';
import { Ciphertext, polynomialsIn } from './ciphertext.ts';
import type { CkksContext } from './context.ts';
import { DiagonalProducts, type EncodedDiagonals } from './diagonal-products.ts';
import { EncodedPlain, multiplyEncoded } from './encoded-plain.ts';

/** Scales that differ by less are the same: far below the noise of any operation. */
const SCALE_TOLERANCE = 2 ** -20;
/** Products that 64-bit lanes of the tensor kernel bear. */
const PAIRS_AT_ONCE = 32;

export class CkksEvaluator implements Evaluator<Ciphertext> {
  readonly scheme = 'ckks';
  readonly context: CkksContext;
  private readonly keys: EvaluationKeys;
  private readonly diagonals: DiagonalProducts;

  constructor(context: CkksContext, keys: EvaluationKeys) {
    this.context = context;
    this.keys = keys;
    this.diagonals = new DiagonalProducts(context, this);
  }

  get slots(): number {
    return this.context.slots;
  }

  get maxLevel(): number {
    return this.context.maxLevel;
  }

  canonicalScale(level: number): number {
    return this.context.scales[level] as number;
  }

  add(a: Ciphertext, b: Ciphertext): Ciphertext {
    return this.sum(a, b, add);
  }

  subtract(a: Ciphertext, b: Ciphertext): Ciphertext {
    return this.sum(a, b, subtract);
  }

  negate(a: Ciphertext): Ciphertext {
    return new Ciphertext(negate(a.c0), negate(a.c1), a.level, a.scale);
  }

  addPlain(a: Ciphertext, values: Float64Array): Ciphertext {
    const plain = this.context.encoder.encode({ re: values }, a.scale, a.c0.limbCount);
    const result = new Ciphertext(add(a.c0, plain), truncate(a.c1), a.level, a.scale);
    plain.dispose();
    return result;
  }

  multiply(a: Ciphertext, b: Ciphertext): Ciphertext {
    return this.innerProduct([a], [b]);
  }

  innerProduct(as: readonly Ciphertext[], bs: readonly Ciphertext[]): Ciphertext {
    if (as.length === 0 || as.length !== bs.length)
      throw new RangeError(`innerProduct of ${as.length} and ${bs.length}`);
    const level = Math.min(...[...as, ...bs].map((c) => c.level));
    this.requireLevel(level);
    return this.scope(() => {
      const left = as.map((a) => this.at(a, level));
      const right = bs.map((b) => this.at(b, level));
      const scale = (left[0] as Ciphertext).scale * (right[0] as Ciphertext).scale;
      left.forEach((a, i) => this.requireSameScale(scale, a.scale * (right[i] as Ciphertext).scale));
      const [d0, d1, d2] = this.tensor(left, right);
      const [c0, c1] = this.context.keySwitcher.switch(d2, this.relinearizationKey(), [d0, d1]);
      return new Ciphertext(c0, c1, level, scale);
    });
  }

  multiplyPlain(a: Ciphertext, values: Float64Array): Ciphertext {
    const plain = this.encodePlain(values, a);
    const result = this.multiplyEncoded(a, plain);
    plain.dispose();
    return result;
  }

  /** Values made ready for `multiplyEncoded` with ciphertexts of the level and scale of `like`. */
  encodePlain(values: Float64Array, like: SlotCiphertext): EncodedPlain {
    return new EncodedPlain(this.context, values, this.plainScale(like), like.level);
  }

  /** `multiplyPlain` without the encoding. */
  multiplyEncoded(a: Ciphertext, plain: EncodedPlain): Ciphertext {
    return multiplyEncoded(this.context, a, plain);
  }

  multiplyScalar(a: Ciphertext, factor: number): Ciphertext {
    this.requireLevel(a.level);
    const scale = this.plainScale(a);
    const constant = BigInt(Math.round(factor * scale));
    return new Ciphertext(multiplyInteger(a.c0, constant), multiplyInteger(a.c1, constant), a.level, a.scale * scale);
  }

  scaleBy(a: Ciphertext, factor: number): Ciphertext {
    if (!Number.isFinite(factor) || factor === 0)
      throw new RangeError(`scaleBy: expected a non-zero factor, got ${factor}`);
    const copy = factor < 0 ? this.negate(a) : this.copy(a);
    return new Ciphertext(copy.c0, copy.c1, a.level, a.scale / Math.abs(factor));
  }

  timesI(a: Ciphertext): Ciphertext {
    return new Ciphertext(multiplyByI(a.c0), multiplyByI(a.c1), a.level, a.scale);
  }

  rescale(a: Ciphertext): Ciphertext {
    this.requireLevel(a.level);
    const scale = a.scale / this.context.levelPrime(a.level);
    return new Ciphertext(divideByLast(a.c0), divideByLast(a.c1), a.level - 1, scale);
  }

  dropToLevel(a: Ciphertext, level: number): Ciphertext {
    if (level > a.level || level < 0) throw new RangeError(`dropToLevel: expected 0..${a.level}, got ${level}`);
    if (level === a.level) return this.copy(a);
    return this.scope(() => {
      const limbs = this.context.baseLimbs + level + 1;
      const prime = this.context.levelPrime(level + 1);
      const target = this.canonicalScale(level);
      const constant = BigInt(Math.round((target * prime) / a.scale));
      const at = (poly: Poly<'ntt'>): Poly<'ntt'> => divideByLast(multiplyInteger(truncate(poly, limbs), constant));
      // The rounded constant is off by 2^-28 relative at most: the canonical scale is the scale.
      return new Ciphertext(at(a.c0), at(a.c1), level, target);
    });
  }

  rotate(a: Ciphertext, steps: number): Ciphertext {
    return this.rotateMany(a, [steps])[0] as Ciphertext;
  }

  rotateMany(a: Ciphertext, steps: readonly number[]): Ciphertext[] {
    const elements = steps.map((s) => this.context.ring.galoisElement(s));
    return this.automorphisms(a, elements, (i) => `rotation by ${steps[i]}`);
  }

  conjugate(a: Ciphertext): Ciphertext {
    return this.automorphisms(a, [2 * this.context.ring.N - 1], () => 'conjugation')[0] as Ciphertext;
  }

  prepareDiagonals(source: DiagonalSource): EncodedDiagonals {
    return this.diagonals.prepare(source);
  }

  multiplyDiagonals(
    weights: readonly (readonly Ciphertext[])[],
    diagonals: EncodedDiagonals,
    factor: number,
  ): Ciphertext[] {
    return this.scope(() => this.diagonals.multiply(weights, diagonals, factor));
  }

  multiplyDiagonalsTransposed(
    deltas: readonly Ciphertext[],
    diagonals: EncodedDiagonals,
    factor: number,
  ): Ciphertext[][] {
    return this.scope(() => this.diagonals.multiplyTransposed(deltas, diagonals, factor));
  }

  scope<T>(compute: () => T): T {
    return this.context.ring.scope(compute, polynomialsIn);
  }

  dispose(...ciphertexts: readonly Ciphertext[]): void {
    for (const ciphertext of ciphertexts) ciphertext.dispose();
  }

  /** q_l·Δ_(l−1) / scale: makes a product canonical after rescaling. */
  plainScale(a: SlotCiphertext): number {
    this.requireLevel(a.level);
    return (this.context.levelPrime(a.level) * this.canonicalScale(a.level - 1)) / a.scale;
  }

  requireLevel(level: number): void {
    if (level > 0) return;
    throw new HermeticError('LEVELS_EXHAUSTED', 'level 0: no product is left', {
      mend: 'Refresh the ciphertext, or plan with a set of more levels (L15)',
    });
  }

  private copy(a: Ciphertext): Ciphertext {
    return new Ciphertext(truncate(a.c0), truncate(a.c1), a.level, a.scale);
  }

  private at(a: Ciphertext, level: number): Ciphertext {
    return a.level === level ? a : this.dropToLevel(a, level);
  }

  private sum(a: Ciphertext, b: Ciphertext, f: (x: Poly<'ntt'>, y: Poly<'ntt'>) => Poly<'ntt'>): Ciphertext {
    const level = Math.min(a.level, b.level);
    return this.scope(() => {
      const [x, y] = [this.at(a, level), this.at(b, level)];
      this.requireSameScale(x.scale, y.scale);
      return new Ciphertext(f(x.c0, y.c0), f(x.c1, y.c1), level, x.scale);
    });
  }

  private requireSameScale(a: number, b: number): void {
    if (Math.abs(a / b - 1) < SCALE_TOLERANCE) return;
    throw new HermeticError('BAD_ARGUMENT', 'the operands have different scales', {
      expected: `2^${Math.log2(a).toFixed(6)}`,
      got: `2^${Math.log2(b).toFixed(6)}`,
      mend: 'Rescale products before adding them to other ciphertexts; undo `scaleBy` with `multiplyScalar`',
    });
  }

  private tensor(as: readonly Ciphertext[], bs: readonly Ciphertext[]): [Poly<'ntt'>, Poly<'ntt'>, Poly<'ntt'>] {
    const parts: [Poly<'ntt'>, Poly<'ntt'>, Poly<'ntt'>][] = [];
    for (let i = 0; i < as.length; i += PAIRS_AT_ONCE) {
      parts.push(this.tensorOf(as.slice(i, i + PAIRS_AT_ONCE), bs.slice(i, i + PAIRS_AT_ONCE)));
    }
    return parts.reduce((x, y) => [add(x[0], y[0]), add(x[1], y[1]), add(x[2], y[2])]);
  }

  private tensorOf(as: readonly Ciphertext[], bs: readonly Ciphertext[]): [Poly<'ntt'>, Poly<'ntt'>, Poly<'ntt'>] {
    const { ring, engine } = this.context;
    const { indices } = (as[0] as Ciphertext).c0;
    const [d0, d1, d2] = [0, 1, 2].map(() => ring.allocate('ntt', indices)) as [Poly<'ntt'>, Poly<'ntt'>, Poly<'ntt'>];
    indices.forEach((_, j) => {
      const quads = as.flatMap((a, i) => {
        const b = bs[i] as Ciphertext;
        return [a.c0.limb(j), a.c1.limb(j), b.c0.limb(j), b.c1.limb(j)];
      });
      engine.tensorProduct(d0.limb(j), d1.limb(j), d2.limb(j), quads, ring.N, d0.prime(j));
    });
    engine.flush();
    return [d0, d1, d2];
  }

  private automorphisms(a: Ciphertext, elements: readonly number[], name: (i: number) => string): Ciphertext[] {
    if (elements.every((g) => g === 1)) return elements.map(() => this.copy(a));
    return this.context.keySwitcher.decomposed(a.c1, (decomposition) =>
      elements.map((g, i) => (g === 1 ? this.copy(a) : this.automorphismOf(a, decomposition, g, name(i)))),
    );
  }

  /** σ_g(c0 + u), σ_g(v) for the switched (u, v): see `EvaluationKeys`. */
  private automorphismOf(a: Ciphertext, decomposition: Decomposition, g: number, name: string): Ciphertext {
    const key = this.galoisKey(g, name);
    return this.scope(() => {
      const { keySwitcher } = this.context;
      const [c0, c1] = keySwitcher.dividePair(keySwitcher.multiply(decomposition, key), {
        plus: [a.c0],
        galois: g,
      });
      return new Ciphertext(c0, c1, a.level, a.scale);
    });
  }

  private galoisKey(g: number, name: string): SwitchingKey {
    const key = this.keys.galois.get(g);
    if (key) return key;
    throw new HermeticError('WRONG_KEY', `the keys lack a ${name}`, {
      mend: 'Ask the owner for keys that serve this plan',
    });
  }

  private relinearizationKey(): SwitchingKey {
    if (this.keys.relinearization) return this.keys.relinearization;
    throw new HermeticError('WRONG_KEY', 'the keys lack relinearisation', {
      mend: 'Ask the owner for keys that serve products of ciphertexts',
    });
  }
}
