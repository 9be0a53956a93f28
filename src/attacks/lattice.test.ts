import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { nearestPlane, reduceBasis } from './lattice.ts';

const random = new SeededRandom(1);

function randomBasis(dimension: number, bound: number): Float64Array[] {
  return Array.from({ length: dimension }, () =>
    Float64Array.from({ length: dimension }, () => random.integer(2 * bound + 1) - bound),
  );
}

/** Rows (q·e_i, 0) and (a, e_i). */
function modularBasis(n: number, q: number): Float64Array[] {
  return Array.from({ length: 2 * n }, (_, i) => {
    const row = Float64Array.from({ length: 2 * n }, (_, j) => (i >= n && j < n ? random.integer(q) : 0));
    row[i] = i < n ? q : 1;
    return row;
  });
}

/** By Bareiss: exact. */
function determinant(rows: readonly Float64Array[]): bigint {
  const m = rows.map((row) => Array.from(row, BigInt));
  let [sign, last] = [1n, 1n];
  for (let k = 0; k < m.length - 1; k++) {
    const pivot = m.findIndex((row, i) => i >= k && row[k] !== 0n);
    if (pivot < 0) return 0n;
    if (pivot !== k) {
      [m[k], m[pivot], sign] = [m[pivot], m[k], -sign];
    }
    for (let i = k + 1; i < m.length; i++) {
      for (let j = k + 1; j < m.length; j++) m[i][j] = (m[i][j] * m[k][k] - m[i][k] * m[k][j]) / last;
    }
    last = m[k][k];
  }
  return sign * m[m.length - 1][m.length - 1];
}

const length = (row: Float64Array): number => Math.hypot(...row);

/** The coordinates of `vector` in `basis` are integers: adding it leaves the index of the lattice at one. */
function contains(basis: readonly Float64Array[], vector: Float64Array): boolean {
  const whole = determinant(basis);
  return basis.every((_, i) => determinant(basis.map((row, j) => (j === i ? vector : row))) % whole === 0n);
}

describe('lattice reduction', () => {
  it.each([2, 5, 12, 20])('keeps the lattice (dimension %d)', (dimension) => {
    const basis = randomBasis(dimension, 1000);
    const reduced = reduceBasis(basis);
    const [before, after] = [determinant(basis), determinant(reduced)];
    expect(after === before || after === -before).toBe(true);
    if (dimension <= 12) for (const row of reduced) expect(contains(basis, row)).toBe(true);
  });

  it('meets the bound of Lenstra, Lenstra and Lovász, and far better in practice', () => {
    const reduced = reduceBasis(modularBasis(32, 2 ** 24));
    const root = 2 ** 12;
    // δ^d with δ = 1.0219 is the mean case.
    expect(length(reduced[0])).toBeLessThan(1.03 ** 64 * root);
    expect(length(reduced[0])).toBeGreaterThan(root / 4);
  });

  it('finds a planted short vector', () => {
    const n = 12;
    const basis = modularBasis(n, 2 ** 20);
    const short = Float64Array.from({ length: 2 * n }, () => random.integer(3) - 1);
    // The last coordinate makes (short) a vector of the lattice: the row with 1 there is solved for.
    const planted = basis.map((row) => row.slice());
    short[2 * n - 1] = 1;
    for (let j = 0; j < n; j++) {
      let sum = short[j];
      for (let i = n; i < 2 * n - 1; i++) sum -= short[i] * planted[i][j];
      planted[2 * n - 1][j] = ((sum % 2 ** 20) + 2 ** 20) % 2 ** 20;
    }
    const [first] = reduceBasis(planted);
    expect([[...first], [...first].map((x) => 0 - x)]).toContainEqual([...short].map((x) => x + 0));
  });

  it('refuses what it cannot reduce', () => {
    expect(() => reduceBasis([Float64Array.of(0.5, 1), Float64Array.of(1, 0)])).toThrow(RangeError);
    expect(() => reduceBasis([Float64Array.of(2 ** 41, 1), Float64Array.of(1, 0)])).toThrow(RangeError);
    expect(() => reduceBasis([Float64Array.of(1, 2), Float64Array.of(2, 4)])).toThrow(/independent/);
  });
});

describe('the nearest plane', () => {
  it('undoes a small displacement', () => {
    const basis = reduceBasis(modularBasis(16, 2 ** 16));
    for (let i = 0; i < 20; i++) {
      const point = new Float64Array(32);
      for (const row of basis) {
        const multiple = random.integer(7) - 3;
        row.forEach((x, j) => {
          point[j] += multiple * x;
        });
      }
      const moved = point.map((x) => x + random.integer(9) - 4);
      expect(nearestPlane(basis, moved)).toEqual(point);
    }
  });
});
