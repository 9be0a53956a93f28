/**
 * Lattices of small dimension: reduction (Lenstra, Lenstra and Lovász 1982) with exact integer vectors and floating-point
 * Gram–Schmidt coefficients computed afresh row by row (Schnorr and Euchner 1994), and the nearest plane (Babai 1986).
 * Entries stay integers below 2^53: a basis of entries to 2^24 in dimension 64 is reduced in a second or so.
 */

/** Rows: linearly independent integer vectors, below 2^40 in magnitude. */
export type Basis = readonly Float64Array[];

/** Lovász's constant. */
const DELTA = 0.99;
/** Rows are reduced again until no coefficient exceeds this: ½ and some rounding. */
const ETA = 0.51;
const MAX_ENTRY = 2 ** 40;

/**
 * Another basis of the same lattice: |μ_ij| ≤ 0.51 and |b*_i|² ≥ (0.99 − μ²)·|b*_{i−1}|². RangeError for entries that are
 * no integers below 2^40, and for rows that depend on one another.
 */
export function reduceBasis(basis: Basis): Float64Array[] {
  const rows = basis.map((row) => {
    const valid = row.every((x) => Number.isInteger(x) && Math.abs(x) < MAX_ENTRY);
    if (!valid) throw new RangeError('basis: expected integers below 2^40');
    return row.slice();
  });
  const gso = new GramSchmidt(rows.length);
  for (let k = 0; k < rows.length; ) {
    sizeReduce(rows, gso, k);
    if (gso.norm === 0) throw new RangeError('basis: expected independent rows');
    const falls = k > 0 && gso.tail(k, k - 1) < DELTA * gso.squares[k - 1];
    k = falls ? insert(rows, gso, k) : k + 1;
  }
  return rows;
}

/**
 * A lattice vector near `target` on a reduced basis: the nearest one where the distance is less than half of the
 * shortest Gram–Schmidt vector in every direction.
 */
export function nearestPlane(basis: Basis, target: Float64Array): Float64Array {
  const rows = basis.map((row) => row.slice());
  const rest = target.slice();
  const gso = new GramSchmidt(rows.length + 1);
  rows.forEach((_, k) => {
    gso.compute(rows, k);
  });
  sizeReduce([...rows, rest], gso, rows.length);
  return target.map((x, i) => x - rest[i]);
}

/** μ_ij and r_ij = μ_ij·|b*_j|² of the rows, and |b*_i|². */
class GramSchmidt {
  readonly mu: readonly Float64Array[];
  readonly squares: Float64Array;
  /** |b_k|² of the row last computed. */
  norm = 0;
  private readonly r: readonly Float64Array[];

  constructor(count: number) {
    this.mu = Array.from({ length: count }, () => new Float64Array(count));
    this.r = Array.from({ length: count }, () => new Float64Array(count));
    this.squares = new Float64Array(count);
  }

  /** Row k, from the rows before it. */
  compute(rows: Basis, k: number): void {
    const [mu, r] = [this.mu[k], this.r[k]];
    for (let j = 0; j < k; j++) {
      let product = dot(rows[k], rows[j]);
      const other = this.mu[j];
      for (let i = 0; i < j; i++) product -= other[i] * r[i];
      r[j] = product;
      mu[j] = product / this.squares[j];
    }
    this.norm = dot(rows[k], rows[k]);
    this.squares[k] = this.tail(k, k);
  }

  /** Square of what is left of row k, the last computed, outside the span of rows 0 … from − 1. */
  tail(k: number, from: number): number {
    let square = this.norm;
    for (let j = 0; j < from; j++) square -= this.mu[k][j] * this.r[k][j];
    return square;
  }
}

/** Subtracts integer multiples of the earlier rows from row k until its coefficients are at most ½. */
function sizeReduce(rows: readonly Float64Array[], gso: GramSchmidt, k: number): void {
  for (;;) {
    gso.compute(rows, k);
    const mu = gso.mu[k];
    let changed = false;
    for (let j = k - 1; j >= 0; j--) {
      if (Math.abs(mu[j]) <= ETA) continue;
      const multiple = Math.round(mu[j]);
      subtractMultiple(rows[k], rows[j], multiple);
      subtractMultiple(mu, gso.mu[j], multiple, j);
      mu[j] -= multiple;
      changed = true;
    }
    if (!changed) return;
  }
}

/** Moves row k down to where Lovász's condition holds, and returns that place. */
function insert(rows: Float64Array[], gso: GramSchmidt, k: number): number {
  let to = k - 1;
  while (to > 0 && gso.tail(k, to - 1) < DELTA * gso.squares[to - 1]) to--;
  const [row] = rows.splice(k, 1);
  rows.splice(to, 0, row);
  return to;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** a −= multiple·b, in the first `count` places. */
function subtractMultiple(a: Float64Array, b: Float64Array, multiple: number, count: number = a.length): void {
  for (let i = 0; i < count; i++) a[i] -= multiple * b[i];
}
