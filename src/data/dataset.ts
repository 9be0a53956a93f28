/** What a network learns from: features, targets and the classes that they stand for; and how to divide it. */

import { checkInteger } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { FeatureRows } from '../nn/feature-rows.ts';
import { type Matrix, matrix, rowOf, SelectedRows } from './matrix.ts';

export interface Dataset {
  readonly features: FeatureRows;
  /** rows × outputs: what the network shall answer. Rows without a label are zero. */
  readonly targets: Matrix;
  /** Index into `classes` of each row, or −1 where the label is not known. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
}

/**
 * Target rows of class indices. One output: 0 or 1. K outputs: one-hot less `offset`, so that with offset 1/K a
 * network without biases starts from the right mean. Label −1 gives zeros.
 */
export function targetsOf(labels: Int32Array, outputs: number, offset: number): Matrix {
  const targets = matrix(labels.length, outputs);
  labels.forEach((label, row) => {
    if (label < 0) return;
    if (outputs === 1) {
      targets.values[row] = label - offset;
      return;
    }
    const target = rowOf(targets, row).fill(-offset);
    target[label] = 1 - offset;
  });
  return targets;
}

/** The given rows of `dataset`, in that order. Features are shared, not copied. */
export function selectRows(dataset: Dataset, rows: ArrayLike<number>): Dataset {
  const { columns } = dataset.targets;
  const targets = matrix(rows.length, columns);
  for (let i = 0; i < rows.length; i++) targets.values.set(rowOf(dataset.targets, rows[i]), i * columns);
  return {
    features: new SelectedRows(dataset.features, rows),
    targets,
    labels: Int32Array.from(rows, (row) => dataset.labels[row]),
    classes: dataset.classes,
  };
}

/** Rows of each class, by class index. */
function rowsByClass(labels: Int32Array): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  labels.forEach((label, row) => {
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [row]);
    else group.push(row);
  });
  return groups;
}

/**
 * Divides the rows among `parts` trainers: each class is shuffled (seeded) and dealt out in turn, so that every part
 * has every class in the same proportion, up to one row. Each part is in ascending order.
 * @throws HermeticError BAD_DATA when a class has fewer rows than there are parts
 */
export function splitRows(labels: Int32Array, parts: number, seed: number): Uint32Array[] {
  checkInteger('parts', parts, 1, 2 ** 20);
  const random = new SeededRandom(seed);
  const result: number[][] = Array.from({ length: parts }, () => []);
  let turn = 0;
  for (const [label, rows] of [...rowsByClass(labels)].sort(([a], [b]) => a - b)) {
    if (rows.length < parts) {
      throw new HermeticError('BAD_DATA', `class ${label} cannot be divided into ${parts} parts`, {
        expected: `at least ${parts} rows of each class`,
        got: `${rows.length}`,
        mend: 'Add rows of this class, or divide into fewer parts.',
      });
    }
    for (const row of random.shuffle(rows)) result[turn++ % parts].push(row);
  }
  return result.map((rows) => Uint32Array.from(rows).sort());
}

/** Two data sets of about the same size, each with every class. See {@link splitRows}. */
export function splitInHalves(dataset: Dataset, seed: number): [Dataset, Dataset] {
  const [first, second] = splitRows(dataset.labels, 2, seed);
  return [selectRows(dataset, first), selectRows(dataset, second)];
}

/** @throws HermeticError BAD_DATA unless at least two classes occur: one class teaches nothing. */
export function requireTwoClasses(labels: Int32Array, classes: readonly string[], column: string): void {
  const present = [...rowsByClass(labels).keys()].filter((label) => label >= 0);
  if (present.length >= 2) return;
  throw new HermeticError('BAD_DATA', `column '${column}': there is nothing to tell apart`, {
    expected: 'at least two classes',
    got: present.length === 0 ? 'none' : `only '${classes[present[0]]}'`,
    mend: 'Add rows of another class.',
  });
}
