/**
 * The public factors between slots and values. Errors of a scheme are absolute, about 2^-13 of a slot, and constants of
 * plaintext products below 2^-16 or so lose digits: so the factors are kept between the two. The free knob of each
 * layer is a scalar on the weights of the product, off the critical path: `matrixScalar`.
 */

import type { Activation } from '../architecture.ts';
import { nearestPowerOfTwo } from './layout.ts';
import { degreeOf, polynomialShape } from './polynomial.ts';

/** Largest factor of an affine layer's outputs. */
const OUTPUT_CAP = 64;
/** Bounds of the factors of δ. */
const DELTA_LOW = 4;
const DELTA_HIGH = 128;

/** The factor of z that φ is computed on: the result's factor F^d/c_d is then near 4 (d = 2) or 30 (d = 3). */
function argumentFactor(coefficients: readonly number[]): number {
  const degree = degreeOf(coefficients);
  if (degree === 2) return nearestPowerOfTwo(Math.sqrt(4 * Math.abs(coefficients[2])));
  if (degree === 3) return nearestPowerOfTwo(Math.cbrt(30 * Math.abs(coefficients[3])));
  return 2;
}

/** Factor of z in the first layer; taking a complex slot apart doubles it. */
export function firstFactor(activation: Activation): number {
  return degreeOf(activation.coefficients) === 1 ? 1 : argumentFactor(activation.coefficients) / 2;
}

/** κ for a forward product whose result would have the factor `natural`. */
export function forwardScalar(activation: Activation, form: 'list' | 'blocks', natural: number): number {
  const { coefficients } = activation;
  if (degreeOf(coefficients) === 1) {
    const output = Math.abs(polynomialShape(coefficients).outputFactor(natural));
    return Math.min(1, 2 ** Math.floor(Math.log2(OUTPUT_CAP / output)));
  }
  return argumentFactor(coefficients) / (form === 'blocks' ? 2 : 1) / natural;
}

/** κ for a backward product whose δ would have the factor `natural`. */
export function backwardScalar(natural: number): number {
  const size = Math.abs(natural);
  if (size > DELTA_HIGH) return 2 ** Math.floor(Math.log2(DELTA_HIGH / size));
  return size < DELTA_LOW ? 2 ** Math.ceil(Math.log2(DELTA_LOW / size)) : 1;
}
