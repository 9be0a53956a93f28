/**
 * Text that others chose, before people read it: in a terminal, where control characters move the cursor and rename the
 * window, and in a spreadsheet, where a cell that begins like a formula is one (CWE-150, CWE-1236).
 */

/** One line without control characters. */
export const ONE_LINE: RegExp = /^[^\p{Cc}]*$/u;

/** Control characters, and the marks that turn the direction of what follows. */
const CONTROLS = /[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu;

/** One line in which every run of control characters is a space. */
export function plainText(text: string): string {
  return text.replaceAll(CONTROLS, ' ');
}

const COLOUR = String.raw`\u001b\[[\d;]*m`;
const NO_LAYOUT = String.raw`[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]`;
const PAINT = new RegExp(`${COLOUR}|${NO_LAYOUT}`, 'gu');

/** Lines as a program of ours lays them out: with line ends, tabs and colours, and no other control characters. */
export function terminalText(text: string): string {
  return text.replaceAll(PAINT, (found) => (found.length > 1 ? found : ' '));
}

/** A cell of text in a CSV for people: one line, quoted where it must be, and never a formula. */
export function sheetCell(cell: string): string {
  const plain = plainText(cell);
  const safe = /^\s*[=+\-@]/.test(plain) && !isNumber(plain) ? `'${plain}` : plain;
  return /[",]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
}
