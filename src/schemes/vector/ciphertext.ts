/**
 * Ciphertexts of integer vectors: n + k integers of any size, S·c = w·x + e (Zhou and Wornell 2014, section 2), and what
 * needs no key: sums, integer multiples and division.
 */

import { divideRounded } from '../../base/integers.ts';
import { reduce, type VectorParameters } from './parameters.ts';

export interface VectorCiphertext {
  /** n entries that carry the slots, k that mask them. */
  readonly entries: readonly bigint[];
}

export function addVectors(
  a: VectorCiphertext,
  b: VectorCiphertext,
  parameters: VectorParameters,
  sign: 1n | -1n = 1n,
): VectorCiphertext {
  requireSameLength(a, b);
  const entries = a.entries.map((value, i) => reduce(value + sign * b.entries[i], parameters));
  return { entries };
}

/** factor · a */
export function multiplyVector(a: VectorCiphertext, factor: bigint, parameters: VectorParameters): VectorCiphertext {
  return { entries: a.entries.map((value) => reduce(value * factor, parameters)) };
}

/**
 * round(a · numerator / denominator), entry by entry: the message is multiplied likewise, and errs by at most
 * ½(1 + Σ_j T_ij)/w on top. Only without a modulus. RangeError for a denominator that is not positive.
 */
export function scaleVector(a: VectorCiphertext, numerator: bigint, denominator: bigint): VectorCiphertext {
  if (denominator <= 0n) throw new RangeError(`denominator: expected a positive integer, got ${denominator}`);
  return { entries: a.entries.map((value) => divideRounded(value * numerator, denominator)) };
}

/** (w·x, 0): what anybody can make of a public vector. */
export function trivialCiphertext(values: readonly bigint[], parameters: VectorParameters): VectorCiphertext {
  const shift = BigInt(parameters.logScale);
  const entries = values.map((value) => reduce(value << shift, parameters));
  return { entries: [...entries, ...Array<bigint>(parameters.columns).fill(0n)] };
}

function requireSameLength(a: VectorCiphertext, b: VectorCiphertext): void {
  if (a.entries.length !== b.entries.length) {
    throw new RangeError(`ciphertexts: expected one length, got ${a.entries.length} and ${b.entries.length}`);
  }
}
