/** Numbers as people read them. */
import { groupedDigits } from '../base/grouped-digits.ts';

/** 950 ms, 6.8 s, 2m36s, 1h05m. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 59_500) return `${Math.round(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** 512 B, 4.2 kB, 118 MB: decimal units, two or three figures. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** 25000 as 25,000. */
export function formatCount(value: number): string {
  return groupedDigits(Math.round(value));
}

/** accuracyDrop as accuracy drop. */
export function spacedWords(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Of things a second: 1,234 or 12 or 0.53. */
export function formatRate(rate: number): string {
  return rate >= 100 ? formatCount(rate) : rate.toPrecision(2);
}

/** .87816 as 87.82 %. */
export function formatPercent(share: number, digits: number = 2): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : '–';
}

/** An absolute error as bits after the binary point: 2^-20 is 20.0; Infinity for none. */
export function errorBits(error: number): number {
  return error > 0 ? -Math.log2(error) : Number.POSITIVE_INFINITY;
}
