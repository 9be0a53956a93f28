/**
 * Polynomials of a ciphertext at the least depth, with no plaintext product where degree ≤ 3:
 *
 *   degree 1   c1·z + c0                  a change of factor and a constant                     0 levels
 *   degree 2   c2·((z + s)² + k)                                                                1 level
 *   degree 3   c3·(z + s)·((z + s)² + p) + q                                                    2 levels
 *   higher     halving: p = q·z^(2^m) + r, leaves a1·z + a0                 ⌈log2(degree + 1)⌉ levels
 *
 * Slots hold factor · value, so that constants fold into factors (ζ = F·z below). The derivatives of degrees 2 and 3
 * come for free from what the forward pass has formed: (z + s) and (z + s)² + p'.
 */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';

/** Adds a constant to the slots that hold values, and to no others. */
export type AddConstant<C> = (x: C, constant: number) => C;

export interface PolynomialShape {
  readonly degree: number;
  /** Levels of the value. */
  readonly depth: number;
  /** Factor of the result, given that of the argument. */
  outputFactor(inputFactor: number): number;
  /** Factor of `slope`; for degree 1 the slope is a constant and this is 1/c1. */
  slopeFactor(inputFactor: number): number;
}

export interface PolynomialValue<C> {
  readonly value: C;
  /** φ'(z) times `slopeFactor`; undefined where it is constant. */
  readonly slope: C | undefined;
}

/** Factor of the results of degree 4 and more. */
const HIGHER_FACTOR = 8;

export function degreeOf(coefficients: readonly number[]): number {
  return coefficients.findLastIndex((c) => c !== 0);
}

export function polynomialShape(coefficients: readonly number[]): PolynomialShape {
  const degree = degreeOf(coefficients);
  if (degree < 1) throw new RangeError(`activation: expected degree 1 or more, got [${coefficients}]`);
  const leading = coefficients[degree];
  if (degree === 1) {
    return { degree, depth: 0, outputFactor: (f) => f / leading, slopeFactor: () => 1 / leading };
  }
  if (degree > 3) {
    const depth = Math.ceil(Math.log2(degree + 1));
    return { degree, depth, outputFactor: () => HIGHER_FACTOR, slopeFactor: () => HIGHER_FACTOR };
  }
  return {
    degree,
    depth: degree - 1,
    outputFactor: (f) => f ** degree / leading,
    slopeFactor: (f) => f ** (degree - 1) / (degree * leading),
  };
}

/** φ(z), and φ'(z) if wanted, for slots z that hold `inputFactor` · z. */
export function evaluatePolynomialOn<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  z: C,
  inputFactor: number,
  coefficients: readonly number[],
  addConstant: AddConstant<C>,
  wantSlope: boolean,
): PolynomialValue<C> {
  const degree = degreeOf(coefficients);
  const c = Array.from({ length: 4 }, (_, k) => coefficients[k] ?? 0);
  const add = (x: C, constant: number) => (constant === 0 ? x : addConstant(x, constant));
  return evaluator.scope(() => {
    if (degree === 1) return { value: add(z, (c[0] / c[1]) * inputFactor), slope: undefined };
    if (degree === 2) return quadratic(evaluator, z, inputFactor, c, add);
    if (degree === 3) return cubic(evaluator, z, inputFactor, c, add);
    const slopes = coefficients.map((a, k) => k * a).slice(1);
    const powers = powersOf(evaluator, z);
    const evaluate = (a: readonly number[]) =>
      halving(evaluator, rescaledCoefficients(a, inputFactor), powers, add, degreeOf(a));
    return { value: evaluate(coefficients), slope: wantSlope ? evaluate(slopes) : undefined };
  });
}

/** c2·z² + c1·z + c0 = c2·((z + s)² + k), s = c1/2c2, k = c0/c2 − s²; slope 2·c2·(z + s). */
function quadratic<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  z: C,
  f: number,
  [c0, c1, c2]: readonly number[],
  add: AddConstant<C>,
): PolynomialValue<C> {
  const s = c1 / (2 * c2);
  const shifted = add(z, s * f);
  const square = evaluator.rescale(evaluator.multiply(shifted, shifted));
  return { value: add(square, (c0 / c2 - s * s) * f * f), slope: shifted };
}

/**
 * c3·z³ + … + c0 = c3·u·(u² + p) + q, u = z + s, s = c2/3c3, p = c1/c3 − 3s²; slope 3·c3·(u² + p/3).
 */
function cubic<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  z: C,
  f: number,
  [c0, c1, c2, c3]: readonly number[],
  add: AddConstant<C>,
): PolynomialValue<C> {
  const s = c2 / (3 * c3);
  const p = c1 / c3 - 3 * s * s;
  const q = c0 / c3 - s * s * s - p * s;
  const u = add(z, s * f);
  const square = evaluator.rescale(evaluator.multiply(u, u));
  const product = evaluator.rescale(evaluator.multiply(u, add(square, p * f * f)));
  return { value: add(product, q * f ** 3), slope: add(square, (p / 3) * f * f) };
}

/** Coefficients of the slots' polynomial: HIGHER_FACTOR · c_k / f^k. */
function rescaledCoefficients(coefficients: readonly number[], f: number): number[] {
  return coefficients.map((c, k) => (HIGHER_FACTOR * c) / f ** k);
}

/** m ↦ ζ^(2^m), each computed once. */
function powersOf<C extends SlotCiphertext>(evaluator: Evaluator<C>, zeta: C): (m: number) => C {
  const powers: C[] = [zeta];
  return (m) => {
    while (powers.length <= m) {
      const last = powers[powers.length - 1];
      powers.push(evaluator.rescale(evaluator.multiply(last, last)));
    }
    return powers[m];
  };
}

/** Σ a_k·ζ^k for degree ≥ 1. */
function halving<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  a: readonly number[],
  powers: (m: number) => C,
  add: AddConstant<C>,
  degree: number,
): C {
  const scaled = (x: C, factor: number) => evaluator.rescale(evaluator.multiplyScalar(x, factor));
  if (degree === 1) return add(scaled(powers(0), a[1]), a[0]);
  const m = Math.floor(Math.log2(degree));
  const low = a.slice(0, 2 ** m);
  const high = a.slice(2 ** m, degree + 1);
  const highDegree = degree - 2 ** m;
  const power = powers(m);
  const product =
    highDegree === 0
      ? scaled(power, high[0])
      : evaluator.rescale(evaluator.multiply(power, halving(evaluator, high, powers, add, highDegree)));
  const lowDegree = degreeOf(low);
  if (lowDegree < 1) return add(product, low[0]);
  return evaluator.add(product, halving(evaluator, low, powers, add, lowDegree));
}
