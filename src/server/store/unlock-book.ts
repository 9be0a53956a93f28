/** The ledger of what was answered under a key, as rows: see `owner/unlock-ledger.ts`. */
import type { UnlockAnswer, UnlockBook, UnlockEntries } from '../../owner/unlock-ledger.ts';
import type { Database } from './database.ts';

/** What was entered under each key. */
export type Entered = ReadonlyMap<string, readonly UnlockAnswer[]>;

/**
 * The book of some keys. What is entered, and what `note` writes in the same transaction, is kept before anything is
 * decrypted; `note` is called even where all was answered before, for the keys are used again.
 */
export function databaseUnlockBook(
  database: Database,
  keyIds: readonly string[],
  note: (transaction: Database, added: Entered) => Promise<void>,
): UnlockBook {
  return {
    read: () => entriesOf(database, keyIds),
    update: (change) =>
      // What others entered meanwhile must be seen once the keys are locked, whatever the database's default is.
      database
        .transaction()
        .setIsolationLevel('read committed')
        .execute(async (transaction) => {
          await lockKeys(transaction, keyIds);
          const entries = await entriesOf(transaction, keyIds);
          const changed = change(entries);
          const added = new Map<string, readonly UnlockAnswer[]>();
          for (const keyId of keyIds) {
            const known = entries.get(keyId)?.length ?? 0;
            const answers = (changed.get(keyId) ?? []).slice(known);
            await insertAnswers(transaction, keyId, answers, known);
            added.set(keyId, answers);
          }
          await note(transaction, added);
        }),
  };
}

/** In one order, whoever asks: no two wait for each other. */
async function lockKeys(transaction: Database, keyIds: readonly string[]): Promise<void> {
  for (const id of keyIds.toSorted()) {
    await transaction.selectFrom('keys').select('id').where('id', '=', id).forUpdate().executeTakeFirstOrThrow();
  }
}

/** Rows of one statement, which takes 65,535 parameters at most. */
const PIECE = 5000;

async function insertAnswers(
  transaction: Database,
  keyId: string,
  answers: readonly UnlockAnswer[],
  known: number,
): Promise<void> {
  const rows = answers.map((answer, i) => ({ keyId, ...answer, position: known + i }));
  for (let i = 0; i < rows.length; i += PIECE) {
    await transaction
      .insertInto('unlockAnswers')
      .values(rows.slice(i, i + PIECE))
      .execute();
  }
}

async function entriesOf(database: Database, keyIds: readonly string[]): Promise<UnlockEntries> {
  const entries = new Map<string, UnlockAnswer[]>(keyIds.map((keyId) => [keyId, []]));
  const answers = await database
    .selectFrom('unlockAnswers')
    .select(['keyId', 'predictions', 'row', 'release', 'bits'])
    .where('keyId', 'in', [...keyIds])
    .orderBy('position')
    .execute();
  for (const { keyId, ...answer } of answers) entries.get(keyId)?.push(answer);
  return entries;
}
