/**
 * Refresh by the owner, blinded: the ciphertexts are brought to level 0, re-randomised and masked coefficient by
 * coefficient before they leave, so that the owner, who decrypts them, sees uniform integers; the masks come off under
 * encryption. The answers keep the scale that a ciphertext came with, a few hundredths of a bit from canonical.
 */
import { fromRecord, toRecord } from '../protocol/ckks-codec.ts';
import type { SeedSource } from '../ring/sampler.ts';
import { blind, unblind } from '../schemes/ckks/blinding.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { Refresher } from '../schemes/refresher.ts';
import type { ExchangeCall, RefreshExchange } from './refresh-exchange.ts';
import type { TrainerKeys } from './trainer-keys.ts';

/** @param signal of the user who wants to stop; see `ExchangeCall` */
export function ownerRefresher(
  keys: Pick<TrainerKeys, 'context' | 'publicKey'>,
  exchange: RefreshExchange,
  signal?: AbortSignal,
): Refresher<Ciphertext> {
  return {
    mode: 'owner',
    refresh: (ciphertexts, { level, step }) =>
      refreshByOwner(keys, exchange, ciphertexts, { step, level, ...(signal && { signal }) }),
  };
}

/**
 * One call to the owner.
 * @param seeds of the masks, as `blind` takes them; default: fresh ones
 */
export async function refreshByOwner(
  { context, publicKey }: Pick<TrainerKeys, 'context' | 'publicKey'>,
  exchange: RefreshExchange,
  ciphertexts: readonly Ciphertext[],
  call: ExchangeCall,
  seeds?: SeedSource,
): Promise<Ciphertext[]> {
  const blinding = blind(context, publicKey, ciphertexts, seeds);
  const answers: Ciphertext[] = [];
  try {
    const fresh = await exchange(blinding.masked.map(toRecord), call);
    for (const record of fresh) answers.push(fromRecord(context, record));
  } catch (error) {
    blinding.discard();
    for (const answer of answers) answer.dispose();
    throw error;
  }
  const unmasked = unblind(context, blinding, answers);
  for (const answer of answers) answer.dispose();
  return unmasked;
}
