/**
 * Line charts as inline SVG without a script: colours come from the page's style sheet, so that they follow light and
 * dark.
 */

import { escapeHtml } from './escape.ts';
import type { Point } from './report.ts';

export interface Series {
  readonly name: string;
  /** Class of the page's style sheet: `clear`, `sealed`, `faint`. */
  readonly style: string;
  readonly points: readonly Point[];
  /** Dots with their values and no line: measured here and nowhere between. */
  readonly sparse?: boolean;
}

type Format = (value: number) => string;

export interface LineChart {
  readonly series: readonly Series[];
  readonly xLabel: string;
  /** As a tick says it. */
  readonly formatY: Format;
  /** As a dot says it; default as a tick. */
  readonly formatPoint?: Format;
  /** Vertical lines, such as a change of hands. */
  readonly marks?: readonly { readonly step: number; readonly label: string }[];
  /** What a screen reader says. */
  readonly title: string;
}

const WIDTH = 520;
const HEIGHT = 300;
const LEFT = 56;
const RIGHT = 22;
const TOP = 30;
const BOTTOM = 42;

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** About `count` round numbers from `low` to `high`. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => span / size <= count) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function scale(values: readonly number[], from: number, to: number, count: number, margin: number): Scale {
  const finite = values.filter(Number.isFinite);
  const low = finite.length === 0 ? 0 : Math.min(...finite);
  const high = finite.length === 0 ? 1 : Math.max(...finite);
  const pad = (high - low || Math.abs(high) || 1) * margin;
  const bottom = low - pad;
  const top = high + pad;
  return {
    at: (value) => from + ((value - bottom) / (top - bottom)) * (to - from),
    ticks: niceTicks(bottom, top, count),
  };
}

export function lineChart(chart: LineChart): string {
  const points = chart.series.flatMap((series) => series.points);
  const x = scale(
    points.map(({ step }) => step),
    LEFT,
    WIDTH - RIGHT,
    6,
    0,
  );
  const y = scale(
    points.map(({ value }) => value),
    HEIGHT - BOTTOM,
    TOP,
    5,
    0.08,
  );
  return [
    `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(chart.title)}">`,
    ...y.ticks.map((tick) => gridLine(y.at(tick), chart.formatY(tick))),
    ...x.ticks.map((tick) => tickLabel(x.at(tick), String(tick))),
    `<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${escapeHtml(chart.xLabel)}</text>`,
    ...(chart.marks ?? []).map(({ step, label }) => markLine(x.at(step), label)),
    ...chart.series.map((series) => drawSeries(series, x, y, chart.formatPoint ?? chart.formatY)),
    '</svg>',
  ].join('\n');
}

function gridLine(y: number, label: string): string {
  const at = y.toFixed(1);
  return (
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>` +
    `<text x="${LEFT - 8}" y="${(y + 4.5).toFixed(1)}" text-anchor="end">${escapeHtml(label)}</text>`
  );
}

function tickLabel(x: number, label: string): string {
  return `<text x="${x.toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${escapeHtml(label)}</text>`;
}

function markLine(x: number, label: string): string {
  const at = x.toFixed(1);
  return (
    `<line class="mark" x1="${at}" x2="${at}" y1="${TOP - 20}" y2="${HEIGHT - BOTTOM}"/>` +
    `<text class="mark" x="${(x + 5).toFixed(1)}" y="${TOP - 12}">${escapeHtml(label)}</text>`
  );
}

function drawSeries({ style, points, sparse }: Series, x: Scale, y: Scale, format: Format): string {
  const drawn = points.filter(({ value }) => Number.isFinite(value));
  if (sparse) return drawn.map((point, i) => dot(point, style, x, y, format, i === 0, i === drawn.length - 1)).join('');
  const path = drawn
    .map(({ step, value }, i) => `${i === 0 ? 'M' : 'L'}${x.at(step).toFixed(1)} ${y.at(value).toFixed(1)}`)
    .join('');
  return `<path class="line ${style}" d="${path}"/>`;
}

function dot(
  point: Point,
  style: string,
  x: Scale,
  y: Scale,
  format: Format,
  isFirst: boolean,
  isLast: boolean,
): string {
  const [cx, cy] = [x.at(point.step), y.at(point.value)];
  const circle = `<circle class="dot ${style}" cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="5.5"/>`;
  const label = (dx: number, dy: number, anchor: string): string =>
    `<text class="value ${style}" x="${(cx + dx).toFixed(1)}" y="${(cy + dy).toFixed(1)}" text-anchor="${anchor}">${escapeHtml(format(point.value))}</text>`;
  if (isFirst) return circle + label(13, 5, 'start');
  // Above, or below where there is no room; the last one ends at its dot.
  return circle + label(0, cy - TOP > 34 ? -13 : 24, isLast ? 'end' : 'middle');
}

/** A key to the series, in HTML so that it wraps. */
export function legend(series: readonly Pick<Series, 'name' | 'style' | 'sparse'>[]): string {
  const items = series.map(
    ({ name, style, sparse }) =>
      `<li><span class="key ${style}${sparse ? ' round' : ''}"></span>${escapeHtml(name)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}
