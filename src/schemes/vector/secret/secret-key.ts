/** The secret S = [I | T] (Zhou and Wornell 2014, section 2). */

import { checkInteger } from '../../../base/checks.ts';
import { checkVectorParameters, reduce, type VectorParameters } from '../parameters.ts';
import type { RandomIntegers } from './random-integers.ts';

export interface VectorSecretKey {
  readonly parameters: VectorParameters;
  /** n */
  readonly slots: number;
  /** T: n rows of k integers in 0 … keyBound − 1. */
  readonly t: readonly (readonly number[])[];
}

export function makeSecretKey(parameters: VectorParameters, slots: number, random: RandomIntegers): VectorSecretKey {
  checkVectorParameters(parameters);
  checkInteger('slots', slots, 1, 2 ** 16);
  const row = (): number[] => Array.from({ length: parameters.columns }, () => random.below(parameters.keyBound));
  return { parameters, slots, t: Array.from({ length: slots }, row) };
}

/** S·c = w·x + e, modulo q where there is a modulus. */
export function phase({ parameters, slots, t }: VectorSecretKey, entries: readonly bigint[]): bigint[] {
  if (entries.length !== slots + parameters.columns) {
    throw new RangeError(`ciphertext: expected ${slots + parameters.columns} entries, got ${entries.length}`);
  }
  return t.map((row, i) =>
    reduce(
      row.reduce((sum, value, j) => sum + BigInt(value) * entries[slots + j], entries[i]),
      parameters,
    ),
  );
}
