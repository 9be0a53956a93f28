/** A table of text cells with names and line numbers: what a CSV file becomes before anyone asks what its cells mean. */

import { HermeticError } from '../base/errors.ts';
import { listNames, nearestName } from './nearest-name.ts';

export interface Table {
  /** Where it came from, for messages: a file name. */
  readonly source: string;
  readonly columns: readonly string[];
  readonly rows: number;
  /** cells[c][r] is the cell of column c in row r, as it stood, without white space around it. */
  readonly cells: readonly (readonly string[])[];
  /** Line of the source where each row ends, from 1. */
  readonly lines: Uint32Array;
}

/** A table from columns in memory; "lines" count from 1 with the names on line 1. */
export function tableFromColumns(columns: Readonly<Record<string, readonly string[]>>, source = 'table'): Table {
  const names = Object.keys(columns);
  const rows = names.length === 0 ? 0 : columns[names[0]].length;
  for (const name of names) {
    const { length } = columns[name];
    if (length !== rows) throw new RangeError(`column '${name}': expected ${rows} cells, got ${length}`);
  }
  return {
    source,
    columns: names,
    rows,
    cells: names.map((name) => columns[name]),
    lines: Uint32Array.from({ length: rows }, (_, row) => row + 2),
  };
}

/** "column 'age', line 17": where a cell stands. */
export function cellPlace(table: Table, column: string, row: number): string {
  const cell = table.cells[table.columns.indexOf(column)]?.[row] ?? '';
  const line = table.lines[row] - (cell.match(/\n/g)?.length ?? 0);
  return `${table.source}, column '${column}', line ${line}`;
}

/** A cell as it may stand in a message: short and on one line. */
export function quoted(cell: string): string {
  const line = cell.replace(/\s+/g, ' ');
  return `'${line.length > 40 ? `${line.slice(0, 39)}…` : line}'`;
}

/**
 * Cells of the column called `name`.
 * @throws HermeticError BAD_DATA with the nearest name when there is none
 */
export function columnOf(table: Table, name: string): readonly string[] {
  const index = table.columns.indexOf(name);
  if (index >= 0) return table.cells[index];
  const nearest = nearestName(name, table.columns);
  throw new HermeticError('BAD_DATA', `${table.source} has no column '${name}'`, {
    got: listNames(table.columns, 10),
    mend: nearest === undefined ? 'Name one of its columns.' : `Did you mean '${nearest}'?`,
  });
}

/** @throws HermeticError BAD_DATA when columns are missing (all of them are named) */
export function requireColumns(table: Table, names: readonly string[]): void {
  const missing = names.filter((name) => !table.columns.includes(name));
  if (missing.length === 0) return;
  if (missing.length === 1) columnOf(table, missing[0]);
  const nearest = nearestName(missing[0], table.columns);
  throw new HermeticError('BAD_DATA', `${table.source} lacks ${missing.length} columns: ${listNames(missing)}`, {
    got: listNames(table.columns, 10),
    mend: `Add them under these names${nearest === undefined ? '' : ` (is '${nearest}' meant for '${missing[0]}'?)`}.`,
  });
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * The number in a cell.
 * @throws HermeticError BAD_DATA naming column and line, when the cell is empty, NaN, infinite or not a number
 */
export function numberAt(table: Table, column: string, cells: readonly string[], row: number): number {
  const cell = cells[row];
  if (NUMBER.test(cell)) {
    const value = Number(cell);
    if (Number.isFinite(value)) return value;
  }
  throw notANumber(cellPlace(table, column, row), cell);
}

function notANumber(place: string, cell: string): HermeticError {
  if (cell === '') {
    return new HermeticError('BAD_DATA', `${place}: the cell is empty`, {
      expected: 'a number',
      mend: 'Fill it in or drop the row.',
    });
  }
  if (/^[+-]?(nan|na|n\/a|null|none|\?)$/i.test(cell)) {
    return new HermeticError('BAD_DATA', `${place}: the value is missing (${quoted(cell)})`, {
      expected: 'a number',
      mend: 'Fill it in or drop the row.',
    });
  }
  if (/^[+-]?inf(inity)?$/i.test(cell) || NUMBER.test(cell)) {
    return new HermeticError('BAD_DATA', `${place}: ${quoted(cell)} is not a finite number`, {
      mend: 'Correct it or drop the row.',
    });
  }
  const comma = /^[+-]?\d+,\d+$/.test(cell);
  return new HermeticError('BAD_DATA', `${place}: ${quoted(cell)} is not a number`, {
    mend: comma
      ? 'Write the decimal point as a point.'
      : 'Correct it, or leave the column out; for a column of text use --text.',
  });
}
