/**
 * Refresh by the owner, blinded: the ciphertexts are brought to level 0, re-randomised and masked coefficient by
 * coefficient before they leave, so that the owner, who decrypts them, sees uniform integers; the masks come off under
 * encryption. The answers keep the scale that a ciphertext came with, a few hundredths of a bit from canonical.
 */
import { fromRecord, toRecord } from '../protocol/ckks-codec.ts';
import { blind, unblind } from '../schemes/ckks/blinding.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { Refresher } from '../schemes/refresher.ts';
import type { RefreshExchange } from './refresh-exchange.ts';
import type { TrainerKeys } from './trainer-keys.ts';

/** @param signal of the user who wants to stop; see `ExchangeCall` */
export function ownerRefresher(
  { context, publicKey }: Pick<TrainerKeys, 'context' | 'publicKey'>,
  exchange: RefreshExchange,
  signal?: AbortSignal,
): Refresher<Ciphertext> {
  return {
    mode: 'owner',
    refresh: async (ciphertexts, { level, step }) => {
      const blinding = blind(context, publicKey, ciphertexts);
      const answers: Ciphertext[] = [];
      try {
        const records = blinding.masked.map(toRecord);
        const fresh = await exchange(records, { step, level, ...(signal && { signal }) });
        for (const record of fresh) answers.push(fromRecord(context, record));
      } catch (error) {
        blinding.discard();
        for (const answer of answers) answer.dispose();
        throw error;
      }
      const unmasked = unblind(context, blinding, answers);
      for (const answer of answers) answer.dispose();
      return unmasked;
    },
  };
}
