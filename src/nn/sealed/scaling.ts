/**
 * The public factors between slots and values. Errors of a scheme are absolute, about 2^-13 of a slot, and constants of
 * plaintext products below 2^-16 or so lose digits: so the factors are kept between the two. The free knob of each
 * layer is a scalar on the weights of the product, off the critical path: κ, of `forwardScalar` and `backwardScalar`.
 */

import type { Activation } from '../architecture.ts';
import { nearestPowerOfTwo } from './layout.ts';
import { degreeOf, polynomialShape } from './polynomial.ts';

/** Largest factor of an affine layer's outputs. */
const OUTPUT_CAP = 64;
/** Least factor of δ. */
const DELTA_LOW = 4;
/** Bits of a constant above the rounding of its encoding. */
const CONSTANT_BITS = 8;
/** log2 of the scale of plaintexts: a prime of the chain. */
const LOG_PLAINTEXT_SCALE = 27.6;

/**
 * The factor F of z that φ is computed on; its result has the factor F^d/c_d. A hidden layer's is near 1 (d = 2) or 10
 * (d = 3), for the next layer's weights will be scaled down by it; the last layer's may be larger.
 */
function argumentFactor(coefficients: readonly number[], last: boolean): number {
  const degree = degreeOf(coefficients);
  if (degree === 2) return nearestPowerOfTwo(Math.sqrt((last ? 4 : 1) * Math.abs(coefficients[2])));
  if (degree === 3) return nearestPowerOfTwo(Math.cbrt((last ? 30 : 10) * Math.abs(coefficients[3])));
  return 2;
}

/** Factor of z in the first layer; taking a complex slot apart doubles it. */
export function firstFactor(activation: Activation, last: boolean): number {
  return degreeOf(activation.coefficients) === 1 ? 1 : argumentFactor(activation.coefficients, last) / 2;
}

/** κ for a forward product whose result would have the factor `natural`. */
export function forwardScalar(activation: Activation, form: 'list' | 'blocks', last: boolean, natural: number): number {
  const { coefficients } = activation;
  if (degreeOf(coefficients) === 1) {
    const output = Math.abs(polynomialShape(coefficients).outputFactor(natural));
    return Math.min(1, 2 ** Math.floor(Math.log2(OUTPUT_CAP / output)));
  }
  return argumentFactor(coefficients, last) / (form === 'blocks' ? 2 : 1) / natural;
}

/**
 * κ for a backward product whose δ would have the factor `natural`. The gradient's constant is
 * rate · weightScale / factor: large factors drown it, small ones drown δ.
 * @param rate of the run's first step, over the batch and over the copies of a group in the slots
 * @param weightScale of the layer that δ is for
 * @param period of the plaintexts: 2·period coefficients are rounded
 */
export function backwardScalar(natural: number, rate: number, weightScale: number, period: number): number {
  const size = Math.abs(natural);
  const rounding = Math.sqrt((2 * period) / 12) * 2 ** -LOG_PLAINTEXT_SCALE;
  const high = Math.max(4 * DELTA_LOW, (rate * weightScale) / (rounding * 2 ** CONSTANT_BITS));
  if (size > high) return 2 ** Math.floor(Math.log2(high / size));
  return size < DELTA_LOW ? 2 ** Math.ceil(Math.log2(DELTA_LOW / size)) : 1;
}
