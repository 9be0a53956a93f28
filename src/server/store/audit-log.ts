/**
 * The owner's audit log: an entry for every use of a secret key and every decision, each with the SHA-256 of itself and
 * of the one before. Entries are appended in the transaction that they tell of: both are there, or neither. Whoever
 * changes, removes or inserts one, without rewriting all after it and the remembered end, is found by `verifyAudit`.
 */
import { createHash } from 'node:crypto';
import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { AuditEnd, AuditEntry, AuditPage, AuditQuery } from '../../protocol/service/types.ts';
import type { Database } from './database.ts';
import type { AuditRow } from './tables.ts';

/** What stands where no entry is before. */
export const FIRST_PREVIOUS: string = '0'.repeat(64);

export interface AuditNote {
  /** 'owner', 'service', or a party's name. */
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details?: AuditEntry['details'];
}

/** Rows that are verified at a time. */
const PIECE = 2000;

/** Appends inside `transaction`, which others that append wait for from here to its end: call it last. */
export async function appendAudit(transaction: Database, at: Date, ...notes: readonly AuditNote[]): Promise<void> {
  const { seq: last, hash: lastHash } = await transaction
    .selectFrom('auditHead')
    .select(['seq', 'hash'])
    .forUpdate()
    .executeTakeFirstOrThrow();
  const rows: AuditRow[] = [];
  for (const { actor, action, subject, details = {} } of notes) {
    const previous = rows.at(-1)?.hash ?? lastHash;
    const seq = last + rows.length + 1;
    const row = { seq, at, actor, action, subject, details: canonicalJson(details), previous };
    rows.push({ ...row, hash: hashOf(row) });
  }
  const end = rows.at(-1);
  if (end === undefined) return;
  await transaction.insertInto('audit').values(rows).execute();
  await transaction.updateTable('auditHead').set({ seq: end.seq, hash: end.hash }).execute();
}

/** SHA-256, in hexadecimal, of the canonical JSON of an entry without its own hash. */
function hashOf({ seq, at, actor, action, subject, details, previous }: Omit<AuditRow, 'hash'>): string {
  const text = canonicalJson({ seq, at: at.toISOString(), actor, action, subject, details, previous });
  return createHash('sha256').update(text).digest('hex');
}

/** Of the log: what is asked for, see `protocol/service/types.ts`. */
export type AuditSelection = Omit<AuditQuery, 'limit'>;

/** At most `limit` entries, oldest first unless the newest are asked for. */
export async function readAudit(database: Database, selection: AuditSelection, limit: number): Promise<AuditEntry[]> {
  const { order = 'oldest', after, before } = selection;
  let query = selectMatching(database, selection).selectAll().limit(limit);
  if (after !== undefined) query = query.where('seq', '>', after);
  if (before !== undefined) query = query.where('seq', '<', before);
  const rows = await query.orderBy('seq', order === 'oldest' ? 'asc' : 'desc').execute();
  return rows.map(({ at, details, ...row }) => ({
    ...row,
    at: at.toISOString(),
    details: JSON.parse(details) as AuditEntry['details'],
  }));
}

/** How many entries there are of those that are asked for, before and after whatever number. */
export async function countAudit(database: Database, selection: AuditSelection): Promise<number> {
  const { count } = await selectMatching(database, selection)
    .select((build) => build.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/** Who and what occurs in the log, in alphabetical order. */
export async function auditNames(database: Database): Promise<Pick<AuditPage, 'actors' | 'actions'>> {
  const actors = await database.selectFrom('audit').select('actor').distinct().orderBy('actor').execute();
  const actions = await database.selectFrom('audit').select('action').distinct().orderBy('action').execute();
  return { actors: actors.map(({ actor }) => actor), actions: actions.map(({ action }) => action) };
}

function selectMatching(database: Database, { actor, action, network }: AuditSelection) {
  let query = database.selectFrom('audit');
  if (actor !== undefined) query = query.where('actor', '=', actor);
  if (action !== undefined) query = query.where('action', '=', action);
  if (network !== undefined) query = query.where(ofNetwork(network));
  return query;
}

/** Entries name what they are about, or whose it is, or under which key. */
function ofNetwork(network: string): RawBuilder<SqlBool> {
  const named = sql`(select ${network}::text
    union all select id from parties where network_id = ${network}
    union all select id from keys where network_id = ${network}
    union all select id from models where network_id = ${network}
    union all select id from unlocks where network_id = ${network})`;
  const detail = (name: string) => sql`(details::jsonb ->> ${name}::text) in ${named}`;
  return sql<SqlBool>`(subject in ${named} or ${detail('party')} or ${detail('key')})`;
}

export interface AuditCheck {
  /** Every entry is as it was written, none is missing, and the last is the one that was remembered. */
  readonly intact: boolean;
  /** The one that is remembered as the last. */
  readonly end: AuditEnd;
}

/** True where the log is intact. */
export async function verifyAudit(database: Database): Promise<boolean> {
  return (await checkAudit(database)).intact;
}

export async function checkAudit(database: Database): Promise<AuditCheck> {
  // The end first: what is appended meanwhile lies behind it.
  const head = await database.selectFrom('auditHead').selectAll().executeTakeFirst();
  if (head === undefined) return { intact: false, end: { seq: 0, hash: FIRST_PREVIOUS } };
  const end = { seq: head.seq, hash: head.hash };
  return { intact: await reaches(database, end), end };
}

async function reaches(database: Database, end: AuditEnd): Promise<boolean> {
  let previous = FIRST_PREVIOUS;
  for (let seq = 0; seq < end.seq; ) {
    const rows = await rowsAfter(database, seq, Math.min(PIECE, end.seq - seq));
    if (rows.length === 0) return false;
    for (const row of rows) {
      if (row.seq !== ++seq || row.previous !== previous || row.hash !== hashOf(row)) return false;
      previous = row.hash;
    }
  }
  return previous === end.hash;
}

function rowsAfter(database: Database, after: number, limit: number): Promise<AuditRow[]> {
  return database.selectFrom('audit').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute();
}
