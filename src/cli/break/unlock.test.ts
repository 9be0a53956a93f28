import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { keyFromLabels, keyFromRawSlots, keyFromRoundedOutputs, type Unlock } from '../../attacks/unlock-key.ts';
import { weightsAsPredictions } from '../../attacks/unlock-weights.ts';
import { keyFromWrappedLabels, questionAboutMany } from '../../attacks/unlock-wrap.ts';
import { parameterArrays } from '../../nn/weights.ts';
import type { Release } from '../../owner/release.ts';
import { UnlockLedger, unlockLimit } from '../../owner/unlock-ledger.ts';
import {
  cpadExplanation,
  refreshExplanation,
  unlockExplanation,
  vectorExplanation,
  yasheExplanation,
} from './explanation.ts';
import {
  labelQuestions,
  productUnlock,
  roundedQuestions,
  tryCounted,
  tryRawSlots,
  tryUncounted,
  wrappedQuestions,
} from './unlock.ts';
import { unsafePrivateUnlock, unsafeRawUnlock } from './unsafe.ts';
import { makeVictim, openWith, type Victim } from './victim.ts';

let victim: Victim;
beforeAll(async () => {
  victim = await makeVictim('insecure-10-1-1', 1);
});
afterAll(() => victim.dispose());

const secretOf = ({ keys }: Victim): number[] => [...new Int8Array(keys.secret.toBytes())];

/** Answers so many rows in all, and refuses what would be more. */
function budgeted(unlock: Unlock, budget: number): Unlock {
  let left = budget;
  return (predictions, rows) => {
    if (rows.length > left) return Promise.resolve(undefined);
    left -= rows.length;
    return unlock(predictions, rows);
  };
}

describe('an unlock that answers raw slots', () => {
  it('gives the key in one call, and with it the weights', async () => {
    const { key, calls, rows } = await keyFromRawSlots(victim.target, unsafeRawUnlock(victim.keys));
    expect([...key]).toEqual(secretOf(victim));
    expect([calls, rows]).toEqual([1, 512]);
    const [owned, read] = [victim.model, await openWith(victim, key)].map(({ weights }) => parameterArrays(weights));
    owned.forEach((values, p) => {
      values.forEach((w, i) => {
        expect(Math.abs(w - read[p][i])).toBeLessThan(2 ** -12);
      });
    });
    expect(await tryRawSlots(victim)).toMatchObject({ opened: true, right: 1, calls: 1, asClaimed: true });
  });
});

describe('coarse answers', () => {
  it.each([
    [labelQuestions.name, labelQuestions],
    [roundedQuestions.name, roundedQuestions],
  ])('that nobody counts give the key as well (%s): bits a row are no defence by themselves', async (_, questions) => {
    const trial = await tryUncounted(victim, questions);
    expect(trial).toMatchObject({ against: 'unsafe', right: 1, opened: true, asClaimed: true });
  });

  it('give it one coefficient after another, in 5/3 bits each', async () => {
    const small = await makeVictim('insecure-7-1-1', 1);
    try {
      const { key, calls } = await keyFromWrappedLabels(
        small.target,
        unsafePrivateUnlock(small.keys, { kind: 'label' }),
      );
      expect([...key]).toEqual(secretOf(small));
      expect(calls).toBeLessThan(2 * 128);
      expect(calls).toBe(key.reduce((sum, s) => sum + (s === 1 ? 1 : 2), 0));
    } finally {
      small.dispose();
    }
  });

  it('tell of eight coefficients in one number: it is bits that must be counted', async () => {
    const { file, places, read } = questionAboutMany(victim.target, 8);
    const release: Release = { kind: 'rounded', bits: 12 };
    const ledger = new UnlockLedger();
    const unlock = productUnlock(victim, release, ledger);
    expect(await unlock(file, [0])).toBeUndefined();
    const answers = await unsafePrivateUnlock(victim.keys, release)(file, [0]);
    const secret = secretOf(victim);
    expect(read(answers![0])).toEqual(places.map((k) => secret[k] === 1));
    expect(new Set(places).size).toBe(8);
  });

  it('of one threshold give most of it', async () => {
    const unlock = unsafePrivateUnlock(victim.keys, { kind: 'label' });
    const { key } = await keyFromLabels(victim.target, unlock, 1);
    const { right, opened } = victim.score(key);
    expect(opened).toBe(false);
    expect(right).toBeGreaterThan(0.6);
  });

  it('are asked for as long as the owner gives any', async () => {
    const coarse = unsafePrivateUnlock(victim.keys, { kind: 'rounded', bits: 12 });
    const { rows } = await keyFromRoundedOutputs(victim.target, budgeted(coarse, 100));
    expect(rows).toBe(100);
    expect(await keyFromRoundedOutputs(victim.target, async () => undefined)).toMatchObject({ rows: 0, calls: 0 });
    const labels = unsafePrivateUnlock(victim.keys, { kind: 'label' });
    expect(await keyFromWrappedLabels(victim.target, budgeted(labels, 20))).toMatchObject({ rows: 20 });
  });
});

