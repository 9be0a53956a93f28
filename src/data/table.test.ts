import { describe, expect, it } from 'vitest';
import { parseCsv } from './csv.ts';
import { editDistance, listNames, nearestName } from './nearest-name.ts';
import { cellPlace, columnOf, numberAt, requireColumns, tableFromColumns } from './table.ts';

describe('columns', () => {
  const table = tableFromColumns({ age: ['1'], height: ['2'], label: ['x'] }, 'train.csv');

  it('are found by name, and the nearest name is proposed', () => {
    expect(columnOf(table, 'height')).toEqual(['2']);
    expect(() => columnOf(table, 'Hieght')).toThrow(
      "train.csv has no column 'Hieght'; got 'age', 'height', 'label'. Did you mean 'height'?",
    );
    expect(() => columnOf(table, 'zzzzzz')).toThrow('Name one of its columns.');
  });

  it('that are missing are all named', () => {
    expect(() => requireColumns(table, ['age', 'label'])).not.toThrow();
    expect(() => requireColumns(table, ['age', 'lable'])).toThrow("Did you mean 'label'?");
    expect(() => requireColumns(table, ['ages', 'width'])).toThrow(
      "train.csv lacks 2 columns: 'ages', 'width'; got 'age', 'height', 'label'. Add them under these names (is 'age' meant for 'ages'?).",
    );
  });

  it('must be of one length', () => {
    expect(() => tableFromColumns({ a: ['1'], b: [] })).toThrow(RangeError);
  });
});

describe('numberAt', () => {
  const at = (cell: string) => {
    const table = tableFromColumns({ age: ['1', cell] }, 'a.csv');
    return numberAt(table, 'age', table.cells[0], 1);
  };

  it.each([
    ['1', 1],
    ['-2.5', -2.5],
    ['+.5', 0.5],
    ['3.', 3],
    ['1e-3', 0.001],
    ['1E+2', 100],
  ])('reads %j', (cell, value) => {
    expect(at(cell)).toBe(value);
  });

  it.each([
    ['abc', "a.csv, column 'age', line 3: 'abc' is not a number"],
    ['', 'line 3: the cell is empty'],
    ['NaN', "the value is missing ('NaN')"],
    ['n/a', 'the value is missing'],
    ['Infinity', "'Infinity' is not a finite number"],
    ['1e999', 'is not a finite number'],
    ['0x10', 'is not a number'],
    ['1,5', 'Write the decimal point as a point'],
    ['x'.repeat(100), `'${'x'.repeat(39)}…' is not a number`],
  ])('says what is wrong with %j', (cell, message) => {
    expect(() => at(cell)).toThrow(message);
  });

  it('counts the lines of a quoted cell from its first', () => {
    const table = parseCsv('a,b\n1,"x\ny\nz"\n2,w');
    expect(cellPlace(table, 'b', 0)).toBe("CSV, column 'b', line 2");
    expect(cellPlace(table, 'b', 1)).toBe("CSV, column 'b', line 5");
  });
});

describe('names', () => {
  it('have the distance of Wagner and Fischer', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('abc', 'abc')).toBe(0);
    expect(editDistance('flaw', 'lawn')).toBe(2);
  });

  it('are proposed when near, letter case aside', () => {
    expect(nearestName('LABEL', ['x', 'label'])).toBe('label');
    expect(nearestName('sentimnt', ['comment', 'sentiment'])).toBe('sentiment');
    expect(nearestName('y', ['text', 'sentiment'])).toBeUndefined();
    expect(nearestName('a', [])).toBeUndefined();
  });

  it('are listed, many of them cut short', () => {
    expect(listNames(['a', 'b'])).toBe("'a', 'b'");
    expect(listNames(['a', 'b', 'c'], 2)).toBe("'a', 'b' and 1 more");
  });
});
