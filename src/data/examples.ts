/**
 * Examples: raw inputs of one kind (numbers, texts or images) with their labels. A table becomes examples, and so does
 * each well-known data set; feature settings are fitted on examples and turn examples into a `Dataset`.
 */

import { checkInteger } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import type { ImageInputs } from './images.ts';
import { classesOf, labelsOf } from './labels.ts';
import { listNames } from './nearest-name.ts';
import type { NumericInputs } from './numeric.ts';
import type { FeatureSettings, InputSettings } from './settings.ts';
import { columnOf, numberAt, requireColumns, type Table } from './table.ts';

export interface TextInputs {
  readonly kind: 'text';
  readonly column: string;
  readonly rows: number;
  readonly documents: readonly string[];
}

export type Inputs = NumericInputs | TextInputs | ImageInputs;

export interface Examples {
  readonly inputs: Inputs;
  readonly labelColumn: string;
  /** Index into `classes` of each row; −1 where it is not known. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
}

/** What the columns of a table are. Without `text` or `image`, all but the label are numeric features. */
export interface TableRoles {
  readonly label: string;
  /** The one column of text that is the input; other columns do not count. */
  readonly text?: string;
  /** All columns but the label are pixels, row by row, 0 … 255. */
  readonly image?: { readonly width: number; readonly height: number };
}

/** Why a table is read: to train and to evaluate it must have labels; to predict it need not. */
export type Purpose = 'train' | 'evaluate' | 'predict';

/**
 * Examples of a table on which settings shall be fitted; the classes are those that occur.
 * @throws HermeticError BAD_DATA with column and line where a cell cannot be used
 */
export function examplesToFit(table: Table, roles: TableRoles): Examples {
  const classes = classesOf(table, roles.label);
  const labels = labelsOf(table, roles.label, classes);
  return { inputs: inputsToFit(table, roles), labelColumn: roles.label, labels, classes };
}

function inputsToFit(table: Table, { label, text, image }: TableRoles): Inputs {
  if (text !== undefined) {
    if (text === label) {
      throw new HermeticError('BAD_DATA', `column '${text}' is both text and label`, { mend: 'Name two columns.' });
    }
    return textInputs(table, text);
  }
  const columns = table.columns.filter((name) => name !== label);
  if (columns.length === 0) {
    throw new HermeticError('BAD_DATA', `${table.source} has no column beside the label '${label}'`, {
      mend: 'Add columns of features.',
    });
  }
  return image === undefined ? numericInputs(table, columns) : tableImages(table, columns, image);
}

/**
 * Examples of a table for a model made with `settings`. To predict, labels are not looked at.
 * @param label the name of the label column here, where it differs from the model's
 * @throws HermeticError BAD_DATA on missing or surplus columns and on cells that cannot be used, with column and line
 */
export function examplesToApply(
  table: Table,
  settings: FeatureSettings,
  purpose: Purpose,
  label: string = settings.label.column,
): Examples {
  const { classes } = settings.label;
  const labels =
    purpose === 'predict' ? new Int32Array(table.rows).fill(-1) : labelsOf(table, label, settings.label.classes);
  return { inputs: inputsToApply(table, settings.inputs, label), labelColumn: label, labels, classes };
}

function inputsToApply(table: Table, settings: InputSettings, label: string): Inputs {
  if (settings.kind === 'text') return textInputs(table, settings.column);
  requireColumns(table, settings.columns);
  const planned = new Set(settings.columns).add(label);
  const surplus = table.columns.filter((name) => !planned.has(name));
  if (surplus.length > 0) {
    throw new HermeticError('BAD_DATA', `${table.source} has more features than the model was made for`, {
      expected: `${settings.columns.length}: ${listNames(settings.columns)}`,
      got: `also ${listNames(surplus)}`,
      mend: 'Remove these columns, or make the model anew from data that has them.',
    });
  }
  return settings.kind === 'image'
    ? tableImages(table, settings.columns, settings)
    : numericInputs(table, settings.columns);
}

function textInputs(table: Table, column: string): TextInputs {
  return { kind: 'text', column, rows: table.rows, documents: columnOf(table, column) };
}

function numericInputs(table: Table, columns: readonly string[]): NumericInputs {
  const values = new Float64Array(table.rows * columns.length);
  columns.forEach((name, j) => {
    const cells = columnOf(table, name);
    for (let row = 0; row < table.rows; row++) values[row * columns.length + j] = numberAt(table, name, cells, row);
  });
  return { kind: 'numeric', columns, rows: table.rows, values };
}

function tableImages(
  table: Table,
  columns: readonly string[],
  { width, height }: { readonly width: number; readonly height: number },
): ImageInputs {
  checkInteger('width', width, 1, 2 ** 10);
  checkInteger('height', height, 1, 2 ** 10);
  if (columns.length !== width * height) {
    throw new HermeticError('BAD_DATA', `${table.source} does not hold images of ${width} × ${height}`, {
      expected: `${width * height} columns of pixels`,
      got: `${columns.length}`,
      mend: 'Give the true width and height.',
    });
  }
  const { values, rows } = numericInputs(table, columns);
  return { kind: 'image', columns, width, height, rows, pixels: Float32Array.from(values) };
}

/** The given rows of `examples`, in that order. */
export function selectExamples(examples: Examples, rows: ArrayLike<number>): Examples {
  return {
    ...examples,
    inputs: selectInputs(examples.inputs, rows),
    labels: Int32Array.from(rows, (row) => examples.labels[row]),
  };
}

function selectInputs(inputs: Inputs, rows: ArrayLike<number>): Inputs {
  const count = rows.length;
  if (inputs.kind === 'text') {
    return { ...inputs, rows: count, documents: Array.from(rows, (row) => inputs.documents[row]) };
  }
  if (inputs.kind === 'numeric') {
    const width = inputs.columns.length;
    return { ...inputs, rows: count, values: gatherInto(inputs.values, rows, width, new Float64Array(count * width)) };
  }
  const size = inputs.width * inputs.height;
  const pixels = inputs.pixels instanceof Uint8Array ? new Uint8Array(count * size) : new Float32Array(count * size);
  return { ...inputs, rows: count, pixels: gatherInto(inputs.pixels, rows, size, pixels) };
}

function gatherInto<T extends Float64Array | Float32Array | Uint8Array>(
  source: Float64Array | Float32Array | Uint8Array,
  rows: ArrayLike<number>,
  width: number,
  out: T,
): T {
  for (let i = 0; i < rows.length; i++) out.set(source.subarray(rows[i] * width, (rows[i] + 1) * width), i * width);
  return out;
}
