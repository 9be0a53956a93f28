/** Requests to unlock predictions: answered by the party's policy, or by the owner. */
import { createHash } from 'node:crypto';
import { type UnlockDecision, unlockForParty } from '../../owner/unlock-policy.ts';
import type { Decision, UnlockPolicy, UnlockRequest, UnlockView } from '../../protocol/service/types.ts';
import { randomId } from '../node/durable.ts';
import { denied, found, problem } from '../problems.ts';
import { appendAudit } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { PartyRow, UnlockRow } from '../store/tables.ts';
import { type ServiceContext, transact } from './context.ts';
import { ownerUnlockViews } from './keys.ts';
import { findNetwork } from './networks.ts';
import { findTrainer } from './parties.ts';
import type { UnlocksQuery } from './requests.ts';
import type { Call } from './route.ts';
import { approved, decide, type UnlockWish } from './unlock-answers.ts';
import { completeUpload, holdUploads } from './uploads.ts';
import { unlockView } from './views.ts';

/** Requests of a party that wait for the owner. */
const MOST_PENDING = 32;
/** Requests of a party that were denied and are kept. */
const MOST_DENIED = 100;

/** POST /v1/unlocks. The same rows of the same file, with the same features, again are the same request, unless asked anew. */
export function requestUnlock(
  service: ServiceContext,
  { party, body: { uploadId, rows, features, again } }: Call<UnlockRequest, unknown>,
): Promise<UnlockView> {
  return holdUploads(service, party.id, async () => {
    const policy = await policyOf(service, party.id);
    const network = await findNetwork(service.database, party.networkId ?? '');
    const { sha256, id: upload } = await completeUpload(service, party.id, uploadId, 'predictions');
    const featuresDigest = digestOf(features);
    const same = { sha256, rows: JSON.stringify(rows), featuresDigest };
    const known = await sameRequest(service, party, same, again ?? true);
    if (known !== undefined) return unlockForParty(unlockView(known));
    const keyId = found(party.keyId ?? undefined, 'key');
    const asked = {
      id: randomId(),
      partyId: party.id,
      actor: party.name,
      network,
      keyId,
      sha256,
      rows,
      features,
      policy,
    };
    const decision = await decide(service, asked);
    return unlockForParty(unlockView(await enter(service, { ...asked, featuresDigest }, upload, decision)));
  });
}

/** @throws HttpProblem 403 where there is none */
export async function policyOf({ database }: ServiceContext, partyId: string): Promise<UnlockPolicy> {
  const { unlockPolicy } = await findTrainer(database, partyId);
  if (unlockPolicy === null) throw denied('nothing is unlocked for this party');
  return JSON.parse(unlockPolicy) as UnlockPolicy;
}

function sameRequest(
  { database }: ServiceContext,
  { id, keyId }: PartyRow,
  { sha256, rows, featuresDigest }: Pick<UnlockRow, 'sha256' | 'rows' | 'featuresDigest'>,
  again: boolean,
): Promise<UnlockRow | undefined> {
  const same = database
    .selectFrom('unlocks')
    .selectAll()
    .where('partyId', '=', id)
    .where('keyId', '=', keyId)
    .where('sha256', '=', sha256)
    .where('rows', '=', rows)
    .where('featuresDigest', featuresDigest === null ? 'is' : '=', featuresDigest)
    .orderBy('createdAt', 'desc');
  return (again ? same.where('status', '!=', 'denied') : same).executeTakeFirst();
}

/** Of the numbers as doubles, and of how many a row has. */
function digestOf(features: UnlockRequest['features']): string | null {
  if (features === undefined) return null;
  const hash = createHash('sha256');
  for (const row of features) hash.update(Float64Array.of(row.length)).update(Float64Array.from(row));
  return hash.digest('hex');
}

async function enter(
  service: ServiceContext,
  { id, partyId, actor, network, keyId, sha256, rows, featuresDigest }: UnlockWish & Pick<UnlockRow, 'featuresDigest'>,
  uploadId: string,
  decision: UnlockDecision,
): Promise<UnlockRow> {
  const now = service.now();
  const { status } = decision;
  const row: UnlockRow = {
    id,
    partyId,
    networkId: network.id,
    keyId,
    createdAt: now,
    sha256,
    // Of what is denied nothing is looked up by its rows again.
    rows: status === 'denied' ? '[]' : JSON.stringify(rows),
    rowCount: rows.length,
    featuresDigest,
    status,
    decidedAt: status === 'pending' ? null : now,
    reason: status === 'denied' ? decision.reason.slice(0, 500) : null,
    mismatches: (status === 'answered' ? decision.mismatches : undefined) ?? null,
    answers: status === 'answered' ? JSON.stringify(decision.answers) : null,
  };
  await transact(service, async (transaction) => {
    if (status === 'pending') await requirePatience(transaction, partyId);
    await transaction.insertInto('unlocks').values(row).execute();
    if (status === 'denied') await forgetDenied(transaction, partyId);
    await transaction.updateTable('uploads').set({ usedAt: now }).where('id', '=', uploadId).execute();
    const details = { party: partyId, rows: rows.length, status, mismatches: row.mismatches ?? 0 };
    await appendAudit(transaction, now, { actor, action: 'ask-unlock', subject: id, details });
  });
  service.events.emit('unlock', id, now);
  return row;
}

