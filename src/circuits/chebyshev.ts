/**
 * Chebyshev series on ciphertexts at the least depth (Paterson and Stockmeyer 1973, in the basis T_k as by Han and Ki
 * 2019/688, section 3.2), with exact scales: each branch of the recursion is given the scale that its result must have,
 * and the integer constants of its leaves absorb every deviation (Bossuat et al. 2020/1203, section 3.2).
 *
 *   p = q·T_m + r,  q = c_m + 2·Σ_(k>m) c_k·T_(k−m),  r = Σ_(k<m) (c_k − c_(2m−k))·T_k
 */
import type { ChainEvaluator, IntegerTerm } from '../schemes/ckks/chain-evaluator.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';

/** Moduli of a computation's levels: at depth d ciphertexts have limbs[d] limbs; divisors[d] takes them to d + 1. */
export interface DepthChain {
  readonly limbs: readonly number[];
  /** The products of the primes divided by. */
  readonly divisors: readonly number[];
}

/** Limbs between two depths. */
export function dropAt({ limbs }: DepthChain, depth: number): number {
  return (limbs[depth] as number) - (limbs[depth + 1] as number);
}

/** T_k of one ciphertext, each made once. T_1 stands at depth `start`, T_k at start + ⌈log2 k⌉. */
export class ChebyshevPowers {
  readonly chain: DepthChain;
  readonly start: number;
  private readonly evaluator: ChainEvaluator;
  private readonly known: Map<number, Ciphertext>;

  constructor(evaluator: ChainEvaluator, chain: DepthChain, start: number, x: Ciphertext) {
    this.evaluator = evaluator;
    this.chain = chain;
    this.start = start;
    this.known = new Map([[1, x]]);
  }

  depthOf(k: number): number {
    return this.start + Math.ceil(Math.log2(k));
  }

  /** Makes those that a series of so many coefficients asks for. */
  prepare(coefficients: number, leaf: number): void {
    for (let k = 2; k < Math.min(leaf, coefficients); k++) this.power(k);
    for (let k = 2; k < coefficients; k *= 2) this.power(k);
  }

  /** T_(a+b) = 2·T_a·T_b − T_(a−b) with a = ⌈k/2⌉. */
  power(k: number): Ciphertext {
    const known = this.known.get(k);
    if (known) return known;
    const [a, b] = [this.power(Math.ceil(k / 2)), this.power(Math.floor(k / 2))];
    const one = this.power(1);
    const made = this.evaluator.scope(() =>
      k % 2 === 0 ? doubleAngle(this.evaluator, a, this.dropTo(k)) : this.odd(a, b, one, k),
    );
    this.known.set(k, made);
    return made;
  }

  private odd(a: Ciphertext, b: Ciphertext, one: Ciphertext, k: number): Ciphertext {
    // T_1 under the scale of the product.
    const factor = -BigInt(Math.round((a.scale * b.scale) / one.scale));
    return this.evaluator.multiply(a, this.evaluator.add(b, b), this.dropTo(k), [{ x: one, factor }]);
  }

  private dropTo(k: number): number {
    return dropAt(this.chain, this.depthOf(k) - 1);
  }
}

/** 2·x² − 1, rescaled by `drop` limbs. Doubled before the product: afterwards its rounding would be doubled too. */
export function doubleAngle(evaluator: ChainEvaluator, x: Ciphertext, drop: number): Ciphertext {
  return evaluator.addConstant(evaluator.multiply(x, evaluator.add(x, x), drop), -1);
}

export interface SeriesTarget {
  /** Depth of the result. */
  readonly depth: number;
  /** Its exact scale. */
  readonly scale: number;
}

/**
 * Σ coefficients[k]·T_k(x) at the given depth and scale. The number of coefficients is a power of two and the depth at
 * least start + log2 of it. Leaves have at most `leaf` terms.
 */
export function evaluateSeries(
  evaluator: ChainEvaluator,
  powers: ChebyshevPowers,
  coefficients: readonly number[],
  target: SeriesTarget,
  leaf: number,
): Ciphertext {
  powers.prepare(coefficients.length, leaf);
  return evaluator.scope(() => evaluate(evaluator, powers, coefficients, target, leaf));
}

function evaluate(
  evaluator: ChainEvaluator,
  powers: ChebyshevPowers,
  coefficients: readonly number[],
  target: SeriesTarget,
  leaf: number,
): Ciphertext {
  const { chain } = powers;
  const { depth, scale } = target;
  const drop = dropAt(chain, depth - 1);
  const before = scale * (chain.divisors[depth - 1] as number);
  const constant = (x: Ciphertext, c: readonly number[]): Ciphertext => evaluator.addConstant(x, c[0] as number);
  if (isLeaf(powers, coefficients, depth, leaf)) {
    const sum = evaluator.combine(termsOf(powers, coefficients, before), before);
    const at = evaluator.truncate(sum, chain.limbs[depth - 1] as number);
    return constant(evaluator.rescale(at, drop), coefficients);
  }
  const m = coefficients.length / 2;
  const power = powers.power(m);
  const { high, low } = split(coefficients);
  const quotient = evaluateSeries(evaluator, powers, high, { depth: depth - 1, scale: before / power.scale }, leaf);
  if (isLeaf(powers, low, depth, leaf)) {
    const product = evaluator.multiply(quotient, power, drop, termsOf(powers, low, before));
    return constant(product, low);
  }
  const product = evaluator.multiply(quotient, power, drop);
  return evaluator.add(product, evaluateSeries(evaluator, powers, low, target, leaf));
}

/** Few enough terms, all of whose powers stand above the depth. */
function isLeaf(powers: ChebyshevPowers, coefficients: readonly number[], depth: number, leaf: number): boolean {
  const degree = coefficients.length - 1;
  return coefficients.length <= leaf && powers.depthOf(Math.max(1, degree)) < depth;
}

/** c_k·T_k for k ≥ 1 as integers times ciphertexts, all of the given scale. */
function termsOf(powers: ChebyshevPowers, coefficients: readonly number[], scale: number): IntegerTerm[] {
  return coefficients.flatMap((c, k) => {
    if (k === 0) return [];
    const x = powers.power(k);
    return [{ x, factor: BigInt(Math.round((c * scale) / x.scale)) }];
  });
}

/** p = high·T_m + low for m half the number of coefficients. */
function split(c: readonly number[]): { readonly high: readonly number[]; readonly low: readonly number[] } {
  const m = c.length / 2;
  const high = Array.from({ length: m }, (_, k) => (k === 0 ? (c[m] as number) : 2 * (c[m + k] as number)));
  const low = Array.from({ length: m }, (_, k) => (c[k] as number) - (k === 0 ? 0 : (c[2 * m - k] as number)));
  return { high, low };
}
