/** Where a trainer stands, and what its policies still allow, in words. */
import { formatAgo, formatCount, plural } from '../lib/format.ts';
import type { Party, ReleaseWish, UnlockPolicy } from '../lib/types.ts';

export interface PartyState {
  readonly active: boolean;
  readonly text: string;
  readonly tone: 'good' | 'warn' | 'bad' | 'plain';
  readonly mark: string;
}

/** A dialog about a party. */
export interface PartyAction {
  readonly id: string;
  readonly what: 'change' | 'rekey' | 'revoke';
}

export function partyState({ revokedAt, expiresAt, lastSeenAt }: Party, now: number = Date.now()): PartyState {
  if (revokedAt !== undefined) return { active: false, text: 'revoked', tone: 'bad', mark: '✕' };
  if (expiresAt !== undefined && new Date(expiresAt).getTime() <= now) {
    return { active: false, text: 'expired', tone: 'warn', mark: '◷' };
  }
  if (lastSeenAt === undefined) return { active: true, text: 'invited', tone: 'plain', mark: '○' };
  return { active: true, text: 'active', tone: 'good', mark: '●' };
}

/** What one row's answer tells, in words and bits. */
export function releaseText(release: ReleaseWish): string {
  if (release.kind === 'label') return 'the class alone';
  const range = release.range === undefined ? '' : ` between ${release.range[0]} and ${release.range[1]}`;
  return `${plural(release.bits, 'rounded bit')}${range}`;
}

const MODES: Readonly<Record<UnlockPolicy['mode'], string>> = {
  manual: 'you decide on each request',
  quota: 'answered at once',
  verified: 'answered after the service has computed the rows itself',
};

export function policyText({ mode, rows, release }: UnlockPolicy): string {
  return `${plural(rows, 'row')} in all, ${releaseText(release)} of each; ${MODES[mode]}`;
}

/** Rows that this trainer may still have answered. */
export function rowsLeft({ unlocks }: Party): number {
  return unlocks === undefined ? 0 : Math.max(0, unlocks.policy.rows - unlocks.rows);
}

/** "34 of 200 rows": what was answered to this trainer. */
export function rowsUsed({ unlocks }: Party): string {
  if (unlocks === undefined) return 'none allowed';
  return `${formatCount(unlocks.rows)} of ${plural(unlocks.policy.rows, 'row')}`;
}

export function seenText({ lastSeenAt }: Party): string {
  return lastSeenAt === undefined ? 'never' : formatAgo(lastSeenAt);
}
