/**
 * Which keys an answer is charged to: besides the one that it is decrypted under, those under which an ancestor of the
 * weights behind it came back from a trainer (`owner/unlock-ledger.ts`, "Whose bits"). A key that the owner has given up
 * protects nothing and is charged no more.
 */
import { type CountedKey, type UnlockAnswer, UnlockLedger } from '../../owner/unlock-ledger.ts';
import type { Database } from '../store/database.ts';
import type { ModelRow } from '../store/tables.ts';
import { databaseUnlockBook } from '../store/unlock-book.ts';
import { knownSet } from '../vault/parameter-sets.ts';
import type { ServiceContext } from './context.ts';

/** A model with what becomes of its key. */
export type Ancestor = Pick<ModelRow, 'id' | 'parentId' | 'keyId' | 'status'> & { readonly givenUpAt: Date | null };

/** All models of the networks that these keys belong to. */
export function ancestorsOf(database: Database, keyIds: readonly string[]): Promise<Ancestor[]> {
  const networks = database
    .selectFrom('keys')
    .select('networkId')
    .where('id', 'in', [...keyIds]);
  return database
    .selectFrom('models')
    .innerJoin('keys', 'keys.id', 'models.keyId')
    .select(['models.id', 'models.parentId', 'models.keyId', 'models.status', 'keys.givenUpAt'])
    .where('models.networkId', 'in', networks)
    .execute();
}

/** Of what was sealed under a key: the keys of the accepted models among its ancestors. Its own is not one of them. */
export function carriedBy(keyId: string, models: readonly Ancestor[]): string[] {
  const byId = new Map(models.map((model) => [model.id, model]));
  const found = new Set<string>();
  let model = models.find((each) => each.keyId === keyId && each.status === 'sealed');
  for (; model !== undefined; model = byId.get(model.parentId ?? '')) {
    if (model.status === 'accepted' && model.givenUpAt === null) found.add(model.keyId);
  }
  return [...found];
}

export async function carriedKeys(database: Database, keyId: string): Promise<string[]> {
  return carriedBy(keyId, await ancestorsOf(database, [keyId]));
}

/** Enters what is about to be told under all of the keys, and `note` in the same transaction. @throws POLICY_DENIED */
export async function chargeKeys(
  { database }: ServiceContext,
  keyIds: readonly string[],
  answers: readonly UnlockAnswer[],
  note: (transaction: Database, bits: number) => Promise<void>,
): Promise<void> {
  const keys = await countedKeys(database, keyIds);
  const book = databaseUnlockBook(database, keyIds, (transaction, added) => note(transaction, mostBits(added)));
  await new UnlockLedger(book).chargeAll(keys, answers);
}

async function countedKeys(database: Database, keyIds: readonly string[]): Promise<CountedKey[]> {
  const rows = await database
    .selectFrom('keys')
    .select(['id', 'setName'])
    .where('id', 'in', [...keyIds])
    .execute();
  return Promise.all(
    rows.map(async ({ id, setName }) => ({ keyId: id, context: { parameters: await knownSet(setName) } })),
  );
}

function mostBits(added: ReadonlyMap<string, readonly UnlockAnswer[]>): number {
  const sums = [...added.values()].map((answers) => answers.reduce((sum, { bits }) => sum + bits, 0));
  return Math.max(0, ...sums);
}
