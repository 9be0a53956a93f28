/**
 * Matrices, and rows of features that are sparse around a centre, behind the interface from which training takes a
 * batch at a time. 25,000 reviews × 4,000 words are 400 MB dense and 25 MB sparse.
 */

import { checkInteger, checkLength } from '../base/checks.ts';
import type { FeatureRows } from '../nn/feature-rows.ts';

/** rows × columns numbers, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** A rows × columns matrix over `values` (not copied), or of zeros. */
export function matrix(rows: number, columns: number, values?: Float32Array): Matrix {
  checkInteger('rows', rows, 0, Number.MAX_SAFE_INTEGER);
  checkInteger('columns', columns, 0, Number.MAX_SAFE_INTEGER);
  if (values !== undefined) checkLength('values', values, rows * columns);
  return { rows, columns, values: values ?? new Float32Array(rows * columns) };
}

/** The matrix of the given rows, all of one length. */
export function matrixFromRows(rows: readonly ArrayLike<number>[]): Matrix {
  const columns = rows.length === 0 ? 0 : rows[0].length;
  const result = matrix(rows.length, columns);
  rows.forEach((row, i) => {
    result.values.set(checkLength(`row ${i}`, row, columns), i * columns);
  });
  return result;
}

/** Row `index` as a view, not a copy. */
export function rowOf(source: Matrix, index: number): Float32Array {
  return source.values.subarray(index * source.columns, (index + 1) * source.columns);
}

function checkBatch(source: FeatureRows, rowIndices: ArrayLike<number>, out: Float32Array): void {
  if (out.length < rowIndices.length * source.columns) {
    throw new RangeError(`out: expected ${rowIndices.length} × ${source.columns} numbers or more, got ${out.length}`);
  }
  for (let i = 0; i < rowIndices.length; i++) checkInteger('row', rowIndices[i], 0, source.rows - 1);
}

/** Compressed rows: entries offsets[r] … offsets[r+1] − 1 belong to row r. */
export interface SparseEntries {
  /** rows + 1 positions into `indices` and `values`. */
  readonly offsets: Uint32Array;
  /** Column of each entry, < columns, at most once in a row. */
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** Row r is `centre` + Σ values[k] at column indices[k] over the entries k of row r. */
export class CentredSparseRows implements FeatureRows {
  readonly rows: number;
  readonly columns: number;
  readonly entries: SparseEntries;
  readonly centre: Float32Array;

  constructor(entries: SparseEntries, centre: Float32Array) {
    this.rows = entries.offsets.length - 1;
    this.columns = centre.length;
    this.entries = entries;
    this.centre = centre;
  }

  densify(rowIndices: ArrayLike<number>, out: Float32Array): void {
    checkBatch(this, rowIndices, out);
    const { offsets, indices, values } = this.entries;
    for (let i = 0; i < rowIndices.length; i++) {
      const base = i * this.columns;
      out.set(this.centre, base);
      const end = offsets[rowIndices[i] + 1];
      for (let k = offsets[rowIndices[i]]; k < end; k++) out[base + indices[k]] += values[k];
    }
  }
}

/** Some rows of another `FeatureRows`, in the given order; nothing is copied. */
export class SelectedRows implements FeatureRows {
  readonly rows: number;
  readonly columns: number;
  readonly #source: FeatureRows;
  readonly #selection: Uint32Array;

  constructor(source: FeatureRows, selection: ArrayLike<number>) {
    this.rows = selection.length;
    this.columns = source.columns;
    this.#source = source;
    this.#selection = Uint32Array.from(selection);
  }

  densify(rowIndices: ArrayLike<number>, out: Float32Array): void {
    checkBatch(this, rowIndices, out);
    this.#source.densify(
      Uint32Array.from(rowIndices, (row) => this.#selection[row]),
      out,
    );
  }
}

/** The given rows, dense. */
export function takeRows(source: FeatureRows, rowIndices: ArrayLike<number>): Matrix {
  const result = matrix(rowIndices.length, source.columns);
  source.densify(rowIndices, result.values);
  return result;
}
