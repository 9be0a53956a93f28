/**
 * Key switching: c' = M·c*, with c* the digits of c. M is published, so this is anybody's (Zhou and Wornell 2014, section
 * 2.2). Entries of M are of any size but mostly small: small ones stand in one array, large ones are split in limbs.
 */

import { type DigitVector, digitsOf } from './digits.ts';
import { reduce, type VectorParameters } from './parameters.ts';

/** n + k rows, l columns for each of the `inputs` entries of the vector that is switched. */
export interface SwitchingMatrix {
  readonly inputs: number;
  readonly rows: readonly MatrixRow[];
}

export interface MatrixRow {
  /** Entries below 2^24 in magnitude; 0 where an entry is larger. */
  readonly small: Int32Array;
  /** The largest magnitude in `small`. */
  readonly smallBound: number;
  /** Columns of the larger entries, ascending. */
  readonly large: Int32Array;
  readonly limbCount: number;
  /** limbCount limbs for each larger entry, Σ_d limb_d·2^(24 d); 0 ≤ limb < 2^24, save the last, which has the sign. */
  readonly limbs: Int32Array;
}

const LIMB_BITS = 24;
const SHIFT = BigInt(LIMB_BITS);
/** Entries below this are small. */
export const SMALL: number = 2 ** LIMB_BITS;
const TWO_31 = 2 ** 31;

/** A row of entries of any size; numbers are taken to be below 2^53. */
export function matrixRow(entries: readonly (number | bigint)[]): MatrixRow {
  const small = new Int32Array(entries.length);
  const large = new Map<number, bigint>();
  entries.forEach((entry, column) => {
    if (entry > -SMALL && entry < SMALL) small[column] = Number(entry);
    else large.set(column, BigInt(entry));
  });
  return splitRow(small, large);
}

/** A row of small entries, replaced in ascending columns by larger ones. */
export function splitRow(small: Int32Array, large: ReadonlyMap<number, bigint>): MatrixRow {
  const values = [...large.values()];
  const limbCount = Math.max(0, ...values.map(limbsOf));
  const limbs = new Int32Array(values.length * limbCount);
  values.forEach((value, t) => {
    writeLimbs(value, limbs.subarray(t * limbCount, (t + 1) * limbCount));
  });
  const columns = Int32Array.from(large.keys());
  for (const column of columns) small[column] = 0;
  const smallBound = small.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { small, smallBound, large: columns, limbCount, limbs };
}

/** Limbs that hold a signed value. */
function limbsOf(value: bigint): number {
  const magnitude = value < 0n ? ~value : value;
  return Math.ceil((magnitude.toString(16).length * 4 + 1) / LIMB_BITS);
}

function writeLimbs(value: bigint, out: Int32Array): void {
  let rest = value;
  for (let d = 0; d < out.length; d++) {
    out[d] = Number(d === out.length - 1 ? rest : BigInt.asUintN(LIMB_BITS, rest));
    rest >>= SHIFT;
  }
}

/** The entries of a row: numbers where they are small. */
export function rowValues({ small, large, limbCount, limbs }: MatrixRow): (number | bigint)[] {
  const entries: (number | bigint)[] = [...small];
  large.forEach((column, t) => {
    entries[column] = fromLimbs(limbs.subarray(t * limbCount, (t + 1) * limbCount));
  });
  return entries;
}

/** The entries of a row as integers. */
export function rowEntries(row: MatrixRow): bigint[] {
  return rowValues(row).map(BigInt);
}

function fromLimbs(limbs: Int32Array | Float64Array): bigint {
  let value = 0n;
  for (let d = limbs.length - 1; d >= 0; d--) value = (value << SHIFT) + BigInt(limbs[d]);
  return value;
}

/**
 * M·c*: S'·c' = S·c + E·c*.
 * @throws RangeError for a vector of another length; HermeticError DIVERGED for entries beyond the digits
 */
export function switchKey(matrix: SwitchingMatrix, vector: readonly bigint[], parameters: VectorParameters): bigint[] {
  if (vector.length !== matrix.inputs) {
    throw new RangeError(`vector: expected ${matrix.inputs} entries, got ${vector.length}`);
  }
  const reduced = parameters.logModulus === 0 ? vector : vector.map((value) => reduce(value, parameters));
  const digits = digitsOf(reduced, parameters);
  // Sums of so many products fit 32 bits where every small entry is at most this.
  const fits = TWO_31 / (2 ** parameters.digitBits * Math.max(1, digits.count));
  return matrix.rows.map((row) => {
    const low = row.smallBound < fits ? sumInWords(row.small, digits) : sumInDoubles(row.small, digits);
    return reduce(row.large.length === 0 ? BigInt(low) : BigInt(low) + largeSum(row, digits.dense), parameters);
  });
}

function sumInWords(small: Int32Array, { positions, values, count }: DigitVector): number {
  let sum = 0;
  for (let t = 0; t < count; t++) sum = (sum + Math.imul(small[positions[t]], values[t])) | 0;
  return sum;
}

/** Exact below 2^53: 2^24 · 2^8 · 2^21 columns. */
function sumInDoubles(small: Int32Array, { positions, values, count }: DigitVector): number {
  let sum = 0;
  for (let t = 0; t < count; t++) sum += small[positions[t]] * values[t];
  return sum;
}

function largeSum({ large, limbCount, limbs }: MatrixRow, dense: Int16Array): bigint {
  const sums = new Float64Array(limbCount);
  for (let t = 0, at = 0; t < large.length; t++, at += limbCount) {
    const digit = dense[large[t]];
    if (digit === 0) continue;
    for (let d = 0; d < limbCount; d++) sums[d] += limbs[at + d] * digit;
  }
  return fromLimbs(sums);
}
