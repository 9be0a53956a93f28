/**
 * What the seed's networks compute with: vectors in fixed point, encrypted, or their twin in the clear. A network is
 * written once and runs on both.
 */

import { scaleVector, trivialCiphertext, type VectorCiphertext } from '../../schemes/vector/ciphertext.ts';
import { VectorEvaluator } from '../../schemes/vector/evaluator.ts';
import type { VectorKeys } from '../../schemes/vector/keys.ts';
import type { SwitchingMatrix } from '../../schemes/vector/switching-matrix.ts';

export interface SeedArithmetic<V> {
  /** A public number in every slot. */
  constant(value: number): V;
  add(a: V, b: V): V;
  subtract(a: V, b: V): V;
  /** Slot by slot. */
  product(a: V, b: V): V;
  /** Σ_i a_i b_i, in every slot. */
  dot(a: V, b: V): V;
  /** a · numerator / denominator */
  scale(a: V, numerator: number, denominator: number): V;
}

/** The post's fixed point: a value is an integer multiple of 1/1000. */
export const FIXED_POINT = 1000;
const UNIT = BigInt(FIXED_POINT);

export interface SealedKeys {
  readonly keys: VectorKeys;
  /** D all ones: the owner's matrix for inner products. */
  readonly sums: SwitchingMatrix;
}

/** After each product the ciphertext itself is divided by the scale, as the post does; here it is rounded. */
export function sealedArithmetic({ keys, sums }: SealedKeys): SeedArithmetic<VectorCiphertext> {
  const evaluator = new VectorEvaluator(keys);
  const { parameters, slots } = keys;
  return {
    constant: (value) => trivialCiphertext(Array<bigint>(slots).fill(toFixed(value)), parameters),
    add: (a, b) => evaluator.add(a, b),
    subtract: (a, b) => evaluator.subtract(a, b),
    product: (a, b) => scaleVector(evaluator.innerProduct([a], [b]), 1n, UNIT),
    dot: (a, b) => scaleVector(evaluator.multiplyWith(sums, [a], [b]), 1n, UNIT),
    scale: (a, numerator, denominator) => scaleVector(a, BigInt(numerator), BigInt(denominator)),
  };
}

export function toFixed(value: number): bigint {
  return BigInt(Math.round(value * FIXED_POINT));
}

/** In float64. */
export function clearArithmetic(slots: number): SeedArithmetic<Float64Array> {
  const fill = (value: number): Float64Array => new Float64Array(slots).fill(value);
  return {
    constant: fill,
    add: (a, b) => a.map((value, i) => value + b[i]),
    subtract: (a, b) => a.map((value, i) => value - b[i]),
    product: (a, b) => a.map((value, i) => value * b[i]),
    dot: (a, b) => fill(a.reduce((sum, value, i) => sum + value * b[i], 0)),
    scale: (a, numerator, denominator) => a.map((value) => (value * numerator) / denominator),
  };
}
