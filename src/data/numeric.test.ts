import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { takeRows } from './matrix.ts';
import { applyNumeric, fitNumeric, type NumericInputs } from './numeric.ts';

function inputs(columns: string[], ...rows: number[][]): NumericInputs {
  return { kind: 'numeric', columns, rows: rows.length, values: Float64Array.from(rows.flat()) };
}

describe('numeric features', () => {
  it('are standardised with the population deviation', () => {
    const { settings, warnings } = fitNumeric(inputs(['a', 'b'], [1, 10], [3, 30]));
    expect(settings).toEqual({ kind: 'numeric', columns: ['a', 'b'], mean: [2, 20], deviation: [1, 10], scale: 1 });
    expect(warnings).toEqual([]);
    const { values } = takeRows(applyNumeric(inputs(['a', 'b'], [4, 5]), settings), [0]);
    expect([...values]).toEqual([2, -1.5]);
  });

  it('have mean zero and mean square norm d, constant columns or not', () => {
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 20 }), (pairs) => {
        const data = inputs(['a', 'b', 'constant', 'c'], [1, 2, 7, 0], ...pairs.map(([a, b]) => [a, b, 7, a + 1]));
        const { settings } = fitNumeric(inputs(data.columns.slice(), [-5, 3, 7, 1], ...rowsOf(data)));
        const all = inputs(data.columns.slice(), [-5, 3, 7, 1], ...rowsOf(data));
        const { values } = takeRows(applyNumeric(all, settings), [...Array(all.rows).keys()]);
        for (let j = 0; j < 4; j++) {
          const mean =
            Array.from({ length: all.rows }, (_, i) => values[4 * i + j]).reduce((s, x) => s + x, 0) / all.rows;
          expect(Math.abs(mean)).toBeLessThan(1e-5);
        }
        expect(values.reduce((sum, x) => sum + x * x, 0) / all.rows / 4).toBeCloseTo(1, 4);
      }),
    );
  });

  it('name the columns that do not vary', () => {
    const { settings, warnings } = fitNumeric(inputs(['a', 'b', 'c'], [1, 0.1, 5], [2, 0.1, 5], [4, 0.1, 5]));
    expect(warnings).toEqual(["constant, so nothing can be learned from: 'b', 'c'"]);
    expect(settings.deviation.slice(1)).toEqual([1, 1]);
    expect(settings.scale).toBeCloseTo(Math.sqrt(3), 12);
  });

  it('cannot be made of nothing that varies, nor of numbers beyond all range', () => {
    expect(() => fitNumeric(inputs(['a'], [1], [1]))).toThrow('no feature varies');
    expect(() => fitNumeric(inputs(['a', 'b'], [1e300, 1], [-1e300, 2]))).toThrow("the numbers of 'a' are too large");
    const { settings } = fitNumeric(inputs(['a'], [1], [2]));
    expect(() => applyNumeric(inputs(['a'], [1], [1e300]), settings)).toThrow(
      "column 'a', row 2: the number is too large",
    );
    expect(() => applyNumeric(inputs(['a'], [1e300]), settings)).toThrow(HermeticError);
  });
});

function rowsOf({ values, rows, columns }: NumericInputs): number[][] {
  return Array.from({ length: rows }, (_, i) => [...values.subarray(i * columns.length, (i + 1) * columns.length)]);
}
