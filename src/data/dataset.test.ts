import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { DenseRows } from '../nn/feature-rows.ts';
import { datasetBatches, requireBatch } from './batches.ts';
import { type Dataset, requireTwoClasses, splitInHalves, splitRows, targetsOf } from './dataset.ts';
import { takeRows } from './matrix.ts';

function numbered(rows: number): Dataset {
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 2);
  return {
    features: new DenseRows(
      Float32Array.from({ length: rows }, (_, i) => i),
      1,
    ),
    targets: targetsOf(labels, 1, 0),
    labels,
    classes: ['even', 'odd'],
  };
}

describe('targetsOf', () => {
  it('gives 0 and 1 to one output and centred one-hot rows to several', () => {
    expect([...targetsOf(Int32Array.of(0, 1, -1), 1, 0).values]).toEqual([0, 1, 0]);
    expect([...targetsOf(Int32Array.of(2, 0, -1), 4, 0.25).values]).toEqual([
      -0.25, -0.25, 0.75, -0.25, 0.75, -0.25, -0.25, -0.25, 0, 0, 0, 0,
    ]);
  });
});

describe('splitting', () => {
  it('gives every row to one part, and every part its share of each class', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        (extra, parts, seed) => {
          const labels = Int32Array.from([...Array(parts * 3).keys()].map((i) => i % 3).concat(extra));
          const split = splitRows(labels, parts, seed);
          expect([...split.flatMap((rows) => [...rows])].sort((a, b) => a - b)).toEqual([...labels.keys()]);
          for (const label of [0, 1, 2]) {
            const share = labels.filter((l) => l === label).length / parts;
            for (const rows of split) {
              const count = rows.filter((row) => labels[row] === label).length;
              expect(Math.abs(count - share)).toBeLessThan(1);
            }
          }
          expect(splitRows(labels, parts, seed)).toEqual(split);
        },
      ),
    );
  });

  it('depends on the seed', () => {
    const { labels } = numbered(100);
    expect(splitRows(labels, 2, 1)).not.toEqual(splitRows(labels, 2, 2));
  });

  it('refuses a class that does not go round', () => {
    expect(() => splitRows(Int32Array.of(0, 0, 1), 2, 0)).toThrow(HermeticError);
  });

  it('halves a data set, with features, targets and labels kept together', () => {
    const halves = splitInHalves(numbered(20), 5);
    for (const half of halves) {
      expect(half.features.rows).toBe(10);
      const values = takeRows(
        half.features,
        half.labels.map((_, i) => i),
      ).values;
      expect([...values].map((value) => value % 2)).toEqual([...half.labels]);
      expect([...half.targets.values]).toEqual([...half.labels]);
    }
  });
});

describe('requireTwoClasses', () => {
  it('refuses one class or none', () => {
    expect(() => requireTwoClasses(Int32Array.of(1, 1, -1), ['no', 'yes'], 'y')).toThrow(
      "column 'y': there is nothing to tell apart; expected at least two classes; got only 'yes'",
    );
    expect(() => requireTwoClasses(Int32Array.of(-1), ['no', 'yes'], 'y')).toThrow('got none');
    expect(() => requireTwoClasses(Int32Array.of(0, 1), ['no', 'yes'], 'y')).not.toThrow();
  });
});

describe('datasetBatches', () => {
  it('uses every row once an epoch, across batches that straddle epochs', () => {
    const source = datasetBatches(numbered(20), { batch: 8, seed: 3 });
    const seen = [0, 1, 2, 3, 4].flatMap((step) => [...source.next(step).features]);
    const ascending = (values: number[]) => [...values].sort((a, b) => a - b);
    expect(ascending(seen.slice(0, 20))).toEqual([...Array(20).keys()]);
    expect(ascending(seen.slice(20))).toEqual([...Array(20).keys()]);
    expect(seen.slice(0, 20)).not.toEqual(seen.slice(20));
  });

  it('gives a step the same rows whenever it is asked for', () => {
    const first = datasetBatches(numbered(50), { batch: 16, seed: 9 });
    const steps = [0, 1, 2, 3, 4, 5, 6, 7].map((step) => first.next(step));
    const resumed = datasetBatches(numbered(50), { batch: 16, seed: 9 });
    expect([7, 2, 5].map((step) => resumed.next(step))).toEqual([7, 2, 5].map((step) => steps[step]));
    expect([...steps[4].features].map((value) => value % 2)).toEqual([...steps[4].targets]);
  });

  it('proposes the largest batch that fits', () => {
    expect(() => datasetBatches(numbered(20), { batch: 32, seed: 0 })).toThrow(
      'there are fewer rows than a batch takes; expected at least 32; got 20. Add rows, or use a batch of 16.',
    );
    expect(() => requireBatch(0, 4)).toThrow('Add rows.');
    expect(() => requireBatch(4, 4)).not.toThrow();
    expect(() => datasetBatches(numbered(20), { batch: 12, seed: 0 })).toThrow(RangeError);
  });
});
