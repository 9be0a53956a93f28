/** The label column: its classes, and the targets that stand for them. */

import { HermeticError } from '../base/errors.ts';
import { listNames, nearestName } from './nearest-name.ts';
import { MOST_CLASSES } from './settings-numbers.ts';
import { cellPlace, columnOf, quoted, type Table } from './table.ts';

export type LabelSettings = {
  readonly column: string;
  /** Names of the classes: numbers ascending, otherwise in order of code units. The second of two is "positive". */
  readonly classes: readonly string[];
  /** 1: the target is the class index, 0 or 1. K: one-hot less `offset`. */
  readonly outputs: number;
  readonly offset: number;
};

/**
 * One output for two classes, otherwise one for each of K classes, with targets one-hot − 1/K; `outputs` may ask for
 * two outputs for two classes, `offset` for another offset than 1/K.
 * @throws HermeticError BAD_DATA when the outputs do not fit the classes
 */
export function labelSettings(
  column: string,
  classes: readonly string[],
  options: { readonly outputs?: number; readonly offset?: number } = {},
): LabelSettings {
  const outputs = options.outputs ?? (classes.length === 2 ? 1 : classes.length);
  const possible = classes.length === 2 ? [1, 2] : [classes.length];
  if (!possible.includes(outputs)) {
    const estimate = outputs === 1 && classes.every(isNumber) ? NUMBERS : '';
    throw new HermeticError('BAD_DATA', `column '${column}': ${classes.length} classes do not fit ${outputs} outputs`, {
      expected: `${possible.join(' or ')} units in the last layer`,
      got: listNames(classes),
      mend: `Change the last layer, or name another label column.${estimate}`,
    });
  }
  return { column, classes, outputs, offset: outputs === 1 ? 0 : (options.offset ?? 1 / outputs) };
}

/** What is not here: a number to be estimated. */
const NUMBERS =
  ' If it holds numbers to be estimated, not classes: those are learned through the library alone (docs/library.md).';

function isNumber(cell: string): boolean {
  return cell !== '' && Number.isFinite(Number(cell));
}

/** 1, 1.0 and 01 are one class where all labels are numbers. */
function canonical(cell: string): string {
  return isNumber(cell) ? String(Number(cell)) : cell;
}

/**
 * The classes of a label column, in their order.
 * @throws HermeticError BAD_DATA when a label is missing, there is one class only, or there are too many
 */
export function classesOf(table: Table, column: string): string[] {
  const cells = columnOf(table, column);
  const numeric = cells.every(isNumber);
  const classes = new Set<string>();
  cells.forEach((cell, row) => {
    checkPresent(table, column, cell, row);
    classes.add(numeric ? canonical(cell) : cell);
  });
  if (classes.size < 2 || classes.size > MOST_CLASSES) {
    throw new HermeticError('BAD_DATA', `column '${column}' cannot be learned`, {
      expected: `2 to ${MOST_CLASSES} classes`,
      got: classes.size === 1 ? `only '${[...classes][0]}'` : `${classes.size} different values`,
      mend: classes.size === 1 ? 'Add rows of another class.' : 'Name a column of classes as the label.',
    });
  }
  return [...classes].sort((a, b) => (numeric ? Number(a) - Number(b) : a < b ? -1 : 1));
}

/**
 * Class index of each row.
 * @throws HermeticError BAD_DATA on a missing label or one that is not among the classes, with its line
 */
export function labelsOf(table: Table, column: string, classes: readonly string[]): Int32Array {
  const indexOf = new Map(classes.map((name, index) => [name, index]));
  return Int32Array.from(columnOf(table, column), (cell, row) => {
    const label = indexOf.get(cell) ?? indexOf.get(canonical(cell));
    if (label !== undefined) return label;
    checkPresent(table, column, cell, row);
    const nearest = nearestName(cell, classes);
    throw new HermeticError(
      'BAD_DATA',
      `${cellPlace(table, column, row)}: ${quoted(cell)} is not a class of the model`,
      {
        expected: listNames(classes, 10),
        mend: nearest === undefined ? 'Correct the label, or drop the row.' : `Did you mean '${nearest}'?`,
      },
    );
  });
}

function checkPresent(table: Table, column: string, cell: string, row: number): void {
  if (cell !== '' && !/^nan$/i.test(cell)) return;
  throw new HermeticError('BAD_DATA', `${cellPlace(table, column, row)}: the label is missing`, {
    mend: 'Fill it in or drop the row.',
  });
}
