/** Rows to send to the service as CSV: a file as it is, or a part of a well-known data set written as one. */

import { readFile } from 'node:fs/promises';
import { HermeticError } from '../../base/errors.ts';
import { type Examples, selectExamples } from '../../data/examples.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import { loadDataSet } from '../data-source.ts';

export interface CsvRows {
  readonly csv: string;
  /** Of a well-known data set: its columns. */
  readonly label?: string;
  readonly text?: string;
}

/** HermeticError DISK, BAD_ARGUMENT for a data set that is not installed or not of texts or numbers. */
export async function readRows(name: string, signal?: AbortSignal): Promise<CsvRows> {
  const known = await loadDataSet(name);
  if (known !== undefined) return examplesToCsv(known);
  try {
    return { csv: await readFile(name, { encoding: 'utf8', ...(signal && { signal }) }) };
  } catch (error) {
    throw diskError(error, 'read', name);
  }
}

/** A header and a line a row, of those rows or all. */
export function examplesToCsv(examples: Examples, rows?: ArrayLike<number>): CsvRows {
  const { inputs, labels, classes, labelColumn } = rows === undefined ? examples : selectExamples(examples, rows);
  const cells = cellsOf(inputs);
  const header = [...cells.columns, labelColumn].map(csvCell).join(',');
  const lines = Array.from(labels, (label, row) => [...cells.of(row), classes[label]].map(csvCell).join(','));
  return {
    csv: `${[header, ...lines].join('\n')}\n`,
    label: labelColumn,
    ...(inputs.kind === 'text' && { text: inputs.column }),
  };
}

interface Cells {
  readonly columns: readonly string[];
  of(row: number): readonly string[];
}

function cellsOf(inputs: Examples['inputs']): Cells {
  if (inputs.kind === 'text') return { columns: [inputs.column], of: (row) => [inputs.documents[row]] };
  if (inputs.kind === 'image') {
    throw new HermeticError('BAD_ARGUMENT', 'the service takes no images', {
      mend: 'Write the pixels into a CSV file, a column each.',
    });
  }
  const { columns, values } = inputs;
  const width = columns.length;
  return { columns, of: (row) => Array.from(values.subarray(row * width, (row + 1) * width), String) };
}

/** A cell as CSV wants it, for programs: what people open is made of `sheetCell`. */
function csvCell(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
