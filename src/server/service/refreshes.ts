/**
 * Blinded refreshes, exactly once across restarts. A call is entered and counted, with the digest of its request, before
 * anything is decrypted; its answer is on the disk and entered before it is sent. Whatever dies in between, the same
 * request again is counted no second time and gets the same bytes, and another request under its name is refused.
 */
import { maxRefreshMessageBytes, type RefreshRequestMessage } from '../../protocol/refresh-message.ts';
import { OTHER_REQUEST } from '../../protocol/refresh-transport.ts';
import { denied, found, problem } from '../problems.ts';
import { appendAudit } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { PartyRow, RefreshRow } from '../store/tables.ts';
import { parametersOf } from '../vault/parameter-sets.ts';
import { alone } from '../vault/wire.ts';
import { requireCurrent } from './authenticate.ts';
import { BINARY, readBody, requireType } from './bodies.ts';
import { type ServiceContext, transact } from './context.ts';
import { setOfKey } from './models.ts';
import type { Call } from './route.ts';

/** Ciphertexts of one call. */
const MOST_CIPHERTEXTS = 256;

/** POST /v1/refresh */
export async function refresh(service: ServiceContext, { party, request }: Call<unknown, unknown>): Promise<Response> {
  requireType(request, BINARY);
  const keyId = found(party.keyId ?? undefined, 'key');
  const { setName } = await setOfKey(service, keyId);
  const parameters = await parametersOf(setName);
  const answer = await service.refreshTurns.take(async () => {
    const body = await readBody(request, maxRefreshMessageBytes(parameters, 0, MOST_CIPHERTEXTS, 2), {
      pace: service.bodyPace,
    });
    return answerRefresh(service, party, { keyId, set: setName }, body);
  });
  return new Response(answer as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': BINARY, 'content-length': `${answer.length}`, 'cache-control': 'no-store' },
  });
}

/** Checked for syntax, sizes and budget alone, before anything is decrypted (security rule 2). */
async function answerRefresh(
  service: ServiceContext,
  party: PartyRow,
  { keyId, set }: { readonly keyId: string; readonly set: string },
  arrived: Uint8Array,
): Promise<Uint8Array> {
  const { vault } = service;
  const body = alone(arrived);
  const asked = { set, body, maxRecords: MOST_CIPHERTEXTS };
  const { message, digest } = await vault.run('readRefresh', asked, { move: [body] });
  if (message.keyId !== keyId) throw wrongKey(message.keyId, keyId);
  // A request that arrives twice at once waits for its first answer.
  return service.sequence.of(`refresh ${party.id} ${message.run}\n${message.call}`, async () => {
    const known = await knownCall(service.database, party.id, message);
    if (known !== undefined) requireSame(known, message, digest);
    if (known?.answerSha256)
      return tell(service, party, message, true, await service.store.answers.bytes(known.answerSha256));
    if (known?.answeredAt) throw forgotten();
    if (known === undefined) await enter(service, party, message, digest);
    else await noteAgain(service, party, message);
    const residues = message.records.flatMap(({ polynomials }) => polynomials);
    const answer = await vault.run('reencrypt', { keyId, message }, { move: residues });
    await keepAnswer(service, party.id, message, answer);
    return tell(service, party, message, known !== undefined, answer);
  });
}

function knownCall(
  database: Database,
  partyId: string,
  { run, call }: RefreshRequestMessage,
): Promise<RefreshRow | undefined> {
  return database
    .selectFrom('refreshes')
    .selectAll()
    .where('partyId', '=', partyId)
    .where('run', '=', run)
    .where('call', '=', call)
    .executeTakeFirst();
}

