/**
 * Moves the rows of a service's store to another database: from the one in its folder to a PostgreSQL server, or back.
 * All rows or none arrive; then the old database gives up its name, so that nobody goes on with it by mistake: what it
 * counts (refreshes, unlocked answers) would begin anew there.
 */

import { join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { verifyAudit } from '../../server/store/audit-log.ts';
import { type Database, openDatabase } from '../../server/store/database.ts';
import { migrate } from '../../server/store/migrate.ts';
import { openStore } from '../../server/store/open-store.ts';
import type { Tables } from '../../server/store/tables.ts';

export interface MoveRequest {
  readonly folder: string;
  /** Where the rows are: an address, or the database in the folder. */
  readonly from?: string | undefined;
  /** Where they shall be. */
  readonly to?: string | undefined;
}

export interface Moved {
  readonly rows: number;
  readonly auditEntries: number;
}

/** Every table but the one of the store's name, in an order in which each row finds those that it names. */
const ORDER = [
  ['blobs', 'sha256'],
  ['networks', 'createdAt'],
  ['parties', 'createdAt'],
  ['invitations', 'createdAt'],
  ['keys', 'createdAt'],
  ['models', 'createdAt'],
  ['records', 'createdAt'],
  ['runs', 'startedAt'],
  ['runHistories', 'runId'],
  ['refreshes', 'calledAt'],
  ['uploads', 'createdAt'],
  ['unlocks', 'createdAt'],
  ['unlockAnswers', 'position'],
  ['audit', 'seq'],
] as const satisfies readonly (readonly [keyof Tables, string])[];

/** Rows of a statement: PostgreSQL takes 65,535 values. */
const PIECE = 500;

/** HermeticError BAD_ARGUMENT where there is nothing to move or no room for it; BAD_FILE, DISK. */
export async function moveStore({ folder, from, to }: MoveRequest): Promise<Moved> {
  if (from === to) throw nowhere();
  const store = await openStore({ folder, ...(from !== undefined && { database: from }) });
  try {
    const target = await openTarget(folder, to);
    try {
      return await moveRows(store.database, target);
    } finally {
      await target.destroy();
    }
  } finally {
    await store.close();
  }
}

async function openTarget(folder: string, to: string | undefined): Promise<Database> {
  if (to !== undefined) return openDatabase(to);
  const path = join(folder, 'db');
  await makeFolder(path);
  return openDatabase(path);
}

async function moveRows(source: Database, target: Database): Promise<Moved> {
  if (!(await verifyAudit(source))) throw brokenChain();
  const { storeId } = await source.selectFrom('store').select('storeId').executeTakeFirstOrThrow();
  if ((await migrate(target, storeId)) !== storeId || (await isUsed(target))) throw inUse();
  const rows = await target.transaction().execute(async (transaction) => {
    let count = 0;
    for (const [table, order] of ORDER) count += await copyTable(source, transaction, table, order);
    const { seq, hash } = await source.selectFrom('auditHead').selectAll().executeTakeFirstOrThrow();
    await transaction.updateTable('auditHead').set({ seq, hash }).execute();
    if (!(await verifyAudit(transaction))) throw brokenChain();
    return count;
  });
  await source
    .updateTable('store')
    .set({ storeId: `moved, was ${storeId}` })
    .execute();
  const { seq } = await target.selectFrom('auditHead').select('seq').executeTakeFirstOrThrow();
  return { rows, auditEntries: seq };
}

async function isUsed(database: Database): Promise<boolean> {
  const party = await database.selectFrom('parties').select('id').limit(1).executeTakeFirst();
  const { seq } = await database.selectFrom('auditHead').select('seq').executeTakeFirstOrThrow();
  return party !== undefined || seq > 0;
}

/** Rows as they are; the columns are the same on both sides, for both are at the newest version. */
async function copyTable(
  source: Database,
  target: Database,
  table: (typeof ORDER)[number][0],
  order: (typeof ORDER)[number][1],
): Promise<number> {
  // Which table it is changes nothing here, and to the types everything.
  const [from, to] = [source, target] as unknown as [AnyTable, AnyTable];
  const rows = await from.selectFrom(table).selectAll().orderBy(order).execute();
  for (let start = 0; start < rows.length; start += PIECE) {
    await to
      .insertInto(table)
      .values(rows.slice(start, start + PIECE))
      .execute();
  }
  return rows.length;
}

interface AnyTable {
  selectFrom(table: string): { selectAll(): { orderBy(order: string): { execute(): Promise<object[]> } } };
  insertInto(table: string): { values(rows: object[]): { execute(): Promise<unknown> } };
}

function nowhere(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'the rows are where they shall be', {
    mend: 'Give --to postgres://… to move them to a server, or --from postgres://… to bring them back.',
  });
}

function inUse(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'the other database is in use already', {
    expected: 'an empty one',
    mend: 'Make a new database. Where the folder holds an old one that was moved away from, put its db aside first.',
  });
}

function brokenChain(): HermeticError {
  return new HermeticError('BAD_FILE', 'the audit log is not as the service wrote it, and nothing was moved', {
    mend: 'Compare it with a backup: entries were changed or removed.',
  });
}
