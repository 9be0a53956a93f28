import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { type CsvParser, parseCsv } from './csv.ts';

const builds: [string, CsvParser | undefined][] = [
  ['the build for browsers', undefined],
  ['the build for Node', parse],
];

function failure(input: string | Uint8Array): HermeticError {
  try {
    parseCsv(input, { source: 'a.csv' });
  } catch (error) {
    expect(error).toBeInstanceOf(HermeticError);
    return error as HermeticError;
  }
  throw new Error('expected an error');
}

describe.each(builds)('parseCsv with %s', (_, parser) => {
  const options = parser === undefined ? {} : { parser };

  it('reads header, cells and the line of each row', () => {
    const table = parseCsv('a,b\n1, x \n\n2,"y, ""z"""\r\n3,\n', options);
    expect(table.columns).toEqual(['a', 'b']);
    expect(table.cells).toEqual([
      ['1', '2', '3'],
      ['x', 'y, "z"', ''],
    ]);
    expect([...table.lines]).toEqual([2, 4, 5]);
  });

  it.each([[','], [';'], ['\t']])('finds the separator %j', (separator) => {
    expect(parseCsv(`a${separator}b\n1${separator}2`, options).cells).toEqual([['1'], ['2']]);
  });

  it('does not take a comma in a quoted name for the separator', () => {
    expect(parseCsv('"a,b";c\n1;2', options).columns).toEqual(['a,b', 'c']);
  });

  it('reads back what is written, whatever the cells hold', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ' ', ',', '"', '\n', 'é', ';', '0') }).map((s) => s.trim());
    const write = (rows: string[][]) => rows.map((r) => r.map((c) => `"${c.replaceAll('"', '""')}"`).join()).join('\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }), (rows) => {
        const table = parseCsv(write([['left', 'right'], ...rows]), options);
        expect(rows).toEqual(table.cells[0].map((left, row) => [left, table.cells[1][row]]));
      }),
    );
  });
});

describe('parseCsv', () => {
  it('reads bytes with a byte order mark', () => {
    const bytes = new TextEncoder().encode('\uFEFFa,é\n1,ü');
    expect(parseCsv(bytes)).toEqual(parseCsv('\uFEFFa,é\n1,ü'));
    expect(parseCsv(bytes).columns).toEqual(['a', 'é']);
  });

  it.each([
    ['', /a\.csv is empty/],
    ['a,b\n', /no rows below its header/],
    ['a,a,b,b\n1,2,3,4', /more than one column is called 'a', 'b'/],
    ['a,,b\n1,2,3', /column 2 has no name/],
    ['a,b\n1,2\n1,2,3\n', /line 3: the row does not fit the header; expected 2 cells; got 3/],
    ['a,b\n1,2\n\n1\n', /line 4: the row does not fit the header/],
    ['a,b\n1,"2\n', /quotation is not closed/],
    ['a,b\n1,"2"3\n', /line 2: a quotation mark stands where none may stand/],
    ['a,b\n1,\0', /not a text file/],
    [Uint8Array.of(0xff, 0xfe, 0x61), /not UTF-8/],
  ])('says what is wrong with %j', (input, message) => {
    const error = failure(input);
    expect(error.message).toMatch(message);
    expect(error.code).toBe('BAD_DATA');
    expect(error.mend).toBeTruthy();
  });

  it('answers random bytes and damaged files with HermeticError or a table', () => {
    const good = new TextEncoder().encode('a,b,c\n1,"x ""y""",3\n4,5,6\n'.repeat(3));
    const damaged = fc
      .tuple(fc.nat(good.length - 1), fc.nat(7), fc.nat(good.length))
      .map(([at, bit, length]) => good.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte)).subarray(0, length));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (bytes) => {
        try {
          const table = parseCsv(bytes);
          expect(table.cells.every((column) => column.length === table.rows)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(HermeticError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads more than it parses at once, quotations across the seams and all', () => {
    const cell = 'first line\n"second", line\n'.repeat(2000);
    const rows = 90;
    const quoted = `"${cell.replaceAll('"', '""')}"`;
    const text = `a,b\n${Array.from({ length: rows }, (_, i) => `${i},${quoted}`).join('\n')}\n`;
    expect(text.length).toBeGreaterThan(2 ** 22);
    const table = parseCsv(text);
    expect(table.cells[0]).toEqual(Array.from({ length: rows }, (_, i) => `${i}`));
    expect(table.cells[1].every((read) => read === cell)).toBe(true);
    expect(table.lines[rows - 1]).toBe(1 + rows * 4001);
    const broken = failure(`${text}x,y"z\n`);
    expect(broken.message).toContain(`line ${2 + rows * 4001}: a quotation mark stands where none may stand`);
    expect(failure(`${text}x,"y\n`).message).toContain('a quotation is not closed');
  });

  it('takes a hundred thousand rows', () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => `${i},${i % 7}`);
    const table = parseCsv(`a,b\n${rows.join('\n')}`, { parser: parse });
    expect(table.rows).toBe(100_000);
    expect(table.cells[0][99_999]).toBe('99999');
  });
});
