import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyFromReactions, question } from '../../attacks/refresh-key.ts';
import { createRefreshService } from '../../owner/owner-refresh.ts';
import { askService, compareAnswers, tryRefreshService, tryUnsafeRefresh } from './refresh.ts';
import { UNSAFE_BOUND, unsafeRefreshSaysOutOfRange } from './unsafe.ts';
import { makeVictim, type Victim } from './victim.ts';

let victim: Victim;
const N = 128;
beforeAll(async () => {
  victim = await makeVictim('insecure-7-1-1', 1);
});
afterAll(() => victim.dispose());

describe('a refresh that says “out of range”', () => {
  it('gives the key, by one or two questions a coefficient', async () => {
    const trial = await tryUnsafeRefresh(victim);
    expect(trial).toMatchObject({ against: 'unsafe', opened: true, right: 1, asClaimed: true });
    const secret = new Int8Array(victim.keys.secret.toBytes());
    expect(trial.calls).toBe(secret.reduce((sum, s) => sum + (s === 1 ? 1 : 2), 0));
  });

  it('answers each question about one coefficient and one value', () => {
    const secret = new Int8Array(victim.keys.secret.toBytes());
    for (const k of [0, 1, 77, N - 1]) {
      for (const value of [1, -1] as const) {
        const record = question(victim.target.context, UNSAFE_BOUND, k, value);
        expect(unsafeRefreshSaysOutOfRange(victim.keys, record)).toBe(secret[k] === value);
      }
    }
  });

  it('tells nothing where it never says so', async () => {
    const { context } = victim.target;
    const { key, calls } = await keyFromReactions({ context, bound: UNSAFE_BOUND, reaction: async () => false });
    expect(calls).toBe(2 * N);
    expect(key.every((x) => x === 0)).toBe(true);
  });
});

describe("the product's refresh", () => {
  it('answers malicious requests as honest ones, and leaves the attacker guessing', async () => {
    const trial = await tryRefreshService(victim, { calls: 500 });
    expect(trial).toMatchObject({ against: 'product', opened: false, asClaimed: true });
    expect(trial.right).toBeLessThan(0.6);
  });

  it('would be found out if it answered otherwise', async () => {
    const service = askService(victim, createRefreshService(victim.keys));
    const reacting: typeof service = async (record) => {
      const seen = await service(record);
      return unsafeRefreshSaysOutOfRange(victim.keys, record) ? { ...seen, status: 'DIVERGED' } : seen;
    };
    const { malicious } = await compareAnswers(victim, reacting, { calls: 60 });
    expect(malicious.size).toBe(2);
  });

  it('stops when asked', async () => {
    const ask = askService(victim, createRefreshService(victim.keys));
    await expect(compareAnswers(victim, ask, { calls: 10, signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});
