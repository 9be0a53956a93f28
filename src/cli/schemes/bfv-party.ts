/** `bfv`: exact, at 128 bits, in fixed point whose scale the owner renews once a step. */

import { polynomialsOf } from '../../rlwe/keys.ts';
import { generateEvaluationKeys, generatePublicKey } from '../../rlwe/secret/key-generation.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import type { BfvCiphertext } from '../../schemes/bfv/ciphertext.ts';
import { BfvContext } from '../../schemes/bfv/context.ts';
import { BfvEvaluator } from '../../schemes/bfv/evaluator.ts';
import { bfvParameters, insecureBfvParameters } from '../../schemes/bfv/parameters.ts';
import { BfvSecret } from '../../schemes/bfv/secret/secret-scheme.ts';
import type { FixedPointCiphertext } from '../../schemes/fixed-point/ciphertext.ts';
import { EXACT_FIXED_POINT, EXACT_PLAIN_PRIMES, rotationsWithin } from './exact-fixed-point.ts';
import { fixedPointParty, type IntegerParty } from './fixed-point-party.ts';
import type { PartyOptions, SchemeParty } from './party.ts';

const WORD = Uint32Array.BYTES_PER_ELEMENT;

export async function bfvParty(options: PartyOptions): Promise<SchemeParty<FixedPointCiphertext<BfvCiphertext>>> {
  return fixedPointParty(await bfvIntegers(options));
}

export async function bfvIntegers(options: PartyOptions): Promise<IntegerParty<BfvCiphertext>> {
  const { threads } = options;
  const slots = 2 * options.slots;
  const parameters = options.insecure
    ? await insecureBfvParameters({ logN: 6, limbs: 12, special: 3, plainPrimes: EXACT_PLAIN_PRIMES })
    : await bfvParameters('F14S', EXACT_PLAIN_PRIMES);
  const context = await BfvContext.create(parameters, threads === undefined ? {} : { threads });
  const secretKey = SecretKey.generate(context);
  const publicKey = generatePublicKey(context, secretKey);
  const keys = generateEvaluationKeys(context, secretKey, {
    rotations: rotationsWithin(options, slots),
    conjugation: false,
    relinearization: true,
  });
  const { N, primes, plainPrimes, securityBits } = parameters;
  const limbs = [...polynomialsOf(keys)].reduce((sum, poly) => sum + poly.limbCount, 0);
  return {
    scheme: 'bfv',
    security: options.insecure ? 'insecure' : `${securityBits} bits`,
    evaluator: new BfvEvaluator(context, keys, publicKey),
    secret: new BfvSecret(context, secretKey),
    options: { slots, ...EXACT_FIXED_POINT },
    ciphertextBytes: 2 * primes.length * plainPrimes.length * N * WORD,
    // Half of every key is expanded from a seed.
    publicKeyBytes: ((limbs + 2 * publicKey.b.limbCount) / 2) * N * WORD,
    dispose: () => {
      secretKey.dispose();
      context.dispose();
    },
  };
}
