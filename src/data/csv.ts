/**
 * CSV with a header line into a `Table`. Comma, semicolon or tab, whichever the header uses; quoted cells; UTF-8.
 * Runs in a browser: `csv-parse` is imported as its self-contained build. Under Node a caller may pass the build on
 * `Buffer`, which gives the same records several times faster.
 */

import type { Options } from 'csv-parse/browser/esm/sync';
import { parse as parseAnywhere } from 'csv-parse/browser/esm/sync';
import { HermeticError } from '../base/errors.ts';
import { listNames } from './nearest-name.ts';
import type { Table } from './table.ts';

/** `parse` of `csv-parse/sync`, in one of its builds. */
export type CsvParser = (input: string, options: Options) => unknown;

export interface CsvOptions {
  /** Where the text came from, for messages. */
  readonly source?: string;
  readonly parser?: CsvParser;
}

/**
 * The table in `input`.
 * @throws HermeticError BAD_DATA when it is not UTF-8 text, has no header or no rows, has two columns of one name, a
 *   row of another length than the header, or a quotation that does not close
 */
export function parseCsv(input: string | Uint8Array, options: CsvOptions = {}): Table {
  const source = options.source ?? 'CSV';
  const text = decodeText(input, source);
  const records: string[][] = [];
  const lines: number[] = [];
  const parse = options.parser ?? parseAnywhere;
  const delimiter = delimiterOf(text);
  for (const { piece, before } of piecesOf(text)) {
    try {
      parse(piece, {
        delimiter,
        trim: true,
        skip_empty_lines: true,
        relax_column_count: true,
        on_record: (record: unknown, context: { lines: number }) => {
          records.push(record as string[]);
          lines.push(before + context.lines);
          return null;
        },
      });
    } catch (cause) {
      throw syntaxError(source, cause, before);
    }
  }
  return tableOf(source, records, lines);
}

function decodeText(input: string | Uint8Array, source: string): string {
  let text: string;
  try {
    text =
      typeof input === 'string'
        ? input.replace(/^\uFEFF/, '')
        : new TextDecoder('utf-8', { fatal: true }).decode(input);
  } catch (cause) {
    throw new HermeticError('BAD_DATA', `${source} is not UTF-8 text`, {
      mend: 'Save it as CSV with the encoding UTF-8.',
      cause,
    });
  }
  if (text.includes('\0')) {
    throw new HermeticError('BAD_DATA', `${source} is not a text file`, {
      mend: 'Give a CSV file with a header line.',
    });
  }
  return text.replace(/\r\n?/g, '\n');
}

/** Characters that are parsed at once: the build for browsers needs many times their memory. */
const PIECE = 2 ** 22;

/** The text in pieces of whole records, with the number of lines before each. */
function* piecesOf(text: string): Generator<{ readonly piece: string; readonly before: number }> {
  let before = 0;
  for (let start = 0; start < text.length; ) {
    const end = endOfRecord(text, start, start + PIECE);
    const piece = text.slice(start, end);
    yield { piece, before };
    before += countOf(piece, '\n');
    start = end;
  }
}

/** Behind the first line end from `least` on that lies in no quotation; the end of the text where there is none. */
function endOfRecord(text: string, start: number, least: number): number {
  if (least >= text.length) return text.length;
  let quotes = countOf(text.slice(start, least), '"');
  for (let from = least; ; ) {
    const end = text.indexOf('\n', from) + 1;
    if (end === 0) return text.length;
    quotes += countOf(text.slice(from, end), '"');
    if (quotes % 2 === 0) return end;
    from = end;
  }
}

function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++;
  return count;
}

function delimiterOf(text: string): string {
  const [firstLine] = text.trimStart().split('\n', 1);
  const header = firstLine.replace(/"[^"]*"/g, '');
  return [',', ';', '\t'].find((delimiter) => header.includes(delimiter)) ?? ',';
}

function syntaxError(source: string, cause: unknown, before: number): unknown {
  const { code, lines } = cause as { code?: string; lines?: number };
  // Without a code it is none of the parser's: memory, most likely.
  if (code === undefined) return cause;
  const place = lines === undefined ? source : `${source}, line ${before + lines}`;
  if (code === 'CSV_QUOTE_NOT_CLOSED') {
    return new HermeticError('BAD_DATA', `${place}: a quotation is not closed`, {
      mend: 'Close it; a quotation mark inside a quoted cell is written twice.',
    });
  }
  return new HermeticError('BAD_DATA', `${place}: a quotation mark stands where none may stand`, {
    expected: 'cells that are quoted as a whole or not at all',
    mend: 'Quote the whole cell; a quotation mark inside it is written twice.',
  });
}

function tableOf(source: string, records: string[][], lines: number[]): Table {
  if (records.length === 0) {
    throw new HermeticError('BAD_DATA', `${source} is empty`, { mend: 'Give a CSV file with a header line.' });
  }
  const columns = records[0];
  checkHeader(source, columns);
  if (records.length === 1) {
    throw new HermeticError('BAD_DATA', `${source} has no rows below its header`, { mend: 'Add rows.' });
  }
  const rows = records.length - 1;
  const cells = columns.map(() => new Array<string>(rows));
  for (let row = 0; row < rows; row++) {
    const record = records[row + 1];
    if (record.length !== columns.length) {
      throw new HermeticError('BAD_DATA', `${source}, line ${lines[row + 1]}: the row does not fit the header`, {
        expected: `${columns.length} cells`,
        got: `${record.length}`,
        mend: 'Correct the row; quote cells that hold the separator.',
      });
    }
    for (let column = 0; column < columns.length; column++) cells[column][row] = record[column];
  }
  return { source, columns, rows, cells, lines: Uint32Array.from(lines.slice(1)) };
}

function checkHeader(source: string, columns: readonly string[]): void {
  const nameless = columns.indexOf('');
  if (nameless >= 0) {
    throw new HermeticError('BAD_DATA', `${source}: column ${nameless + 1} has no name`, {
      mend: 'The first line names the columns: add a name.',
    });
  }
  const seen = new Set<string>();
  const repeated = new Set(columns.filter((name) => seen.size === seen.add(name).size));
  if (repeated.size > 0) {
    throw new HermeticError('BAD_DATA', `${source}: more than one column is called ${listNames([...repeated])}`, {
      mend: 'Give each column a name of its own.',
    });
  }
}
