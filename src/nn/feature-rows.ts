/**
 * What training reads: rows of features, and mini-batches of them in a repeatable order. Data sets keep their rows
 * in whatever compact form they like and write out dense ones on demand.
 */

import { checkInteger, checkLength } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { SeededRandom } from '../base/seeded-random.ts';

export interface FeatureRows {
  readonly rows: number;
  readonly columns: number;
  /** Writes row indices[i] to out[i·columns …], for every i; out holds indices.length × columns numbers or more. */
  densify(indices: ArrayLike<number>, out: Float32Array): void;
}

export interface TrainingData {
  readonly features: FeatureRows;
  /** rows × outputs, row-major. */
  readonly targets: Float32Array;
}

/** Rows as they are written in a program: an array of numbers each. */
export type RowArrays = ReadonlyArray<ArrayLike<number>>;

/** What the public doors take: rows and targets in either form. */
export interface LabelledRows {
  readonly features: FeatureRows | RowArrays;
  /** A number a row, an array of numbers a row, or rows × outputs, row-major. */
  readonly targets: ArrayLike<number> | RowArrays;
}

export interface Batch {
  /** batch × columns. */
  readonly features: Float32Array;
  /** batch × outputs. */
  readonly targets: Float32Array;
}

/** Batches by their step: any step, in any order, any number of times, so that a run resumes where it stopped. */
export interface BatchSource {
  /** Rows of a batch. */
  readonly batch: number;
  readonly columns: number;
  readonly outputs: number;
  /** Batch of step 0, 1, …; the arrays are the caller's. */
  next(step: number): Batch;
}

/** Dense rows in memory, row-major. */
export class DenseRows implements FeatureRows {
  readonly rows: number;
  readonly columns: number;
  readonly #values: Float32Array;

  constructor(values: Float32Array, columns: number) {
    checkInteger('columns', columns, 1, 2 ** 31);
    if (values.length % columns !== 0) {
      throw new RangeError(`values: expected a multiple of ${columns} entries, got ${values.length}`);
    }
    this.rows = values.length / columns;
    this.columns = columns;
    this.#values = values;
  }

  /** From arrays of equal length. */
  static from(rows: ReadonlyArray<ArrayLike<number>>): DenseRows {
    const columns = rows[0]?.length ?? 0;
    const values = new Float32Array(rows.length * columns);
    rows.forEach((row, i) => {
      values.set(checkLength(`row ${i}`, row, columns), i * columns);
    });
    return new DenseRows(values, columns);
  }

