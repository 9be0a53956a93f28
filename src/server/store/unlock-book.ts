/** The ledger of what was answered under a key, as rows: see `owner/unlock-ledger.ts`. */
import type { UnlockAnswer, UnlockBook, UnlockEntries } from '../../owner/unlock-ledger.ts';
import type { Database } from './database.ts';

/**
 * The book of one key. What is entered, and what `note` writes in the same transaction, is kept before anything is
 * decrypted; `note` is called even where all was answered before, for the key is used again.
 */
export function databaseUnlockBook(
  database: Database,
  keyId: string,
  note: (transaction: Database, added: readonly UnlockAnswer[]) => Promise<void>,
): UnlockBook {
  return {
    read: () => entriesOf(database, keyId),
    update: (change) =>
      database.transaction().execute(async (transaction) => {
        await transaction.selectFrom('keys').select('id').where('id', '=', keyId).forUpdate().executeTakeFirstOrThrow();
        const entries = await entriesOf(transaction, keyId);
        const known = entries.get(keyId)?.length ?? 0;
        const added = (change(entries).get(keyId) ?? []).slice(known);
        const rows = added.map((answer, i) => ({ keyId, ...answer, position: known + i }));
        for (let i = 0; i < rows.length; i += PIECE) {
          await transaction
            .insertInto('unlockAnswers')
            .values(rows.slice(i, i + PIECE))
            .execute();
        }
        await note(transaction, added);
      }),
  };
}

/** Rows of one statement, which takes 65,535 parameters at most. */
const PIECE = 5000;

async function entriesOf(database: Database, keyId: string): Promise<UnlockEntries> {
  const answers = await database
    .selectFrom('unlockAnswers')
    .select(['predictions', 'row', 'release', 'bits'])
    .where('keyId', '=', keyId)
    .orderBy('position')
    .execute();
  return new Map([[keyId, answers]]);
}
