/** Refreshes in two steps, between which the caller counts: what a request says, and its answer. */
import { createHash } from 'node:crypto';
import { reencryptor } from '../../owner/owner-refresh.ts';
import { answerRefresh } from '../../owner/refresh-service.ts';
import { memorySource } from '../../protocol/byte-source.ts';
import { readRefreshRequest } from '../../protocol/refresh-message.ts';
import type { Argument } from './jobs.ts';
import { parametersOf } from './parameter-sets.ts';
import type { Done, Room } from './room.ts';
import { Moved } from './wire.ts';

export async function readRefresh(
  _room: Room,
  { set, body, maxRecords }: Argument<'readRefresh'>,
): Done<'readRefresh'> {
  const parameters = await parametersOf(set);
  const message = await readRefreshRequest(memorySource(body), parameters, { maxRecords, onWarning: () => {} });
  const digest = createHash('sha256').update(body).digest('hex');
  return new Moved({ message, digest }, ...message.records.flatMap(({ polynomials }) => polynomials));
}

export function reencrypt({ keys }: Room, { keyId, message }: Argument<'reencrypt'>): Done<'reencrypt'> {
  return keys.use(keyId, async (own) => {
    const answer = await answerRefresh(reencryptor(own), message);
    return new Moved(answer, answer);
  });
}
