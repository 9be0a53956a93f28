/** `yashe`: exact like `bfv`, by the same fixed point, on a ring of a toy's size. */

import { encodeCbor } from '../../protocol/cbor.ts';
import type { FixedPointCiphertext } from '../../schemes/fixed-point/ciphertext.ts';
import type { YasheCiphertext } from '../../schemes/yashe/ciphertext.ts';
import { YasheContext } from '../../schemes/yashe/context.ts';
import { YasheEvaluator } from '../../schemes/yashe/evaluator.ts';
import { YASHE_SET, yasheParameters } from '../../schemes/yashe/parameters.ts';
import { ciphertextToPlain, publicKeysToPlain } from '../../schemes/yashe/plain-form.ts';
import { generateYasheEvaluationKeys, generateYashePublicKey } from '../../schemes/yashe/secret/key-generation.ts';
import { YasheSecretKey } from '../../schemes/yashe/secret/secret-key.ts';
import { YasheSecret } from '../../schemes/yashe/secret/secret-scheme.ts';
import { EXACT_FIXED_POINT, EXACT_PLAIN_PRIMES, rotationsWithin } from './exact-fixed-point.ts';
import { fixedPointParty, type IntegerParty } from './fixed-point-party.ts';
import type { PartyOptions, SchemeParty } from './party.ts';

export async function yasheParty(options: PartyOptions): Promise<SchemeParty<FixedPointCiphertext<YasheCiphertext>>> {
  return fixedPointParty(await yasheIntegers(options));
}

export async function yasheIntegers(options: PartyOptions): Promise<IntegerParty<YasheCiphertext>> {
  const { slots } = options;
  const context = await YasheContext.create(await yasheParameters(YASHE_SET, EXACT_PLAIN_PRIMES));
  const secretKey = YasheSecretKey.generate(context);
  const publicKey = generateYashePublicKey(context, secretKey);
  const rotations = rotationsWithin(options, slots);
  const keys = generateYasheEvaluationKeys(context, secretKey, publicKey, { rotations, relinearization: true });
  const secret = new YasheSecret(context, secretKey, publicKey);
  const plain = publicKeysToPlain({ context, publicKey, evaluationKeys: keys });
  const sample = secret.encrypt([1n]);
  const ciphertextBytes = encodeCbor(ciphertextToPlain(context, sample)).length;
  sample.dispose();
  return {
    scheme: 'yashe',
    security: 'broken',
    evaluator: new YasheEvaluator(context, keys),
    secret,
    options: { slots, ...EXACT_FIXED_POINT },
    ciphertextBytes,
    publicKeyBytes: encodeCbor(plain).length,
    plain: { scheme: 'yashe', keys: () => plain, ciphertext: (x) => ciphertextToPlain(context, x) },
    dispose: () => {
      secretKey.dispose();
      context.dispose();
    },
  };
}