/** Counts the call, or refuses it: the budget, the party and the entry are looked at in one transaction. */
async function enter(
  service: ServiceContext,
  party: PartyRow,
  { run, call, step, keyId, records }: RefreshRequestMessage,
  digest: string,
): Promise<void> {
  const now = service.now();
  await transact(service, async (transaction) => {
    const row = await transaction
      .updateTable('parties')
      .set((build) => ({ refreshesUsed: build('refreshesUsed', '+', 1) }))
      .where('id', '=', party.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    requireCurrent(row, now);
    if (row.keyId !== keyId) throw wrongKey(keyId, row.keyId ?? '');
    if (row.refreshesUsed > row.refreshBudget) throw exhausted(row.refreshBudget);
    const entry = { partyId: party.id, run, call, step, keyId, digest, ciphertexts: records.length, calledAt: now };
    await transaction.insertInto('refreshes').values(entry).execute();
    await transaction
      .updateTable('runs')
      .set({ lastSeenAt: now })
      .where('partyId', '=', party.id)
      .where('id', '=', run)
      .execute();
    const details = { party: party.id, key: keyId, run, step, call, ciphertexts: records.length, request: digest };
    await appendAudit(transaction, now, { actor: party.name, action: 'refresh', subject: run, details });
  });
}

/** The key is used once more for a call that was counted: whoever was at it before died. */
async function noteAgain(
  service: ServiceContext,
  party: PartyRow,
  { run, call, keyId }: RefreshRequestMessage,
): Promise<void> {
  const details = { party: party.id, key: keyId, run, call };
  await transact(service, (transaction) =>
    appendAudit(transaction, service.now(), { actor: party.name, action: 'refresh-again', subject: run, details }),
  );
}

/** On the disk first, then in the books; the answers to old calls, which nobody waits for any more, go. */
async function keepAnswer(
  service: ServiceContext,
  partyId: string,
  { run, call }: RefreshRequestMessage,
  answer: Uint8Array,
): Promise<void> {
  const { store, database, keptAnswers } = service;
  const { sha256, bytes } = await store.answers.putBytes(answer);
  const stale = await transact(service, async (transaction) => {
    await transaction
      .updateTable('refreshes')
      .set({ answerSha256: sha256, answerBytes: bytes, answeredAt: service.now() })
      .where('partyId', '=', partyId)
      .where('run', '=', run)
      .where('call', '=', call)
      .execute();
    return transaction
      .selectFrom('refreshes')
      .select(['run', 'call', 'answerSha256'])
      .where('partyId', '=', partyId)
      .where('answerSha256', 'is not', null)
      .orderBy('answeredAt', 'desc')
      .orderBy('calledAt', 'desc')
      .offset(keptAnswers)
      .execute();
  });
  for (const old of stale) {
    await database
      .updateTable('refreshes')
      .set({ answerSha256: null })
      .where('partyId', '=', partyId)
      .where('run', '=', old.run)
      .where('call', '=', old.call)
      .execute();
    if (old.answerSha256 !== null) await store.answers.remove(old.answerSha256);
  }
}

async function tell(
  service: ServiceContext,
  party: PartyRow,
  { run, step, call, records }: RefreshRequestMessage,
  repeated: boolean,
  answer: Uint8Array,
): Promise<Uint8Array> {
  const { refreshesUsed, refreshBudget } = await service.database
    .selectFrom('parties')
    .select(['refreshesUsed', 'refreshBudget'])
    .where('id', '=', party.id)
    .executeTakeFirstOrThrow();
  const callsLeft = Math.max(0, refreshBudget - refreshesUsed);
  service.onRefresh({ party: party.name, run, step, call, ciphertexts: records.length, repeated, callsLeft });
  return answer;
}

function requireSame({ digest, step }: RefreshRow, message: RefreshRequestMessage, arrived: string): void {
  if (digest === arrived && step === message.step) return;
  throw denied(OTHER_REQUEST, 'Give every refresh a call name of its own.');
}

function forgotten(): Error {
  return denied('this call was answered long ago', 'Nothing needs to be done.');
}

function exhausted(budget: number): Error {
  return problem(403, 'POLICY_DENIED', 'the budget of refresh calls is used up', {
    expected: `at most ${budget} calls`,
    mend: 'Ask the owner for more, and run the same command again to go on from the checkpoint.',
  });
}

function wrongKey(got: string, expected: string): Error {
  return problem(409, 'WRONG_KEY', 'the request was made under another key', {
    expected: `key ${expected.slice(0, 12)}…`,
    got: `${got.slice(0, 12)}…`,
    mend: 'Fetch keys and model anew: the owner has given this party another key.',
  });
}
