import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyFromDecryption } from '../../attacks/raw-decryption-key.ts';
import { encryptKnown, tryRawDecryption, tryReleased } from './cpad.ts';
import { unsafeRawDecryption } from './unsafe.ts';
import { makeVictim, type Victim } from './victim.ts';

let victim: Victim;
beforeAll(async () => {
  victim = await makeVictim('insecure-11-1-1', 1);
});
afterAll(() => victim.dispose());

describe('a raw decryption', () => {
  it('is the key', async () => {
    for (let i = 0; i < 3; i++) {
      const trial = await tryRawDecryption(victim, encryptKnown(victim));
      expect(trial).toMatchObject({ against: 'unsafe', opened: true, right: 1, calls: 1, asClaimed: true });
    }
  });

  it('is the key where a prime tells nothing: one of c1 with a zero', () => {
    const { record } = encryptKnown(victim);
    const raw = unsafeRawDecryption(victim.keys, record);
    const [c0, c1] = record.polynomials;
    const holed = { ...record, polynomials: [c0, c1.with(5, 0)] };
    const { key, exact } = keyFromDecryption(victim.target.context, holed, raw);
    expect([exact, victim.score(key).opened]).toEqual([true, true]);
  });

  it('is no key where a slot is off by less than a rounded bit, or where it is what was encrypted', () => {
    const { record, values } = encryptKnown(victim);
    const { context } = victim.target;
    const raw = unsafeRawDecryption(victim.keys, record);
    expect(keyFromDecryption(context, record, raw).exact).toBe(true);
    const off = { re: raw.re.slice(), im: raw.im };
    off.re[5] += 2 ** -13;
    for (const slots of [off, values]) {
      const { key, exact } = keyFromDecryption(context, record, slots);
      expect(exact).toBe(false);
      expect(key.every((x) => Math.abs(x) <= 1)).toBe(true);
      expect(victim.score(key)).toMatchObject({ opened: false, atChance: true });
    }
  });
});

describe('what the product releases of it', () => {
  it.each([
    ['labels', { kind: 'label' }],
    ['12 bits a row', { kind: 'rounded' }],
    ['a bit a row', { kind: 'rounded', bits: 1 }],
  ] as const)('is no better than guessing (%s)', async (name, release) => {
    const trial = await tryReleased(victim, encryptKnown(victim), name, release);
    expect(trial).toMatchObject({ against: 'product', opened: false, asClaimed: true });
    expect(trial.right).toBeLessThan(0.42);
    expect(trial.right).toBeGreaterThan(0.25);
  });
});
