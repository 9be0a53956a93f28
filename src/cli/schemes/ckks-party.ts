/** `ckks`: the default, at its default set, with the blinded refresh of the product. */

import { createKeys } from '../../owner/owner-keys.ts';
import { polynomialsOf } from '../../rlwe/keys.ts';
import { blind, unblind } from '../../schemes/ckks/blinding.ts';
import type { Ciphertext } from '../../schemes/ckks/ciphertext.ts';
import { CkksEvaluator } from '../../schemes/ckks/evaluator.ts';
import { parameterSet } from '../../schemes/ckks/parameters.ts';
import type { PartyOptions, SchemeParty } from './party.ts';

const SET = 'L14';
const INSECURE_SET = 'insecure-10-9-3';
const WORD = Uint32Array.BYTES_PER_ELEMENT;

export async function ckksParty(options: PartyOptions): Promise<SchemeParty<Ciphertext>> {
  const set = options.insecure ? INSECURE_SET : SET;
  const { slots, maxLevel, N, primes } = await parameterSet(set);
  const rotations = options.rotations('complex', slots, maxLevel);
  const { threads } = options;
  const needs = { rotations, conjugation: true, relinearization: true };
  const keys = await createKeys({ set, needs, ...(threads !== undefined && { threads }) });
  const { context, scheme, evaluationKeys, publicKey } = keys;
  const evaluator = new CkksEvaluator(context, evaluationKeys);
  const limbs = [...polynomialsOf(evaluationKeys)].reduce((sum, poly) => sum + poly.limbCount, 0);
  return {
    scheme: 'ckks',
    security: options.insecure ? 'insecure' : `${keys.parameters.description.securityBits} bits`,
    capabilities: { slots: 'complex', arithmetic: 'approximate', scales: 'kept', levels: 'owner' },
    evaluator,
    refresher: {
      mode: 'owner',
      refresh: async (ciphertexts, { level }) => {
        const blinding = blind(context, publicKey, ciphertexts);
        return unblind(
          context,
          blinding,
          blinding.masked.map((masked) => scheme.reencryptMasked(masked, level)),
        );
      },
    },
    encrypt: ({ re, im }, level) => scheme.encrypt({ re, ...(im && { im }) }, level),
    decrypt: (ciphertext) => scheme.decrypt(ciphertext),
    ciphertextBytes: 2 * primes.length * N * WORD,
    ciphertextSlots: slots,
    // Half of every key is expanded from a seed.
    publicKeyBytes: ((limbs + 2 * publicKey.b.limbCount) / 2) * N * WORD,
    precisionBits: 12,
    dispose: () => keys.dispose(),
  };
}
