/** Parties: invited with a key of their own, rekeyed, changed, revoked. */
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { JsonValue } from '../../protocol/json.ts';
import type { Invitation, InvitationRequest, Party, UnlockPolicy } from '../../protocol/service/types.ts';
import { randomId } from '../node/durable.ts';
import { found, problem } from '../problems.ts';
import { type AuditNote, appendAudit } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { ModelRow, NetworkRow, PartyRow } from '../store/tables.ts';
import type { Handed as HandedFiles } from '../vault/jobs.ts';
import { type ServiceContext, transact } from './context.ts';
import { insertKey } from './key-files.ts';
import { findModel, noteBlob, setOfKey } from './models.ts';
import { findNetwork } from './networks.ts';
import type { PartyChange } from './requests.ts';
import type { Call } from './route.ts';
import { newCode, tokenHash } from './tokens.ts';
import { checkPolicy } from './unlock-answers.ts';
import { partyView } from './views.ts';

const HOUR_MS = 3_600_000;
const DEFAULT_HOURS = 30 * 24;
/** An invitation that nobody accepted for so long is void. */
const INVITATION_HOURS = 7 * 24;
const DEFAULT_REFRESHES = 1000;
/** Actors of the audit log that are no party. */
const RESERVED: ReadonlySet<string> = new Set(['owner', 'service']);

/** POST /v1/invitations. The same request while it is under way is the same invitation. */
export function invite(service: ServiceContext, call: Call<InvitationRequest, unknown>): Promise<Invitation> {
  const wish = canonicalJson({ ...call.body } as unknown as JsonValue);
  return service.flights.share(`invitation ${wish}`, () => makeInvitation(service, call));
}

async function makeInvitation(
  service: ServiceContext,
  { body, request }: Call<InvitationRequest, unknown>,
): Promise<Invitation> {
  const { name, networkId, hours = DEFAULT_HOURS, refreshBudget = DEFAULT_REFRESHES, unlocks } = body;
  if (RESERVED.has(name.toLowerCase()))
    throw problem(400, 'BAD_ARGUMENT', 'this name is taken', { mend: 'Give another.' });
  const network = await findNetwork(service.database, networkId);
  if (unlocks !== undefined) checkPolicy(unlocks, network);
  const handed = await handOut(service, network);
  const [id, code, now] = [randomId(), newCode(), service.now()];
  const expiresAt = new Date(now.getTime() + hours * HOUR_MS);
  const codeEnd = new Date(now.getTime() + Math.min(hours, INVITATION_HOURS) * HOUR_MS);
  await transact(service, async (transaction) => {
    const row = { id, name, role: 'trainer', networkId, createdAt: now, expiresAt, refreshBudget } as const;
    const unlockPolicy = unlocks === undefined ? null : JSON.stringify(unlocks);
    await transaction
      .insertInto('parties')
      .values({ ...row, unlockPolicy, refreshesUsed: 0, unlockRows: 0 })
      .execute();
    const invitation = { codeHash: tokenHash(code), partyId: id, createdAt: now, expiresAt: codeEnd };
    await transaction.insertInto('invitations').values(invitation).execute();
    await giveTo(transaction, id, network, handed, now);
    const details = { name, network: networkId, refreshBudget, until: expiresAt.toISOString() };
    await appendAudit(
      transaction,
      now,
      { actor: 'owner', action: 'invite', subject: id, details },
      ...handedNotes(id, handed),
    );
  });
  service.events.emit('party', id, now);
  const base = service.publicUrl ?? new URL(request.url).origin;
  return { partyId: id, code, url: `${base.replace(/\/+$/, '')}/#join=${code}`, expiresAt: codeEnd.toISOString() };
}

/** The head of a network, sealed anew under a fresh key. */
interface Handed extends HandedFiles {
  readonly head: ModelRow;
}

async function handOut(service: ServiceContext, network: NetworkRow): Promise<Handed> {
  const head = await findModel(service, network.headId);
  const { setName } = await setOfKey(service, head.keyId);
  const model = { sha256: head.sha256, set: setName };
  const handed = await service.vault.run('handOut', { model, keyId: head.keyId, set: network.setName });
  return { ...handed, head };
}

