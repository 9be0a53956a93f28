/** Tables for terminals: columns as wide as their longest cell, figures to the right. */

import type { Colors } from '../colors.ts';
import { visibleLength } from '../colors.ts';

export interface Column {
  readonly name: string;
  /** Default: to the left. */
  readonly align?: 'left' | 'right';
}

/** Lines of a table under a header; cells may be coloured. */
export function textTable(
  { dim }: Pick<Colors, 'dim'>,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const widths = columns.map(({ name }, i) => Math.max(name.length, ...rows.map((row) => visibleLength(row[i] ?? ''))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const gap = ' '.repeat(Math.max(0, widths[i] - visibleLength(cell)));
        return columns[i].align === 'right' ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd();
  return [dim(line(columns.map(({ name }) => name))), ...rows.map(line)].join('\n');
}

/** 2030-01-02 03:04, in UTC. */
export function shortTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
}
