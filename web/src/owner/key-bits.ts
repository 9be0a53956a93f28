/** What a key has answered, in words: how much that is, what it means, and what to do about it. */
import { formatCount, plural } from '../lib/format.ts';
import type { BitAccount, ServedKey, UnlockView } from '../lib/types.ts';

export type BitsState = 'plenty' | 'low' | 'spent';

/** Below this share of the limit, a fresh key should be made before it is needed. */
const LOW = 1 / 5;

export function bitsState({ left, limit }: BitAccount): BitsState {
  if (left === 0) return 'spent';
  return left < LOW * limit ? 'low' : 'plenty';
}

/** "34 of 517 bits used, 483 left". */
export function bitsText({ bits: { used, left, limit }, heldBy }: Pick<ServedKey, 'bits' | 'heldBy'>): string {
  const text = `${formatCount(used)} of ${plural(limit, 'bit')} used, ${formatCount(left)} left`;
  return heldBy === undefined ? text : `${text}: an earlier trainer’s key has no more`;
}

/** What to do now; undefined where nothing is. */
export function bitsAdvice({ bits, heldBy }: Pick<ServedKey, 'bits' | 'heldBy'>, name: string): string | undefined {
  const state = bitsState(bits);
  if (state === 'plenty') return undefined;
  if (heldBy !== undefined) {
    return (
      `${state === 'low' ? 'Few' : 'No'} bits are left of the key that an earlier trainer of these weights had, and a fresh ` +
      'key does not help. Answer for yourself on the opened network, or give that key up below.'
    );
  }
  switch (state) {
    case 'low':
      return `Few bits are left. Give ${name} a fresh key as soon as its run is handed in.`;
    case 'spent':
      return `Nothing more is answered or judged under this key. Give ${name} a fresh one to go on.`;
  }
}

/** What an approval would do to the key's count. */
export interface BitsAfter {
  /** The key is the one that the party has now: only then can be answered. */
  readonly current: boolean;
  readonly fits: boolean;
  readonly text: string | undefined;
}

export function bitsAfter({ bits }: UnlockView, key: ServedKey | undefined): BitsAfter {
  if (key === undefined) return { current: false, fits: false, text: undefined };
  if (bits === undefined) return { current: true, fits: true, text: undefined };
  const { used, left, limit } = key.bits;
  const fits = bits <= left;
  const before = `${formatCount(used)} of ${plural(limit, 'bit')} of the key are used.`;
  const text = fits
    ? `${before} This releases ${plural(bits, 'bit')}; ${formatCount(left - bits)} remain after.`
    : `${before} This would release ${plural(bits, 'bit')}, and ${formatCount(left)} are left.`;
  return { current: true, fits, text };
}
