/** An invitation is accepted: once, for the token and the signing key that its trainer made. */
import type { Accepted, AcceptRequest } from '../../protocol/service/types.ts';
import { denied } from '../problems.ts';
import { appendAudit } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { PartyRow } from '../store/tables.ts';
import { requireCurrent } from './authenticate.ts';
import { type ServiceContext, transact } from './context.ts';
import type { Call } from './route.ts';
import { tokenHash } from './tokens.ts';
import { partyView } from './views.ts';

/**
 * POST /v1/invitations/accept: a code works once, for one token and one key to sign with. The same acceptance again, after
 * its answer was lost, is answered alike and changes nothing.
 */
export async function acceptInvitation(
  service: ServiceContext,
  { body }: Call<AcceptRequest, unknown>,
): Promise<Accepted> {
  const now = service.now();
  const { party, first } = await transact(service, async (transaction) => {
    const partyId = await takeCode(transaction, body.code, now);
    if (partyId === undefined) return { party: await acceptedBefore(transaction, body, now), first: false };
    return { party: await admit(transaction, partyId, body, now), first: true };
  }).catch((error: unknown) => {
    throw isDuplicate(error) ? tokenTaken() : error;
  });
  if (first) service.events.emit('party', party.id, now);
  return { party: partyView(party) };
}

/** The party that was invited, where the code is still good. */
async function takeCode(transaction: Database, code: string, now: Date): Promise<string | undefined> {
  const row = await transaction
    .updateTable('invitations')
    .set({ acceptedAt: now })
    .where('codeHash', '=', tokenHash(code))
    .where('acceptedAt', 'is', null)
    .where('expiresAt', '>', now)
    .returning('partyId')
    .executeTakeFirst();
  return row?.partyId;
}

async function admit(
  transaction: Database,
  partyId: string,
  { tokenHash: hash, publicKey }: AcceptRequest,
  now: Date,
): Promise<PartyRow> {
  const row = await transaction
    .updateTable('parties')
    .set({ tokenHash: hash, publicKey: publicKey ?? null, lastSeenAt: now })
    .where('id', '=', partyId)
    .where('revokedAt', 'is', null)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw denied('this invitation was revoked');
  const details = { signs: publicKey !== undefined };
  await appendAudit(transaction, now, { actor: row.name, action: 'accept', subject: row.id, details });
  return row;
}

/** Tokens are unique: said by PostgreSQL, whoever was first. */
function isDuplicate(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === UNIQUE_VIOLATION;
}

const UNIQUE_VIOLATION = '23505';

function tokenTaken(): Error {
  return denied('this token belongs to another party', 'Make a token for each invitation.');
}

/** Who knows code and token was the one who accepted. Whatever differs is somebody else's, and told as little as anyone. */
async function acceptedBefore(
  transaction: Database,
  { code, tokenHash: hash, publicKey }: AcceptRequest,
  now: Date,
): Promise<PartyRow> {
  const row = await transaction
    .selectFrom('parties')
    .innerJoin('invitations', 'invitations.partyId', 'parties.id')
    .selectAll('parties')
    .where('invitations.codeHash', '=', tokenHash(code))
    .where('invitations.acceptedAt', 'is not', null)
    .where('parties.tokenHash', '=', hash)
    .executeTakeFirst();
  if (row === undefined || row.publicKey !== (publicKey ?? null))
    throw denied(
      'this invitation is unknown, was accepted, or has expired',
      'A link works once, and for a week at most. Ask the owner for another one.',
    );
  requireCurrent(row, now);
  return row;
}