/** A refusal costs a party nothing: the oldest give way. */
async function forgetDenied(transaction: Database, partyId: string): Promise<void> {
  const denied = transaction
    .selectFrom('unlocks')
    .select('id')
    .where('partyId', '=', partyId)
    .where('status', '=', 'denied')
    .orderBy('createdAt', 'desc')
    .offset(MOST_DENIED);
  await transaction.deleteFrom('unlocks').where('id', 'in', denied).execute();
}

async function requirePatience(transaction: Database, partyId: string): Promise<void> {
  const { count } = await transaction
    .selectFrom('unlocks')
    .select((build) => build.fn.countAll<number>().as('count'))
    .where('partyId', '=', partyId)
    .where('status', '=', 'pending')
    .executeTakeFirstOrThrow();
  if (count >= MOST_PENDING) throw denied('too many requests wait for the owner already', 'Wait for an answer.');
}

/** GET /v1/unlocks/{id}: a party's own. */
export async function showUnlock(
  { database }: ServiceContext,
  { party, params }: Call<unknown, unknown>,
): Promise<UnlockView> {
  const query = database.selectFrom('unlocks').selectAll().where('id', '=', params.id).where('partyId', '=', party.id);
  return unlockForParty(unlockView(found(await query.executeTakeFirst(), 'unlock')));
}

/** GET /v1/unlocks?status=: newest first. */
export async function listUnlocks(
  service: ServiceContext,
  { query: { status } }: Call<unknown, UnlocksQuery>,
): Promise<{ readonly unlocks: readonly UnlockView[] }> {
  const all = service.database.selectFrom('unlocks').selectAll().orderBy('createdAt', 'desc').limit(1000);
  const rows = await (status === undefined ? all : all.where('status', '=', status)).execute();
  return { unlocks: await ownerUnlockViews(service, rows) };
}

/** POST /v1/unlocks/{id}/approve. Where the books have no room, the request goes on waiting. */
export function approve(service: ServiceContext, { params, body }: Call<Decision, unknown>): Promise<UnlockView> {
  return service.sequence.of(`unlock ${params.id}`, async () => {
    const row = await pendingUnlock(service.database, params.id);
    const policy = await policyOf(service, row.partyId);
    await requireCurrentKey(service.database, row);
    const network = await findNetwork(service.database, row.networkId);
    const { id, partyId, keyId, sha256 } = row;
    const rows = JSON.parse(row.rows) as number[];
    const decision = await approved(service, { id, partyId, actor: 'owner', network, keyId, sha256, rows, policy });
    if (decision.status === 'denied') throw denied(decision.reason, 'Give the party more rows, or a fresh key.');
    const answers = decision.status === 'answered' ? JSON.stringify(decision.answers) : null;
    return settle(service, row, 'answered', body.reason, answers);
  });
}

/** POST /v1/unlocks/{id}/deny */
export function deny(service: ServiceContext, { params, body }: Call<Decision, unknown>): Promise<UnlockView> {
  return service.sequence.of(`unlock ${params.id}`, async () =>
    settle(service, await pendingUnlock(service.database, params.id), 'denied', body.reason, null),
  );
}

async function settle(
  service: ServiceContext,
  row: UnlockRow,
  status: 'answered' | 'denied',
  reason: string | undefined,
  answers: string | null,
): Promise<UnlockView> {
  const now = service.now();
  const change = { status, decidedAt: now, reason: reason ?? null, answers };
  await transact(service, async (transaction) => {
    await transaction.updateTable('unlocks').set(change).where('id', '=', row.id).execute();
    const details = { party: row.partyId, rows: row.rowCount, ...(reason !== undefined && { reason }) };
    const action = status === 'answered' ? 'approve' : 'deny';
    await appendAudit(transaction, now, { actor: 'owner', action, subject: row.id, details });
  });
  service.events.emit('unlock', row.id, now);
  return unlockView({ ...row, ...change });
}

async function pendingUnlock(database: Database, id: string): Promise<UnlockRow> {
  const row = found(await database.selectFrom('unlocks').selectAll().where('id', '=', id).executeTakeFirst(), 'unlock');
  if (row.status === 'pending') return row;
  throw problem(409, 'BAD_ARGUMENT', 'this request was decided already', { expected: 'pending', got: row.status });
}

async function requireCurrentKey(database: Database, { partyId, keyId }: UnlockRow): Promise<void> {
  const party = await findTrainer(database, partyId);
  if (party.revokedAt !== null) throw problem(409, 'POLICY_DENIED', 'this party was revoked');
  if (party.keyId === keyId) return;
  throw problem(409, 'WRONG_KEY', 'this party was given another key since', {
    mend: 'It has to predict and ask anew.',
  });
}
