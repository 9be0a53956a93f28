import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { multiplyByTransposeInto, multiplyInto, multiplyTransposedInto } from './matrix.ts';

/** Σ_k a(i, k)·b(k, j), straight from the definition. */
function schoolbook(
  rows: number,
  inner: number,
  columns: number,
  a: (i: number, k: number) => number,
  b: (k: number, j: number) => number,
): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      for (let k = 0; k < inner; k++) out[i * columns + j] += a(i, k) * b(k, j);
    }
  }
  return out;
}

function expectClose(actual: Float64Array, expected: Float64Array): void {
  const errors = actual.map((value, i) => Math.abs(value - expected[i]) / (1 + Math.abs(expected[i])));
  expect(Math.max(...errors)).toBeLessThan(1e-10);
}

function checkAll(rows: number, inner: number, columns: number, seed: number): void {
  const random = new SeededRandom(seed);
  const x = Float32Array.from({ length: rows * inner }, () => random.normal());
  const w = Float64Array.from({ length: inner * columns }, () => random.normal());
  const d = Float64Array.from({ length: rows * columns }, () => random.normal());
  const xAt = (i: number, k: number) => x[i * inner + k];
  const wAt = (k: number, j: number) => w[k * columns + j];
  const dAt = (i: number, j: number) => d[i * columns + j];

  const forward = new Float64Array(rows * columns).fill(9);
  multiplyInto(x, rows, inner, w, columns, forward);
  expectClose(forward, schoolbook(rows, inner, columns, xAt, wAt));

  const gradient = new Float64Array(inner * columns).fill(9);
  multiplyTransposedInto(x, rows, inner, d, columns, gradient);
  expectClose(
    gradient,
    schoolbook(inner, rows, columns, (k, i) => xAt(i, k), dAt),
  );

  const back = new Float64Array(rows * inner).fill(9);
  multiplyByTransposeInto(d, rows, columns, w, inner, back);
  expectClose(
    back,
    schoolbook(rows, columns, inner, dAt, (j, k) => wAt(k, j)),
  );
}

describe('matrix products', () => {
  it('agree with the schoolbook for all small shapes', () => {
    const size = fc.integer({ min: 1, max: 11 });
    fc.assert(fc.property(size, size, size, fc.nat(), checkAll));
  });

  it('agree where the inner size exceeds a block', () => {
    checkAll(5, 2500, 9, 3);
  });

  it('give the same for float64 rows as for float32', () => {
    const x = Float32Array.from({ length: 21 }, (_, i) => i / 8);
    const w = Float64Array.from({ length: 14 }, (_, i) => i - 5);
    const [a, b] = [new Float64Array(6), new Float64Array(6)];
    multiplyInto(x, 3, 7, w, 2, a);
    multiplyInto(Float64Array.from(x), 3, 7, w, 2, b);
    expect(a).toEqual(b);
  });
});
