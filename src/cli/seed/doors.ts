/** How vectors come in and out of the seed's networks: under fresh keys of the owner, or in the clear. */

import type { VectorCiphertext } from '../../schemes/vector/ciphertext.ts';
import { vectorPreset } from '../../schemes/vector/parameters.ts';
import { sumOfProductsMatrix } from '../../schemes/vector/secret/matrices.ts';
import { freshIntegers } from '../../schemes/vector/secret/random-integers.ts';
import { makeVectorKeys } from '../../schemes/vector/secret/vector-secret.ts';
import { clearArithmetic, FIXED_POINT, type SeedArithmetic, sealedArithmetic, toFixed } from './arithmetic.ts';
import type { Door } from './xor-network.ts';

export interface Backend<V> extends Door<V> {
  readonly on: SeedArithmetic<V>;
  /** All slots, as the owner opens them. */
  open(vector: V): number[];
}

/** Fresh keys with the post's parameters. */
export function sealedBackend(slots: number): Backend<VectorCiphertext> {
  const random = freshIntegers();
  const { secret, keys } = makeVectorKeys({ parameters: vectorPreset('seed'), slots, rotations: [], random });
  const open = (vector: VectorCiphertext): number[] => secret.decryptReal(vector).map((value) => value / FIXED_POINT);
  return {
    on: sealedArithmetic({ keys, sums: sumOfProductsMatrix(secret.key, random) }),
    seal: (values) => secret.encrypt(values.map(toFixed)),
    read: (vector) => open(vector)[0],
    open,
  };
}

export function clearBackend(slots: number): Backend<Float64Array> {
  return {
    on: clearArithmetic(slots),
    seal: (values) => Float64Array.from(values),
    read: (vector) => vector[0],
    open: (vector) => [...vector],
  };
}