describe('the product', () => {
  // A ring that answers 64 bits: a slot at all thresholds of labels, five rounded rows.
  let larger: Victim;
  beforeAll(async () => {
    larger = await makeVictim('insecure-13-1-1', 1);
  });
  afterAll(() => larger.dispose());

  it.each([
    [labelQuestions.name, labelQuestions],
    [roundedQuestions.name, roundedQuestions],
    [wrappedQuestions.name, wrappedQuestions],
  ])('holds (%s)', async (_, questions) => {
    const trial = await tryCounted(larger, questions);
    expect(trial).toMatchObject({ against: 'product', opened: false, asClaimed: true });
    expect(trial.facts[0]).toMatch(/answered (64|5) different rows with 6\d bits.* the limit is 64\./);
    expect(trial.calls).toBeGreaterThan(1);
    expect(trial.right).toBeLessThan(0.4);
  });

  it('would be seen to leak if its ledger forgot', async () => {
    const forgetful = vi.spyOn(UnlockLedger.prototype, 'charge').mockResolvedValue();
    try {
      const trial = await tryCounted(victim, roundedQuestions);
      expect(trial).toMatchObject({ against: 'product', opened: true, right: 1, asClaimed: false });
    } finally {
      forgetful.mockRestore();
    }
  });

  it('tells one who knows how to ask no more coefficients than it answers bits', async () => {
    const ledger = new UnlockLedger();
    const unlock = productUnlock(victim, { kind: 'label' }, ledger);
    const { key, calls } = await keyFromWrappedLabels(victim.target, unlock);
    const limit = unlockLimit(victim.keys.context.parameters);
    expect(calls).toBe(limit);
    expect(await ledger.account(victim.keys)).toEqual({ used: limit, left: 0, limit });
    const secret = secretOf(victim);
    // All that was learnt is right, and all of it lies among the first coefficients.
    key.forEach((s, k) => {
      expect(s === 0 || s === secret[k]).toBe(true);
    });
    expect(key.subarray(limit).every((s) => s === 0)).toBe(true);
  });

  it('says few bits, or a label, of weights that are sent as predictions', async () => {
    const file = weightsAsPredictions(victim.target, victim.sealed.records[0], 8);
    const rows = [32, 33, 34];
    const raw = await unsafeRawUnlock(victim.keys)(file, rows);
    const rounded = await productUnlock(victim, { kind: 'rounded', bits: 2 }, new UnlockLedger())(file, rows);
    expect(rounded).toHaveLength(3);
    rounded?.forEach(({ outputs = [] }, i) => {
      outputs.forEach((output, k) => {
        expect(output).toBe((raw?.[i].outputs?.[k] ?? Number.NaN) >= 0.5 ? 0.75 : 0.25);
      });
    });
    const labels = await productUnlock(victim, { kind: 'label' }, new UnlockLedger())(file, rows);
    expect(labels?.every(({ label, outputs }) => (label === 0 || label === 1) && outputs === undefined)).toBe(true);
  });
});

describe('the rules that the attacks name', () => {
  const security = readFileSync(new URL('../../../SECURITY.md', import.meta.url), 'utf8');
  it.each([...[unlockExplanation, refreshExplanation, cpadExplanation, vectorExplanation, yasheExplanation]])(
    'stand in SECURITY.md: $attack',
    (explanation) => {
      const { attack, rule } = explanation;
      const [threat, ...rest] = rule.split(': ');
      expect(security).toContain(`| ${threat} | ${rest.join(': ')} |`);
      expect(security).toContain(`hermetic break ${attack}`);
    },
  );
});
