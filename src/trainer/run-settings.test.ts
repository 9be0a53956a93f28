import { describe, expect, it } from 'vitest';
import { makeData, recipe } from '../../test/fixtures/sealed-round.ts';
import { batches } from '../nn/feature-rows.ts';
import { findNonJson, type JsonValue } from '../protocol/json.ts';
import { fingerprint, parseSettings, requireSameRun, settingsJson } from './run-settings.ts';

const print = (rows: number, seed: number, change: { batch?: number; seed?: number } = {}) =>
  fingerprint(batches(makeData(rows, 6, seed), { batch: 16, seed: 5, ...change }), rows);
const data = await print(64, 3);
const settings = { recipe, data };

describe('the fingerprint of the data', () => {
  it('is the same for the same data, another for others', async () => {
    expect(await print(64, 3)).toEqual(data);
    const others = [
      await print(64, 4),
      await print(65, 3),
      await print(64, 3, { seed: 6 }),
      await print(64, 3, { batch: 8 }),
    ];
    expect(new Set([data, ...others].map(({ digest }) => digest)).size).toBe(5);
  });
});

describe('settings', () => {
  it('survive their file', () => {
    for (const schedule of [{ kind: 'constant' }, { kind: 'linear', decaySteps: 40 }] as const) {
      const whole = { data, recipe: { ...recipe, schedule } };
      const json = settingsJson(whole);
      expect(findNonJson(json)).toBeUndefined();
      expect(parseSettings(json)).toEqual(whole);
    }
  });

  it('that are none are refused', () => {
    const good = settingsJson(settings) as Record<string, JsonValue>;
    const wrong: JsonValue[] = [
      null,
      {},
      { ...good, version: 2 },
      { ...good, more: 1 },
      { ...good, recipe: { ...(good.recipe as object), learningRate: -1 } },
      { ...good, recipe: { ...(good.recipe as object), loss: 'hinge' } },
      { ...good, data: null },
    ];
    for (const value of wrong) {
      expect(() => parseSettings(value)).toThrow(expect.objectContaining({ code: 'BAD_FILE' }));
    }
  });
});

describe('the same run', () => {
  it('is one with the same settings, or an open learning rate', () => {
    expect(() => requireSameRun(settings, recipe, data)).not.toThrow();
    expect(() => requireSameRun(settings, { ...recipe, learningRate: undefined }, data)).not.toThrow();
  });

  it('is no other', () => {
    const differing = () => requireSameRun(settings, { ...recipe, weightDecay: 0.1 }, data);
    expect(differing).toThrow(/the weight decay differs.*expected 0; got 0\.1/);
    const schedule = { kind: 'linear' } as const;
    expect(() => requireSameRun(settings, { ...recipe, schedule }, data)).toThrow(/the steps of the schedule/);
  });

  it('never shows a digest of the data', () => {
    const other = { ...data, digest: 'f'.repeat(64) };
    const act = () => requireSameRun(settings, recipe, other);
    expect(act).toThrow(/the data differs|the data/);
    expect(act).not.toThrow(new RegExp(data.digest.slice(0, 8)));
  });
});
