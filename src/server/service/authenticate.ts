/** Who calls, by the token that came with the request. */
import { HermeticError } from '../../base/errors.ts';
import { HttpProblem } from '../error-response.ts';
import { denied } from '../problems.ts';
import type { PartyRow } from '../store/tables.ts';
import type { ServiceContext } from './context.ts';
import type { Access } from './route.ts';
import { tokenHash } from './tokens.ts';

/** A party is noted as seen no more often than this. */
const SEEN_MS = 30_000;

/**
 * The party that the token belongs to, if it may call.
 * @throws HttpProblem 401 for a token that is missing or unknown; 403 for one that was revoked, that has expired or that is
 *   of the other role
 */
export async function authenticate(
  service: ServiceContext,
  request: Request,
  access: Exclude<Access, 'public'>,
): Promise<PartyRow> {
  const [, token] = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '') ?? [];
  const party = token === undefined ? undefined : await partyOf(service, token);
  if (party === undefined) throw new HttpProblem(401, wrongToken());
  const now = service.now();
  requireCurrent(party, now);
  if (party.role !== access) throw denied(`this is for the ${access} alone`, `Use the token of the ${access}.`);
  await noteSeen(service, party, now);
  return party;
}

function partyOf({ database }: ServiceContext, token: string): Promise<PartyRow | undefined> {
  return database.selectFrom('parties').selectAll().where('tokenHash', '=', tokenHash(token)).executeTakeFirst();
}

/** @throws HttpProblem 403 for a party that was revoked or has expired */
export function requireCurrent({ revokedAt, expiresAt }: PartyRow, now: Date): void {
  if (revokedAt !== null) throw denied('this token was revoked');
  if (expiresAt !== null && expiresAt <= now) throw denied('this token has expired');
}

async function noteSeen({ database }: ServiceContext, { id, lastSeenAt }: PartyRow, now: Date): Promise<void> {
  if (lastSeenAt !== null && now.getTime() - lastSeenAt.getTime() < SEEN_MS) return;
  await database.updateTable('parties').set({ lastSeenAt: now }).where('id', '=', id).execute();
}

function wrongToken(): HermeticError {
  return new HermeticError('POLICY_DENIED', 'the token is missing or unknown', {
    mend: 'Send the token that the owner handed out: --token-file.',
  });
}
