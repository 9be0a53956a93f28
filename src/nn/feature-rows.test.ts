import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { batches, DenseRows } from './feature-rows.ts';

/** Row i holds (i, −i); its target is i. */
function numbered(rows: number) {
  const features = DenseRows.from(Array.from({ length: rows }, (_, i) => [i, -i]));
  return { features, targets: Float32Array.from({ length: rows }, (_, i) => i) };
}

describe('batches', () => {
  it('deals every row once an epoch, features beside their targets', () => {
    const source = batches(numbered(12), { batch: 4, seed: 3 });
    for (let epoch = 0; epoch < 3; epoch++) {
      const seen = [0, 1, 2].flatMap((i) => [...source.next(3 * epoch + i).targets]);
      expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    }
    const { features, targets } = source.next(1);
    targets.forEach((target, i) => {
      expect(features[2 * i]).toBe(target);
      expect(features[2 * i + 1]).toBe(-target);
    });
  });

  it('gives any step at any time, the same each time', () => {
    const source = batches(numbered(10), { batch: 4, seed: 3 });
    const inOrder = [0, 1, 2, 3, 4, 5].map((step) => source.next(step));
    const again = batches(numbered(10), { batch: 4, seed: 3 });
    for (const step of [4, 0, 5, 2, 1, 3]) expect(again.next(step)).toEqual(inOrder[step]);
    expect(batches(numbered(10), { batch: 4, seed: 4 }).next(0)).not.toEqual(inOrder[0]);
  });

  it('goes on into the next epoch amid a batch, so that rows count alike', () => {
    const source = batches(numbered(3), { batch: 8, seed: 1 });
    const counts = [0, 0, 0];
    for (let step = 0; step < 3; step++) for (const target of source.next(step).targets) counts[target]++;
    expect(counts).toEqual([8, 8, 8]);
  });

  it('keeps the order where asked to', () => {
    const source = batches(numbered(3), { batch: 2, seed: 1, order: 'sequential' });
    expect([0, 1, 2].flatMap((step) => [...source.next(step).targets])).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('refuses empty data and targets that do not fit', () => {
    const none = { features: new DenseRows(new Float32Array(0), 2), targets: new Float32Array(0) };
    expect(() => batches(none, { batch: 2, seed: 0 })).toThrow(HermeticError);
    const { features } = numbered(3);
    expect(() => batches({ features, targets: new Float32Array(4) }, { batch: 2, seed: 0 })).toThrow(RangeError);
  });
});

describe('DenseRows', () => {
  it('checks shapes and indices', () => {
    expect(() => new DenseRows(new Float32Array(5), 2)).toThrow(RangeError);
    expect(() => DenseRows.from([[1, 2], [3]])).toThrow(RangeError);
    expect(() => numbered(2).features.densify([2], new Float32Array(2))).toThrow(RangeError);
  });
});
