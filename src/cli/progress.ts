/**
 * Progress on stderr: a bar where somebody watches a terminal, otherwise one line every N steps. Bars keep within 80
 * columns.
 */

import { SingleBar } from 'cli-progress';
import type { Colors } from './colors.ts';
import { formatDuration, formatRate } from './format.ts';
import type { Io, OutputStream } from './io.ts';

export interface ProgressOptions {
  /** What is counted: "step", "key". */
  readonly unit: string;
  readonly total: number;
  /** Finished before this process began: a resumed run. Default 0. */
  readonly start?: number;
  /** Stands before the bar. */
  readonly title?: string;
  /** Without a terminal: a line after every so many. Default: about ten lines in all. */
  readonly every?: number;
}

export interface Progress {
  /** `done` of `total` are finished; `detail` says more, such as "loss locked". */
  update(done: number, detail?: string): void;
  /** Ends the bar, which stays or goes. */
  stop(): void;
}

/** Where progress is shown. */
export interface ProgressTarget {
  readonly io: Io;
  readonly colors: Colors;
  readonly quiet: boolean;
  /** A terminal that somebody watches. */
  readonly lively: boolean;
}

const BAR_WIDTH = 20;
const LEAST_BAR = 4;
const SILENT: Progress = { update() {}, stop() {} };

export function createProgress(target: ProgressTarget, options: ProgressOptions): Progress {
  if (target.quiet) return SILENT;
  return target.lively ? liveProgress(target, options) : lineProgress(target, options);
}

/** What is left of the line, given how long the finished ones took. */
export interface Pace {
  /** ms a unit; NaN before the first. */
  readonly perUnit: number;
  readonly remaining: number;
}

/** Steps take their time; bytes come so many a second. */
function speedOf({ perUnit }: Pace, unit: string): string {
  return unit === 'MB' ? `${formatRate(1000 / perUnit)} MB/s` : `${formatDuration(perUnit)}/${unit}`;
}

function pacer({ total, start = 0 }: ProgressOptions): (done: number) => Pace {
  const began = performance.now();
  return (done) => {
    const perUnit = done > start ? (performance.now() - began) / (done - start) : Number.NaN;
    return { perUnit, remaining: perUnit * (total - done) };
  };
}

/** `step 17/40 ▕████▏ 6.8 s/step · ETA 2m36s · level 7 · loss locked`, in at most `columns` characters. */
export function progressLine(
  options: ProgressOptions,
  done: number,
  pace: Pace,
  detail: string,
  colors: Colors,
  columns: number = 80,
): string {
  const { title, unit, total } = options;
  const parts = [
    Number.isNaN(pace.perUnit) ? '' : speedOf(pace, unit),
    done >= total || Number.isNaN(pace.remaining) ? '' : `ETA ${formatDuration(pace.remaining)}`,
    detail,
  ].filter((part) => part !== '');
  const text = parts.join(' · ');
  const head = `${title === undefined ? '' : `${title} `}${unit} ${String(done).padStart(String(total).length)}/${total}`;
  // The bar takes what the words leave; the last column stays free, where some terminals wrap.
  const width = Math.min(BAR_WIDTH, columns - 1 - head.length - text.length - 4);
  const bar = width < LEAST_BAR ? '·' : barOf(done / Math.max(1, total), colors, width);
  return `${head} ${bar} ${colors.dim(text)}`;
}

/** A bar in eighths of a character. */
export function barOf(share: number, colors: Colors, width: number = BAR_WIDTH): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const full = '█'.repeat(Math.floor(eighths / 8));
  const rest = eighths % 8 === 0 ? '' : '▏▎▍▌▋▊▉'[(eighths % 8) - 1];
  return `▕${colors.cyan(full + rest)}${' '.repeat(width - full.length - rest.length)}▏`;
}

/** What is drawn on a terminal at the moment, by its stream: lines that come meanwhile go above it. */
const live: WeakMap<OutputStream, (text: string) => void> = new WeakMap();

/** Writes whole lines to the stream: above the bar where one is drawn there, which stays the last line. */
export function writeAbove(stream: OutputStream, text: string): void {
  const above = live.get(stream);
  if (above === undefined) stream.write(text);
  else above(text);
}

const CLEAR_LINE = '\r\u001b[2K';
const WRAP = '\u001b[?7h';
const NO_WRAP = '\u001b[?7l';
/** Where the bar returns to when it ends. */
const SAVE_CURSOR = '\u001b7';

function liveProgress({ io, colors }: ProgressTarget, options: ProgressOptions): Progress {
  const paceOf = pacer(options);
  let shown = options.start ?? 0;
  let pace = paceOf(shown);
  let detail = '';
  const bar = new SingleBar({
    stream: asNodeStream(io.stderr),
    format: () => progressLine(options, shown, pace, detail, colors, io.stderr.columns),
    hideCursor: true,
    linewrap: false,
    clearOnComplete: true,
    gracefulExit: false,
    // Whatever another process wrote into the line is gone with the next tick.
    forceRedraw: true,
  });
  bar.start(options.total, shown);
  live.set(io.stderr, (text) => {
    io.stderr.write(`${CLEAR_LINE}${WRAP}${text}${NO_WRAP}${SAVE_CURSOR}`);
    bar.render();
  });
  return {
    update(done, text = detail) {
      shown = done;
      detail = text;
      pace = paceOf(done);
      bar.update(done);
    },
    stop() {
      live.delete(io.stderr);
      bar.stop();
    },
  };
}

function lineProgress({ io }: ProgressTarget, options: ProgressOptions): Progress {
  const paceOf = pacer(options);
  const every = options.every ?? Math.max(1, Math.ceil(options.total / 10));
  let told = options.start ?? 0;
  return {
    update(done, detail = '') {
      if (done === told || (done - told < every && done !== options.total)) return;
      told = done;
      const pace = paceOf(done);
      const eta = done < options.total ? ` · ETA ${formatDuration(pace.remaining)}` : '';
      const more = detail === '' ? '' : ` · ${detail}`;
      const title = options.title === undefined ? '' : `${options.title} `;
      const speed = speedOf(pace, options.unit);
      io.stderr.write(`${title}${options.unit} ${done}/${options.total} · ${speed}${eta}${more}\n`);
    },
    stop() {},
  };
}

/** cli-progress draws with Node's terminal functions; on a live terminal the stream is one. */
function asNodeStream(stream: OutputStream): NodeJS.WritableStream {
  return stream as unknown as NodeJS.WritableStream;
}
