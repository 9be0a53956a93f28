import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accuracy, auc, classes, confusion } from './metrics.ts';

/** The share of pairs (positive, negative) in order, ties half: by counting. */
function pairwise(scores: readonly number[], labels: readonly number[]): number {
  let sum = 0;
  let pairs = 0;
  scores.forEach((a, i) => {
    scores.forEach((b, j) => {
      if (labels[i] !== 1 || labels[j] !== 0) return;
      pairs++;
      sum += a > b ? 1 : a === b ? 0.5 : 0;
    });
  });
  return sum / pairs;
}

describe('auc', () => {
  it('agrees with counting pairs, ties included', () => {
    const row = fc.tuple(fc.integer({ min: -4, max: 4 }), fc.integer({ min: 0, max: 1 }));
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
        const scores = rows.map(([score]) => score / 4);
        const labels = rows.map(([, label]) => label);
        const area = auc(Float64Array.from(scores), Float32Array.from(labels), 1);
        const expected = pairwise(scores, labels);
        if (Number.isNaN(expected)) expect(area).toBeNaN();
        else expect(area).toBeCloseTo(expected, 12);
      }),
    );
  });

  it('averages class against rest for several outputs', () => {
    const targets = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0);
    const predictions = Float64Array.of(0.9, 0.1, 0.2, 0.1, 0.8, 0.3, 0.2, 0.9, 0.1, 0.3, 0.2, 0);
    const byClass = [0, 1, 2].map((k) =>
      pairwise(
        [0, 1, 2, 3].map((row) => predictions[3 * row + k]),
        [0, 1, 2, 3].map((row) => targets[3 * row + k]),
      ),
    );
    expect(auc(predictions, targets, 3)).toBeCloseTo((byClass[0] + byClass[1] + byClass[2]) / 3, 12);
  });

  it('is not a number where a score is not', () => {
    expect(auc(Float64Array.of(Number.NaN, 1), Float32Array.of(0, 1), 1)).toBeNaN();
  });
});

describe('accuracy', () => {
  it('takes ½ as the threshold of a single output', () => {
    expect(classes(Float64Array.of(0.49, 0.5, -3, 7), 1)).toEqual(Uint32Array.of(0, 1, 0, 1));
    expect(accuracy(Float64Array.of(0.49, 0.5, -3, 7), Float32Array.of(0, 1, 1, 1), 1)).toBe(0.75);
  });

  it('takes the largest of several, whatever the shift of the targets', () => {
    const predictions = Float64Array.of(0.1, 0.3, 0.2, 0.5, 0.5, 0.1);
    expect(classes(predictions, 3)).toEqual(Uint32Array.of(1, 0));
    expect(accuracy(predictions, Float32Array.of(-0.1, 0.9, -0.1, -0.1, 0.9, -0.1), 3)).toBe(0.5);
  });

  it('counts errors by class', () => {
    expect(confusion(Float64Array.of(0, 1, 1, 1), Float32Array.of(0, 0, 1, 1), 1)).toEqual([
      [1, 1],
      [0, 2],
    ]);
  });

  it('refuses shapes that do not fit', () => {
    expect(() => accuracy(new Float64Array(3), new Float32Array(4), 1)).toThrow(RangeError);
    expect(() => auc(new Float64Array(4), new Float32Array(4), 3)).toThrow(RangeError);
  });
});
