/** Levels as stairs: one tread an operation, its name beneath. */

import { escapeHtml } from './escape.ts';
import type { LevelMark } from './report.ts';

const WIDTH = 520;
const LEFT = 40;
const RIGHT = 10;
const TOP = 16;
/** Of the stairs as a whole, and at most of one. */
const STAIRS = 200;
const MOST_STEP = 44;
/** Width of a letter, at most. */
const LETTER = 9;

export function levelChart(marks: readonly LevelMark[]): string {
  const top = Math.max(1, ...marks.map(({ level }) => level));
  const stepHeight = Math.min(MOST_STEP, STAIRS / top);
  const base = TOP + top * stepHeight;
  const tread = (WIDTH - LEFT - RIGHT) / Math.max(1, marks.length);
  const y = (level: number): number => base - level * stepHeight;
  const x = (index: number): number => LEFT + index * tread;
  const longest = Math.max(4, ...marks.map(({ label }) => label.length));
  // Names stand upright where they have room, even in the larger letters of a narrow screen.
  const upright = longest * LETTER <= tread;
  const height = base + (upright ? 34 : 24 + longest * 6);
  const stairs = marks
    .map(({ level }, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(level)}L${x(i + 1).toFixed(1)} ${y(level)}`)
    .join('');
  const area = `${stairs}L${x(marks.length).toFixed(1)} ${base}L${LEFT} ${base}Z`;
  return [
    `<svg class="chart" viewBox="0 0 ${WIDTH} ${height.toFixed(0)}" role="img" aria-label="Levels left after each operation of a step">`,
    ...Array.from({ length: top + 1 }, (_, level) => gridLine(level, y(level), top > 6 ? 2 : 1)),
    marks.length > 0 ? `<path class="area" d="${area}"/><path class="line level" d="${stairs}"/>` : '',
    ...marks.map(({ label }, i) => name(label, x(i) + tread / 2, base + 14, upright)),
    '</svg>',
  ].join('\n');
}

function gridLine(level: number, y: number, labelEvery: number): string {
  const label =
    level % labelEvery === 0 ? `<text x="${LEFT - 9}" y="${y + 4.5}" text-anchor="end">${level}</text>` : '';
  return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/>${label}`;
}

function name(label: string, x: number, y: number, upright: boolean): string {
  const at = x.toFixed(1);
  const place = upright
    ? `x="${at}" y="${y + 8}" text-anchor="middle"`
    : `x="${at}" y="${y}" text-anchor="end" transform="rotate(-48 ${at} ${y})"`;
  return `<text ${place}>${escapeHtml(label)}</text>`;
}
