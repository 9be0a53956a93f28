/**
 * Polynomials of any degree on slots (Paterson and Stockmeyer 1973): with baby powers x, …, x^(k−1) and giant powers
 * x^k, x^(2k), x^(4k), …, a polynomial is split at the largest giant, p = q·x^(k·2^i) + r, down to leaves of degree
 * below k, which are sums of scalar products rescaled once. About 2·√d products of ciphertexts, where Horner takes d.
 *
 * Activations of degree 2 and 3 have a cheaper form of their own (nn/sealed/polynomial.ts).
 */
import type { Evaluator, SlotCiphertext } from '../schemes/scheme.ts';

/** How a degree is split: baby powers up to k − 1, and the levels that the evaluation spends. */
export interface PolynomialPlan {
  readonly degree: number;
  /** k, a power of two. */
  readonly babies: number;
  readonly depth: number;
  /** Products of two ciphertexts, at most: sparse polynomials need fewer. */
  readonly products: number;
}

/**
 * The split with the fewest products at one level more than the least depth, ⌈log2(degree + 1)⌉, or at it. RangeError for
 * degrees outside 1 … 1023.
 */
export function planPolynomial(degree: number): PolynomialPlan {
  if (!Number.isInteger(degree) || degree < 1 || degree > 1023) {
    throw new RangeError(`polynomial: expected a degree from 1 to 1023, got ${degree}`);
  }
  const plans: PolynomialPlan[] = [];
  for (let babies = 2; babies <= 2 * (degree + 1); babies *= 2) {
    plans.push({ degree, babies, depth: depthOf(degree, babies), products: productsOf(degree, babies) });
  }
  const least = Math.min(...plans.map(({ depth }) => depth));
  const shallow = plans.filter(({ depth }) => depth <= least + 1);
  return shallow.reduce((a, b) => (b.products < a.products ? b : a));
}

/**
 * Σ coefficients[k]·x^k, canonical, `planPolynomial(degree).depth` levels below x at most. RangeError without a degree
 * of at least 1; LEVELS_EXHAUSTED where x stands too low.
 */
export function evaluatePolynomial<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  x: C,
  coefficients: readonly number[],
): C {
  const degree = coefficients.findLastIndex((c) => c !== 0);
  const { babies } = planPolynomial(degree);
  return evaluator.scope(() => {
    const powers = new Map<number, C>([[1, x]]);
    return divide(evaluator, coefficients.slice(0, degree + 1), babies, (k) => powerOf(evaluator, powers, k));
  });
}

/** p = q·x^m + r at the largest giant m ≤ degree; leaves below `babies`. */
function divide<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  coefficients: readonly number[],
  babies: number,
  power: (k: number) => C,
): C {
  const degree = coefficients.length - 1;
  if (degree < babies) return leaf(evaluator, coefficients, power);
  const m = giantBelow(degree, babies);
  const high = trimmed(coefficients.slice(m));
  const low = trimmed(coefficients.slice(0, m));
  const product =
    high.length === 1
      ? evaluator.rescale(evaluator.multiplyScalar(power(m), high[0] as number))
      : evaluator.rescale(evaluator.multiply(divide(evaluator, high, babies, power), power(m)));
  if (low.length === 1) return withConstant(evaluator, product, low[0] as number);
  return evaluator.add(product, divide(evaluator, low, babies, power));
}

/** Σ c_k·x^k of a degree ≥ 1: scalar products at one level, one rescaling. */
function leaf<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  coefficients: readonly number[],
  power: (k: number) => C,
): C {
  const terms = coefficients.flatMap((c, k) => (k > 0 && c !== 0 ? [{ c, x: power(k) }] : []));
  const level = Math.min(...terms.map(({ x }) => x.level));
  const sum = terms
    .map(({ c, x }) => evaluator.multiplyScalar(evaluator.dropToLevel(x, level), c))
    .reduce((a, b) => evaluator.add(a, b));
  return withConstant(evaluator, evaluator.rescale(sum), coefficients[0] as number);
}

function withConstant<C extends SlotCiphertext>(evaluator: Evaluator<C>, x: C, constant: number): C {
  return constant === 0 ? x : evaluator.addPlain(x, Float64Array.of(constant));
}

/** x^k = x^⌈k/2⌉·x^⌊k/2⌋, each power once, at depth ⌈log2 k⌉. */
function powerOf<C extends SlotCiphertext>(evaluator: Evaluator<C>, powers: Map<number, C>, k: number): C {
  const known = powers.get(k);
  if (known) return known;
  const half = Math.ceil(k / 2);
  const [a, b] = [powerOf(evaluator, powers, half), powerOf(evaluator, powers, k - half)];
  const made = evaluator.rescale(evaluator.multiply(a, b));
  powers.set(k, made);
  return made;
}

/** Without leading zeros; at least the constant stays. */
function trimmed(coefficients: readonly number[]): readonly number[] {
  return coefficients.slice(0, Math.max(1, coefficients.findLastIndex((c) => c !== 0) + 1));
}

function giantBelow(degree: number, babies: number): number {
  return babies * 2 ** Math.floor(Math.log2(degree / babies));
}

function depthOf(degree: number, babies: number): number {
  if (degree < babies) return Math.ceil(Math.log2(degree)) + 1;
  const m = giantBelow(degree, babies);
  const high = degree === m ? 0 : depthOf(degree - m, babies);
  return Math.max(1 + Math.max(high, Math.log2(m)), depthOf(m - 1, babies));
}

function productsOf(degree: number, babies: number): number {
  const largest = Math.min(degree, babies - 1);
  const giants = degree < babies ? 0 : Math.log2(giantBelow(degree, babies) / babies) + 1;
  const splits = (d: number): number => {
    if (d < babies) return 0;
    const m = giantBelow(d, babies);
    return (d > m ? 1 + splits(d - m) : 0) + splits(m - 1);
  };
  return largest - 1 + giants + splits(degree);
}