async function giveTo(
  transaction: Database,
  partyId: string,
  network: NetworkRow,
  { key, model, head }: Handed,
  now: Date,
): Promise<void> {
  await insertKey(transaction, key, { networkId: network.id, partyId, now });
  await noteBlob(transaction, model, now);
  await transaction
    .insertInto('models')
    .values({
      id: model.id,
      networkId: network.id,
      parentId: head.id,
      partyId,
      keyId: key.keyId,
      status: 'sealed',
      createdAt: now,
      round: head.round,
      sha256: model.sha256,
      // The same weights.
      accuracy: head.accuracy,
      loss: head.loss,
      gates: '[]',
      // What the next training record must name as its predecessor.
      recordDigest: head.recordDigest,
    })
    .execute();
  await transaction
    .updateTable('parties')
    .set({ keyId: key.keyId, modelId: model.id })
    .where('id', '=', partyId)
    .execute();
}

function handedNotes(party: string, { key, model, head }: Handed): AuditNote[] {
  return [
    { actor: 'owner', action: 'keygen', subject: key.keyId, details: { party, set: key.set } },
    { actor: 'owner', action: 'rekey', subject: model.id, details: { party, from: head.id, key: key.keyId } },
  ];
}

/** DELETE /v1/parties/{id}: from now on nothing is answered to it. */
export async function revoke(service: ServiceContext, { params: { id } }: Call<unknown, unknown>): Promise<Party> {
  const now = service.now();
  await findTrainer(service.database, id);
  await transact(service, async (transaction) => {
    const { numUpdatedRows } = await transaction
      .updateTable('parties')
      .set({ revokedAt: now })
      .where('id', '=', id)
      .where('revokedAt', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows > 0n) await appendAudit(transaction, now, { actor: 'owner', action: 'revoke', subject: id });
  });
  service.events.emit('party', id, now);
  return partyView(await findTrainer(service.database, id));
}

/** POST /v1/parties/{id}/rekey: a fresh key, the head sealed under it; the old key is retired. */
export function rekey(service: ServiceContext, { params: { id } }: Call<unknown, unknown>): Promise<Party> {
  return service.flights.share(`rekey ${id}`, async () => {
    const { revokedAt, networkId, keyId } = await findTrainer(service.database, id);
    if (revokedAt !== null) throw problem(409, 'POLICY_DENIED', 'this party was revoked', { mend: 'Invite it anew.' });
    const network = await findNetwork(service.database, networkId ?? '');
    const handed = await handOut(service, network);
    const now = service.now();
    await transact(service, async (transaction) => {
      await transaction
        .updateTable('keys')
        .set({ retiredAt: now })
        .where('id', '=', keyId ?? '')
        .execute();
      await giveTo(transaction, id, network, handed, now);
      await appendAudit(transaction, now, ...handedNotes(id, handed));
    });
    service.events.emit('party', id, now);
    return partyView(await findTrainer(service.database, id));
  });
}

/** PATCH /v1/parties/{id} */
export async function changeParty(
  service: ServiceContext,
  { params: { id }, body: { refreshBudget, unlocks, hours } }: Call<PartyChange, unknown>,
): Promise<Party> {
  const { networkId } = await findTrainer(service.database, id);
  if (unlocks !== undefined) checkPolicy(unlocks, await findNetwork(service.database, networkId ?? ''));
  const now = service.now();
  const change: Partial<PartyRow> = {
    ...(refreshBudget !== undefined && { refreshBudget }),
    ...(unlocks !== undefined && { unlockPolicy: JSON.stringify(unlocks) }),
    ...(hours !== undefined && { expiresAt: new Date(now.getTime() + hours * HOUR_MS) }),
  };
  if (Object.keys(change).length > 0) {
    await transact(service, async (transaction) => {
      await transaction.updateTable('parties').set(change).where('id', '=', id).execute();
      await appendAudit(transaction, now, {
        actor: 'owner',
        action: 'change',
        subject: id,
        details: changeDetails({ refreshBudget, unlocks, hours }),
      });
    });
    service.events.emit('party', id, now);
  }
  return partyView(await findTrainer(service.database, id));
}

function changeDetails({ refreshBudget, unlocks, hours }: PartyChange): Record<string, string | number> {
  return {
    ...(refreshBudget !== undefined && { refreshBudget }),
    ...(unlocks !== undefined && policyDetails(unlocks)),
    ...(hours !== undefined && { hours }),
  };
}

function policyDetails({ mode, rows, release }: UnlockPolicy): Record<string, string | number> {
  return { unlocks: mode, unlockRows: rows, release: release.kind === 'label' ? 'label' : `${release.bits} bits` };
}

export async function findTrainer(database: Database, id: string): Promise<PartyRow> {
  const query = database.selectFrom('parties').selectAll().where('id', '=', id).where('role', '=', 'trainer');
  return found(await query.executeTakeFirst(), 'party');
}
