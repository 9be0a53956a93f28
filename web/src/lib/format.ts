/** Numbers and times as people read them, alike in all views. */

/** 950 ms, 6.8 s, 2m36s, 1h05m, 3 d 4 h. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 59_500) return `${Math.round(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 48) return `${hours}h${two(Math.floor((seconds % 3600) / 60))}m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** 512 B, 4.2 kB, 118 MB: decimal units, two or three figures. */
export function formatBytes(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes) * 1.0005) / 3));
  const value = bytes / 1000 ** unit;
  return `${value.toFixed(unit === 0 || value >= 99.95 ? 0 : 1)} ${UNITS[unit]}`;
}

/** 25000 as 25,000. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Of things a second: 1,234 or 12 or 0.53. */
export function formatRate(rate: number): string {
  return rate >= 99.5 ? formatCount(rate) : rate === 0 ? '0' : rate.toPrecision(2);
}

/** .87816 as 87.82 %. */
export function formatPercent(share: number, digits: number = 2): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : '–';
}

/** "1 row", "2 rows". */
export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A loss to four places, or where that is nothing in two figures. */
export function formatLoss(loss: number): string {
  return String(Number(loss >= 1e-3 || loss === 0 ? loss.toFixed(4) : loss.toPrecision(2)));
}

/** "refreshBudget" as "refresh budget". */
export function spacedWords(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** The first digits of a hash, enough to tell it from the others on a page. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

const DAY_TIME = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** 3 Mar 2025, 14:05 in the reader's zone. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? '–' : DAY_TIME.format(time);
}

/** "just now", "4 min ago", "in 3 days": coarse, for the eye. */
export function formatAgo(iso: string, now: number = Date.now()): string {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  if (!Number.isFinite(seconds)) return '–';
  const size = Math.abs(seconds);
  const [value, unit] =
    size < 45
      ? [0, '']
      : size < 3570
        ? [Math.max(1, Math.round(size / 60)), 'min']
        : size < 84_600
          ? [Math.max(1, Math.round(size / 3600)), 'h']
          : [Math.max(1, Math.round(size / 86_400)), 'd'];
  if (unit === '') return seconds > 5 ? 'in a moment' : 'just now';
  const whole = unit === 'd' ? plural(value, 'day') : `${value} ${unit}`;
  return seconds > 0 ? `in ${whole}` : `${whole} ago`;
}

/** "4000 → 8 shiftedSquare → 1 lin4": a network in a line. */
export function formatLayers(
  layers: readonly { readonly inputs: number; readonly units: number; readonly activation: string }[],
): string {
  const [first] = layers;
  if (first === undefined) return 'no layers';
  return [formatCount(first.inputs), ...layers.map(({ units, activation }) => `${units} ${activation}`)].join(' → ');
}
