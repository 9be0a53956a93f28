import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { applyFeatures, applyTable } from './features.ts';
import { imageInputs } from './images.ts';
import { takeRows } from './matrix.ts';
import { parseFeatureSettings } from './parse-settings.ts';
import { type FeatureSettings, featureCount } from './settings.ts';
import { tableFromColumns } from './table.ts';
import { xorSettings } from './xor.ts';

/** Settings as the first release wrote them; they must be read, and mean the same, for ever. */
function golden(kind: string): unknown {
  const url = new URL(`../../test/fixtures/data/feature-settings-v1-${kind}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8'));
}

const kinds = ['numeric', 'text', 'image'];

function expectClose(values: Float32Array, expected: number[]): void {
  expect(values.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(values[i]).toBeCloseTo(value, 5);
  });
}

describe('settings of version 1', () => {
  it('numeric', () => {
    const table = tableFromColumns({ age: ['40'], height: ['1.5'] });
    const { features } = applyTable(table, parseFeatureSettings(golden('numeric')), 'predict');
    expectClose(takeRows(features, [0]).values, [Math.sqrt(1.5), -Math.sqrt(1.5)]);
  });

  it('text', () => {
    const settings = parseFeatureSettings(golden('text'));
    const { features } = applyTable(tableFromColumns({ review: ['Good plot!'] }), settings, 'predict');
    expect(settings.inputs.kind === 'text' && settings.inputs.vocabulary).toEqual(['film', 'bad', 'good', 'plot']);
    // Computed apart from the code: idf ln(4/3), ln 2, ln 2, ln 2; rows of length 1; centred; mean square norm 4.
    const [film, other] = [Math.log(4 / 3), Math.log(2)];
    const unit = (row: number[]) => row.map((u) => u / Math.hypot(...row));
    const rows = [
      [film, 0, other, 0],
      [film, other, 0, 0],
      [0, 0, other, other],
      [film, other, 0, other],
    ].map(unit);
    const mean = [0, 1, 2, 3].map((j) => rows.reduce((sum, row) => sum + row[j], 0) / 4);
    const variance = rows.reduce((sum, row) => sum + row.reduce((s, u, j) => s + (u - mean[j]) ** 2, 0), 0) / 4;
    const expected = unit([0, 0, other, other]).map((u, j) => Math.sqrt(4 / variance) * (u - mean[j]));
    expectClose(takeRows(features, [0]).values, expected);
  });

  it('image', () => {
    const settings = parseFeatureSettings(golden('image'));
    const dataset = applyFeatures(
      {
        inputs: imageInputs(Uint8Array.of(0, 255, 30, 40), 2, 2),
        labelColumn: 'x',
        labels: Int32Array.of(1),
        classes: [],
      },
      settings,
    );
    const centred = [0 - 85, 255 - 85, 30 - 70 / 3, 40 - 160 / 3];
    expectClose(
      takeRows(dataset.features, [0]).values,
      centred.map((u) => (2 * u) / Math.hypot(...centred)),
    );
    expectClose(dataset.targets.values, [-1 / 3, 2 / 3, -1 / 3]);
  });
});

describe('parseFeatureSettings', () => {
  it('returns what is right unchanged', () => {
    for (const kind of kinds) expect(parseFeatureSettings(golden(kind))).toEqual(golden(kind));
    expect(parseFeatureSettings(xorSettings())).toEqual(xorSettings());
  });

  const text = golden('text') as FeatureSettings;
  const numeric = golden('numeric') as FeatureSettings;
  it.each([
    ['another version', { ...text, version: 2 }, 'version'],
    ['an unknown kind', { ...text, inputs: { ...text.inputs, kind: 'sound' } }, 'inputs.kind'],
    ['one mean too few', { ...text, inputs: { ...text.inputs, mean: [0, 0, 0] } }, 'lengths differ'],
    ['a word twice', { ...text, inputs: { ...text.inputs, vocabulary: ['a', 'b', 'a', 'c'] } }, 'inputs.vocabulary'],
    ['a deviation of zero', { ...numeric, inputs: { ...numeric.inputs, deviation: [0, 1] } }, 'inputs.deviation.0'],
    ['a mean that is no number', { ...numeric, inputs: { ...numeric.inputs, mean: [Number.NaN, 1] } }, 'inputs.mean.0'],
    ['three outputs for two classes', { ...text, label: { ...text.label, outputs: 3 } }, 'outputs do not fit'],
    ['a stranger', { ...text, more: 1 }, 'as a whole'],
    ['nothing', undefined, 'as a whole'],
  ])('refuses %s', (_, value, place) => {
    expect(() => parseFeatureSettings(value)).toThrow(place);
    expect(() => parseFeatureSettings(value)).toThrow(HermeticError);
  });

  it('answers anything with settings that can be applied, or BAD_FILE', () => {
    const damaged = fc.tuple(fc.constantFrom(...kinds), fc.nat(), fc.nat(127)).map(([kind, at, code]) => {
      const json = JSON.stringify(golden(kind));
      const position = at % json.length;
      return json.slice(0, position) + String.fromCharCode(code) + json.slice(position + 1);
    });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), damaged), (value) => {
        let parsed: unknown = value;
        try {
          parsed = typeof value === 'string' ? JSON.parse(value) : value;
        } catch {
          return;
        }
        try {
          const settings = parseFeatureSettings(parsed);
          expect(featureCount(settings)).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(HermeticError);
          expect((error as HermeticError).code).toBe('BAD_FILE');
        }
      }),
      { numRuns: 400 },
    );
  });
});
