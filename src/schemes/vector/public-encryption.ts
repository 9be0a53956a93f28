/**
 * One-way encryption with the public key alone: w·x is switched from the identity to S (Yu, Lai and Payor 2015). It is
 * deterministic, as it was: equal vectors give equal ciphertexts.
 */

import type { VectorCiphertext } from './ciphertext.ts';
import type { OneWayKeys } from './keys.ts';
import { switchKey } from './switching-matrix.ts';

/** @param values n integers. RangeError for another number. @throws HermeticError DIVERGED for integers too large */
export function encryptOneWay(
  keys: Pick<OneWayKeys, 'parameters' | 'oneWay'>,
  values: readonly bigint[],
): VectorCiphertext {
  const shift = BigInt(keys.parameters.logScale);
  const scaled = values.map((value) => value << shift);
  return { entries: switchKey(keys.oneWay, scaled, keys.parameters) };
}
