/** Keys as the owner sees them: whose they are, and how many bits each has answered (`owner/unlock-ledger.ts`). */
import { sql } from 'kysely';
import { outputSize } from '../../nn/network.ts';
import { unlockLimit } from '../../owner/unlock-ledger.ts';
import { bitsOfAnswer } from '../../owner/unlock-policy.ts';
import type { BitAccount, ServedKey, UnlockPolicy, UnlockView } from '../../protocol/service/types.ts';
import type { KeyRow, UnlockRow } from '../store/tables.ts';
import { knownSet } from '../vault/parameter-sets.ts';
import { ancestorsOf, carriedBy } from './charging.ts';
import type { ServiceContext } from './context.ts';
import { architectureOf, unlockView } from './views.ts';

type CountedRow = KeyRow & { readonly used: number };

/** All keys of a network, oldest first. */
export async function networkKeys({ database }: ServiceContext, networkId: string): Promise<ServedKey[]> {
  return views(database, await keysWithBits(database).where('networkId', '=', networkId).execute());
}

/** One key. */
export async function readKey({ database }: ServiceContext, id: string): Promise<ServedKey> {
  return (await views(database, await keysWithBits(database).where('id', '=', id).execute()))[0];
}

/** The keys that trainers have now. */
export async function trainersKeys({ database }: ServiceContext): Promise<ServedKey[]> {
  const query = keysWithBits(database).where('partyId', 'is not', null).where('retiredAt', 'is', null);
  return views(database, await query.execute());
}

function keysWithBits(database: ServiceContext['database']) {
  return database
    .selectFrom('keys')
    .selectAll()
    .select(sql<number>`(select coalesce(sum(bits), 0)::bigint from unlock_answers where key_id = keys.id)`.as('used'))
    .orderBy('createdAt');
}

/**
 * What is left of a key is what may still be answered about what it seals: no more than is left of any key that its
 * weights went through.
 */
async function views(database: ServiceContext['database'], rows: readonly CountedRow[]): Promise<ServedKey[]> {
  if (rows.length === 0) return [];
  const models = await ancestorsOf(
    database,
    rows.map(({ id }) => id),
  );
  const carried = new Map(rows.map(({ id }) => [id, carriedBy(id, models)]));
  const others = [...new Set([...carried.values()].flat())].filter((id) => !rows.some((row) => row.id === id));
  const counted = others.length === 0 ? [] : await keysWithBits(database).where('id', 'in', others).execute();
  const accounts = new Map(
    await Promise.all([...rows, ...counted].map(async (row) => [row.id, await accountOf(row)] as const)),
  );
  return rows.map((row) => {
    const scarcest = [row.id, ...(carried.get(row.id) ?? [])]
      .map((id) => ({ id, left: (accounts.get(id) as BitAccount).left }))
      .reduce((least, each) => (each.left < least.left ? each : least));
    return keyView(row, accounts.get(row.id) as BitAccount, scarcest);
  });
}

async function accountOf({ setName, used }: CountedRow): Promise<BitAccount> {
  const limit = unlockLimit(await knownSet(setName));
  return { used, left: Math.max(0, limit - used), limit };
}

function keyView(
  { id, networkId, partyId, createdAt, retiredAt, givenUpAt }: CountedRow,
  bits: BitAccount,
  scarcest: { readonly id: string; readonly left: number },
): ServedKey {
  return {
    id,
    networkId,
    partyId: partyId ?? undefined,
    createdAt: createdAt.toISOString(),
    retiredAt: retiredAt?.toISOString(),
    givenUpAt: givenUpAt?.toISOString(),
    bits: { ...bits, left: scarcest.left },
    heldBy: scarcest.id === id ? undefined : scarcest.id,
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
    const bits = bitsOfAnswer(JSON.parse(policy) as UnlockPolicy, row.rowCount, outputs.get(row.networkId) ?? 1);
    return { ...unlockView(row), bits };
  });
}
