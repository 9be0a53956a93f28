/** Small tables of figures in a story: names to the left, figures to the right, a dash for what there is not. */

import type { Story } from '../demo/story.ts';

const NAME_WIDTH = 26;
const COLUMN_WIDTH = 13;

export function tellTable(
  story: Story,
  header: readonly string[],
  rows: readonly (readonly (string | undefined)[])[],
): void {
  const { dim } = story.colors;
  story.line();
  story.line(dim(tableLine(header)));
  for (const row of rows) story.line(tableLine(row.map((cell) => cell ?? '–')));
}

export function tableLine([name, ...cells]: readonly string[]): string {
  return name.padEnd(NAME_WIDTH) + cells.map((cell) => cell.padStart(COLUMN_WIDTH)).join('');
}
