/** Keys that the owner lets go of: what went through them is charged to them no more (`charging.ts`). */
import type { ServedKey } from '../../protocol/service/types.ts';
import { found, problem } from '../problems.ts';
import { appendAudit } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { KeyRow } from '../store/tables.ts';
import { carriedKeys } from './charging.ts';
import { type ServiceContext, transact } from './context.ts';
import { readKey } from './keys.ts';
import { findTrainer } from './parties.ts';
import type { Call } from './route.ts';

/**
 * POST /v1/keys/{id}/give-up: the owner lets go of what was sealed under a key that nobody trains under any more. It may carry
 * the keys of earlier trainers, whose secrets go with it: those are given up too, and must be idle as well.
 */
export async function giveUpKey(
  service: ServiceContext,
  { params: { id } }: Call<unknown, unknown>,
): Promise<ServedKey> {
  const now = service.now();
  const { database } = service;
  const key = found(await database.selectFrom('keys').selectAll().where('id', '=', id).executeTakeFirst(), 'key');
  const ids = [id, ...(await carriedKeys(database, id))];
  const keys = await database.selectFrom('keys').selectAll().where('id', 'in', ids).execute();
  for (const each of keys) await requireIdle(database, each);
  await transact(service, async (transaction) => {
    const given = await transaction
      .updateTable('keys')
      .set({ givenUpAt: now })
      .where('id', 'in', ids)
      .where('givenUpAt', 'is', null)
      .returning('id')
      .execute();
    const notes = given.map((each) => ({ actor: 'owner', action: 'give-up', subject: each.id }) as const);
    await appendAudit(transaction, now, ...notes);
  });
  service.events.emit('network', key.networkId, now);
  return readKey(service, id);
}

async function requireIdle(database: Database, { id, partyId }: KeyRow): Promise<void> {
  if (partyId === null) throw problem(409, 'POLICY_DENIED', 'this key is the owner’s own: no trainer has it');
  const party = await findTrainer(database, partyId);
  if (party.keyId !== id || party.revokedAt !== null) return;
  throw problem(409, 'POLICY_DENIED', `${party.name} trains under this key`, {
    mend: 'Rekey or revoke the party first.',
  });
}
