/** `vector`: it divides by itself, so nobody renews anything, and it protects nothing. */

import { encodeCbor } from '../../protocol/cbor.ts';
import type { FixedPointCiphertext } from '../../schemes/fixed-point/ciphertext.ts';
import type { VectorCiphertext } from '../../schemes/vector/ciphertext.ts';
import { VectorEvaluator } from '../../schemes/vector/evaluator.ts';
import { vectorPreset } from '../../schemes/vector/parameters.ts';
import { vectorCiphertextToPlain, vectorKeysToPlain } from '../../schemes/vector/plain-form.ts';
import { makeVectorKeys } from '../../schemes/vector/secret/vector-secret.ts';
import { fixedPointParty, type IntegerParty } from './fixed-point-party.ts';
import type { PartyOptions, SchemeParty } from './party.ts';

const FIXED_POINT = { logScale: 24, freshBound: 1024, constantBits: 20 };

export function vectorParty(options: PartyOptions): SchemeParty<FixedPointCiphertext<VectorCiphertext>> {
  return fixedPointParty(vectorIntegers(options));
}

export function vectorIntegers(options: PartyOptions): IntegerParty<VectorCiphertext> {
  const { slots } = options;
  const parameters = vectorPreset('training');
  const { keys, secret } = makeVectorKeys({ parameters, slots, rotations: options.rotations('real', slots, 2 ** 20) });
  const plain = vectorKeysToPlain(keys);
  return {
    scheme: 'vector',
    security: 'broken',
    evaluator: new VectorEvaluator(keys),
    secret,
    options: { slots, ...FIXED_POINT },
    ciphertextBytes: encodeCbor(vectorCiphertextToPlain(secret.encrypt([1n << BigInt(FIXED_POINT.logScale)]))).length,
    publicKeyBytes: encodeCbor(plain).length,
    plain: { scheme: 'vector', keys: () => plain, ciphertext: vectorCiphertextToPlain },
    dispose: () => {},
  };
}