  densify(indices: ArrayLike<number>, out: Float32Array): void {
    const { columns } = this;
    for (let i = 0; i < indices.length; i++) {
      const row = checkInteger('row index', indices[i], 0, this.rows - 1);
      out.set(this.#values.subarray(row * columns, (row + 1) * columns), i * columns);
    }
  }
}

/** Rows in either form. TypeError for anything else, RangeError for rows of different lengths. */
export function featureRows(rows: FeatureRows | RowArrays): FeatureRows {
  if (Array.isArray(rows)) {
    if (rows.every((row) => typeof row === 'object' && row !== null && 'length' in row)) return DenseRows.from(rows);
    throw new TypeError('rows: expected an array of numbers for each, as in [[0, 1], [1, 1]]');
  }
  if (typeof rows === 'object' && rows !== null && 'densify' in rows) return rows;
  throw new TypeError('rows: expected arrays of numbers, as in [[0, 1], [1, 1]], or DenseRows');
}

/** Rows and targets in either form. TypeError for anything else: `fit(x, y)` of other libraries is told apart. */
export function trainingData(data: LabelledRows): TrainingData {
  if (Array.isArray(data) || typeof data !== 'object' || data === null || !('features' in data)) {
    throw new TypeError('data: expected { features, targets }, as in { features: [[0, 1], [1, 1]], targets: [1, 0] }');
  }
  return { features: featureRows(data.features), targets: toTargets(data.targets) };
}

function toTargets(targets: LabelledRows['targets']): Float32Array {
  if (targets instanceof Float32Array) return targets;
  if (typeof targets !== 'object' || targets === null || typeof targets.length !== 'number') {
    throw new TypeError('targets: expected a number for each row, as in [1, 0]');
  }
  const rows = Array.from(targets as ArrayLike<number | ArrayLike<number>>);
  const outputs = typeof rows[0] === 'object' ? rows[0].length : 1;
  return Float32Array.from(
    rows.flatMap((row, i) => (typeof row === 'number' ? [row] : Array.from(checkLength(`target ${i}`, row, outputs)))),
  );
}

export interface BatchOptions {
  /** Rows of a batch. */
  readonly batch: number;
  /** Seed of the order of the rows; public. */
  readonly seed: number;
  /** 'shuffled' (the default): every epoch in a new order. 'sequential': as they stand, epoch after epoch. */
  readonly order?: 'shuffled' | 'sequential';
}

/**
 * Deals the rows as one endless stream: epoch after epoch, each the rows in a new order (stream e of the seed for
 * epoch e). Batch t is the rows t·batch … (t+1)·batch − 1 of that stream; where an epoch ends amid a batch, the next
 * one goes on. So every row is used equally often, and a batch may be larger than the data.
 * HermeticError BAD_DATA without rows, RangeError where targets do not fit.
 */
export function batches(data: TrainingData, options: BatchOptions): BatchSource {
  const { features, targets } = data;
  const batch = checkInteger('batch', options.batch, 1, 2 ** 24);
  if (features.rows < 1) {
    throw new HermeticError('BAD_DATA', 'no rows to learn from', { mend: 'Give a data set with at least one row.' });
  }
  const outputs = targets.length / features.rows;
  if (!Number.isInteger(outputs) || outputs < 1) {
    throw new RangeError(`targets: expected a multiple of ${features.rows} entries, got ${targets.length}`);
  }
  const rowAt = rowStream(features.rows, options.seed, options.order ?? 'shuffled');
  const next = (step: number): Batch => {
    checkInteger('step', step, 0, 2 ** 31);
    const indices = Uint32Array.from({ length: batch }, (_, i) => rowAt(step * batch + i));
    const dense = new Float32Array(batch * features.columns);
    features.densify(indices, dense);
    return { features: dense, targets: pickRows(targets, outputs, indices) };
  };
  return { batch, columns: features.columns, outputs, next };
}

/** The row at any position of the stream; keeps the order of the last epoch asked for. */
function rowStream(rows: number, seed: number, order: 'shuffled' | 'sequential'): (position: number) => number {
  if (order === 'sequential') return (position) => position % rows;
  let epoch = -1;
  let permutation: Uint32Array = new Uint32Array(0);
  return (position) => {
    const wanted = Math.floor(position / rows);
    if (wanted !== epoch) {
      permutation = new SeededRandom(seed, wanted).permutation(rows);
      epoch = wanted;
    }
    return permutation[position - wanted * rows];
  };
}

/** Row range of shard `index` of `shards`: the rows in equal parts, as they stand, their sizes a row apart at most. */
export function shardRange(
  rows: number,
  index: number,
  shards: number,
): { readonly first: number; readonly count: number } {
  const first = Math.floor((index * rows) / shards);
  return { first, count: Math.floor(((index + 1) * rows) / shards) - first };
}

/** Shard `index` of `shards` of a data set: a view, the rows stay where they are. RangeError where it would be empty. */
export function shardOf({ features, targets }: TrainingData, index: number, shards: number): TrainingData {
  if (shards === 1) return { features, targets };
  const { first, count } = shardRange(features.rows, index, shards);
  checkInteger('rows of a shard', count, 1, features.rows);
  const outputs = targets.length / features.rows;
  const { columns } = features;
  const view: FeatureRows = {
    rows: count,
    columns,
    densify: (indices, out) => {
      const inside = (_: unknown, i: number) => first + checkInteger('row index', indices[i], 0, count - 1);
      features.densify(Uint32Array.from({ length: indices.length }, inside), out);
    },
  };
  return { features: view, targets: targets.subarray(first * outputs, (first + count) * outputs) };
}

/** Rows one after the other; of equal width. */
export function joinRows(parts: readonly TrainingData[]): TrainingData {
  if (parts.length === 1) return parts[0];
  const { columns } = parts[0].features;
  const firsts: number[] = [];
  let rows = 0;
  for (const { features } of parts) {
    firsts.push(rows);
    rows += features.rows;
  }
  const densify = (indices: ArrayLike<number>, out: Float32Array): void => {
    for (let i = 0; i < indices.length; i++) {
      const index = checkInteger('row index', indices[i], 0, rows - 1);
      const part = firsts.findLastIndex((first) => first <= index);
      parts[part].features.densify([index - firsts[part]], out.subarray(i * columns, (i + 1) * columns));
    }
  };
  const targets = new Float32Array(parts.reduce((sum, part) => sum + part.targets.length, 0));
  let at = 0;
  for (const part of parts) {
    targets.set(part.targets, at);
    at += part.targets.length;
  }
  return { features: { rows, columns, densify }, targets };
}

/** The batches of every shard, of batch/shards rows each: every shard deals its own rows, with the same seed. */
export function shardBatches(data: TrainingData, options: BatchOptions, shards: number): BatchSource[] {
  const own = { ...options, batch: options.batch / shards };
  return Array.from({ length: shards }, (_, index) => batches(shardOf(data, index, shards), own));
}

function pickRows(values: Float32Array, columns: number, indices: ArrayLike<number>): Float32Array {
  const out = new Float32Array(indices.length * columns);
  for (let i = 0; i < indices.length; i++) {
    out.set(values.subarray(indices[i] * columns, (indices[i] + 1) * columns), i * columns);
  }
  return out;
}
