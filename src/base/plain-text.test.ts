import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ONE_LINE, plainText, sheetCell, terminalText } from './plain-text.ts';

const TITLE = '\u001b]0;owned\u0007';
const ESCAPE = '\u001b';
const COLOUR_OR_LAYOUT = new RegExp(`${ESCAPE}\\[[\\d;]*m|[\\n\\t]`, 'g');
const any = fc.string({ unit: 'binary' });

describe('text of others', () => {
  it('is one line without control characters, whatever it was', () => {
    expect(plainText(`up${TITLE}\u009b2Jdown\u202eecila`)).toBe('up ]0;owned 2Jdown ecila');
    expect(plainText('größer = größer')).toBe('größer = größer');
    fc.assert(fc.property(any, (text) => ONE_LINE.test(plainText(text))));
  });

  it('leaves to a terminal line ends, tabs and colours', () => {
    const ours = 'a\tb\n\u001b[1;31mred\u001b[0m';
    expect(terminalText(ours)).toBe(ours);
    expect(terminalText(`x${TITLE}y\u001b[2Jz\r\u009b31m`)).toBe('x ]0;owned y [2Jz  31m');
    fc.assert(
      fc.property(any, (text) => {
        const rest = terminalText(text).replaceAll(COLOUR_OR_LAYOUT, '');
        expect(rest).toMatch(ONE_LINE);
      }),
    );
  });

  it('is no formula in a spreadsheet, and numbers are numbers', () => {
    const formulas = ['=1+1', '+1+1', '-1+cmd', '@SUM(A1)', ' =1', '\t=1', '\r\n@x', '-2e', '--1'];
    for (const cell of formulas) expect(sheetCell(cell).replaceAll('"', '')).toMatch(/^'/);
    for (const cell of ['-1', '+0.5', '-1e-7', '.5', '12.']) expect(sheetCell(cell)).toBe(cell);
    expect(sheetCell('a,"b"')).toBe('"a,""b"""');
    expect(sheetCell('two\nlines')).toBe('two lines');
    fc.assert(fc.property(any, (text) => ONE_LINE.test(sheetCell(text))));
  });
});
