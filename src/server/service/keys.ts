/** Keys as the owner sees them: whose they are, and how many bits each has answered (`owner/unlock-ledger.ts`). */
import { sql } from 'kysely';
import { outputSize } from '../../nn/network.ts';
import { unlockLimit } from '../../owner/unlock-ledger.ts';
import { bitsOfAnswer } from '../../owner/unlock-policy.ts';
import type { ServedKey, UnlockPolicy, UnlockView } from '../../protocol/service/types.ts';
import type { KeyRow, UnlockRow } from '../store/tables.ts';
import type { ServiceContext } from './context.ts';
import { knownSet } from './parameter-sets.ts';
import { architectureOf, unlockView } from './views.ts';

type CountedRow = KeyRow & { readonly used: number };

/** All keys of a network, oldest first. */
export async function networkKeys({ database }: ServiceContext, networkId: string): Promise<ServedKey[]> {
  return views(await countedKeys(database).where('networkId', '=', networkId).execute());
}

/** The keys that trainers have now. */
export async function trainersKeys({ database }: ServiceContext): Promise<ServedKey[]> {
  const query = countedKeys(database).where('partyId', 'is not', null).where('retiredAt', 'is', null);
  return views(await query.execute());
}

function countedKeys(database: ServiceContext['database']) {
  return database
    .selectFrom('keys')
    .selectAll()
    .select(sql<number>`(select coalesce(sum(bits), 0)::bigint from unlock_answers where key_id = keys.id)`.as('used'))
    .orderBy('createdAt');
}

function views(rows: readonly CountedRow[]): Promise<ServedKey[]> {
  return Promise.all(rows.map(keyView));
}

async function keyView({
  id,
  networkId,
  partyId,
  createdAt,
  retiredAt,
  setName,
  used,
}: CountedRow): Promise<ServedKey> {
  const limit = unlockLimit(await knownSet(setName));
  return {
    id,
    networkId,
    partyId: partyId ?? undefined,
    createdAt: createdAt.toISOString(),
    retiredAt: retiredAt?.toISOString(),
    bits: { used, left: Math.max(0, limit - used), limit },
  };
}

/** Requests as the owner sees them; of those that wait, what an answer costs. */
export async function ownerUnlockViews(
  { database }: ServiceContext,
  rows: readonly UnlockRow[],
): Promise<UnlockView[]> {
  const parties = await database.selectFrom('parties').select(['id', 'unlockPolicy']).execute();
  const networks = await database.selectFrom('networks').select(['id', 'architecture']).execute();
  const policies = new Map(parties.map(({ id, unlockPolicy }) => [id, unlockPolicy]));
  const outputs = new Map(networks.map((network) => [network.id, outputSize(architectureOf(network))]));
  return rows.map((row) => {
    const policy = policies.get(row.partyId) ?? null;
    if (row.status !== 'pending' || policy === null) return unlockView(row);
    // A row that is named twice is one answer.
    const asked = new Set(JSON.parse(row.rows) as number[]).size;
    const bits = bitsOfAnswer(JSON.parse(policy) as UnlockPolicy, asked, outputs.get(row.networkId) ?? 1);
    return { ...unlockView(row), bits };
  });
}
