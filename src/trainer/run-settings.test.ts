import { describe, expect, it } from 'vitest';
import { makeData, recipe } from '../../test/fixtures/sealed-round.ts';
import { DenseRows } from '../nn/feature-rows.ts';
import { findNonJson, type JsonValue } from '../protocol/json.ts';
import { fingerprint, parseSettings, requireSameRun, settingsJson } from './run-settings.ts';

const print = (rows: number, seed: number) => fingerprint(makeData(rows, 6, seed));
const data = await print(64, 3);
const settings = { recipe, data };

describe('the fingerprint of the data', () => {
  it('is the same for the same data, another for others', async () => {
    expect(await print(64, 3)).toEqual(data);
    const others = [await print(64, 4), await print(65, 3)];
    expect(new Set([data, ...others].map(({ digest }) => digest)).size).toBe(3);
  });

  it('sees every feature and every target', async () => {
    const wide = (at: number, target: number) => {
      const values = new Float32Array(3 * 2 ** 19);
      values[at] = 1;
      const targets = Float32Array.of(0, 1, target);
      return fingerprint({ features: new DenseRows(values, 2 ** 19), targets });
    };
    const prints = await Promise.all([wide(0, 0), wide(3 * 2 ** 19 - 1, 0), wide(2 ** 20, 0), wide(0, 1)]);
    expect(new Set(prints.map(({ digest }) => digest)).size).toBe(4);
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
