import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DenseRows } from '../nn/feature-rows.ts';
import { CentredSparseRows, matrix, matrixFromRows, rowOf, SelectedRows, takeRows } from './matrix.ts';

describe('matrix', () => {
  it('has its rows as views', () => {
    const m = matrixFromRows([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect([...rowOf(m, 1)]).toEqual([4, 5, 6]);
    rowOf(m, 0)[2] = 9;
    expect([...m.values]).toEqual([1, 2, 9, 4, 5, 6]);
  });

  it('refuses values that do not fit', () => {
    expect(() => matrix(2, 2, new Float32Array(3))).toThrow('expected 4 entries, got 3');
    expect(() => matrix(-1, 2)).toThrow(RangeError);
    expect(() => matrixFromRows([[1], [1, 2]])).toThrow('row 1');
  });
});

describe('rows', () => {
  const entries = fc.uniqueArray(fc.tuple(fc.nat(4), fc.double({ min: -9, max: 9, noNaN: true })), {
    selector: ([column]) => column,
  });

  it('sparse around a centre equal their dense form, selected or not', () => {
    fc.assert(
      fc.property(
        fc.array(entries, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 9 }),
        (rows, picks) => {
          const centre = Float32Array.of(0.5, -1, 2, 0, 0.25);
          const dense = matrix(rows.length, 5);
          rows.forEach((row, r) => {
            rowOf(dense, r).set(centre);
            for (const [column, value] of row) rowOf(dense, r)[column] += Math.fround(value);
          });
          const offsets = Uint32Array.of(0, ...rows.map((_, r) => rows.slice(0, r + 1).flat().length));
          const flat = rows.flat();
          const sparse = new CentredSparseRows(
            { offsets, indices: Uint32Array.from(flat, (e) => e[0]), values: Float32Array.from(flat, (e) => e[1]) },
            centre,
          );
          const selection = picks.map((pick) => pick % rows.length);
          const expected = takeRows(new DenseRows(dense.values, 5), selection);
          expect(takeRows(sparse, selection)).toEqual(expected);
          const everything = selection.map((_, i) => i);
          expect(takeRows(new SelectedRows(sparse, selection), everything)).toEqual(expected);
        },
      ),
    );
  });

  it('that are not there are refused', () => {
    const sparse = new CentredSparseRows(
      { offsets: Uint32Array.of(0, 0), indices: new Uint32Array(), values: new Float32Array() },
      new Float32Array(2),
    );
    for (const row of [-1, 1, 0.5]) expect(() => takeRows(sparse, [row])).toThrow(RangeError);
    expect(() => sparse.densify([0], new Float32Array(1))).toThrow('expected 1 × 2 numbers or more, got 1');
  });
});
