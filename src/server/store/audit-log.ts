/**
 * The owner's audit log: an entry for every use of a secret key and every decision, each with the SHA-256 of itself and
 * of the one before. Entries are appended in the transaction that they tell of: both are there, or neither. Whoever
 * changes, removes or inserts one, without rewriting all after it and the remembered end, is found by `verifyAudit`.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { AuditEntry } from '../../protocol/service/types.ts';
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

/** Entries after `after`, oldest first. */
export async function readAudit(database: Database, after: number, limit: number): Promise<AuditEntry[]> {
  const rows = await rowsAfter(database, after, limit);
  return rows.map(({ at, details, ...row }) => ({
    ...row,
    at: at.toISOString(),
    details: JSON.parse(details) as AuditEntry['details'],
  }));
}

/** True where every entry is as it was written, none is missing, and the last is the one that was remembered. */
export async function verifyAudit(database: Database): Promise<boolean> {
  // The end first: what is appended meanwhile lies behind it.
  const head = await database.selectFrom('auditHead').selectAll().executeTakeFirst();
  if (head === undefined) return false;
  let previous = FIRST_PREVIOUS;
  for (let seq = 0; seq < head.seq; ) {
    const rows = await rowsAfter(database, seq, Math.min(PIECE, head.seq - seq));
    if (rows.length === 0) return false;
    for (const row of rows) {
      if (row.seq !== ++seq || row.previous !== previous || row.hash !== hashOf(row)) return false;
      previous = row.hash;
    }
  }
  return previous === head.hash;
}

function rowsAfter(database: Database, after: number, limit: number): Promise<AuditRow[]> {
  return database.selectFrom('audit').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute();
}
