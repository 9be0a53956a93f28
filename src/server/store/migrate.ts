/** Brings a database to the newest shape, or refuses one that a newer Hermetic made. */
import { sql } from 'kysely';
import { HermeticError } from '../../base/errors.ts';
import type { Database } from './database.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';

/** Any number, the same for every process that migrates: only one does at a time. */
const MIGRATION_LOCK = 0x4865726d;

/**
 * Runs the steps that are missing, each in a transaction of its own together with the note that it was done. Nothing
 * happens where none is missing.
 * @param storeId what a database that has no name yet is called from now on
 * @returns the name of the database
 * @throws HermeticError BAD_FILE for a database that is newer than this program
 */
export async function migrate(
  database: Database,
  storeId: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<string> {
  await locked(database, async (transaction) => {
    await sql`create table if not exists store (
      id integer primary key check (id = 1), version integer not null, store_id text not null)`.execute(transaction);
    await transaction
      .insertInto('store')
      .values({ id: 1, version: 0, storeId })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
  for (const migration of migrations) await locked(database, (transaction) => step(transaction, migration));
  const { version, storeId: name } = await database.selectFrom('store').selectAll().executeTakeFirstOrThrow();
  const newest = migrations.at(-1)?.version ?? 0;
  if (version <= newest) return name;
  throw new HermeticError('BAD_FILE', 'the database was made by a newer version of Hermetic', {
    expected: `version ${newest} or older`,
    got: `${version}`,
    mend: 'Use that version, or restore a backup from before it was installed.',
  });
}

/** The name that the database has been given; undefined for one that nothing was ever written to. */
export async function nameOf(database: Database): Promise<string | undefined> {
  const { rows } = await sql<{ found: boolean }>`select to_regclass('store') is not null as found`.execute(database);
  if (rows[0]?.found !== true) return undefined;
  return (await database.selectFrom('store').select('storeId').executeTakeFirst())?.storeId;
}

async function step(transaction: Database, { version, statements }: Migration): Promise<void> {
  const { version: reached } = await transaction.selectFrom('store').select('version').executeTakeFirstOrThrow();
  if (reached >= version) return;
  for (const statement of statements) await sql.raw(statement).execute(transaction);
  await transaction.updateTable('store').set({ version }).execute();
}

function locked(database: Database, work: (transaction: Database) => Promise<void>): Promise<void> {
  return database.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(transaction);
    await work(transaction);
  });
}
