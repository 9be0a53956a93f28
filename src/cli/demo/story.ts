/**
 * How a demonstration tells itself in a terminal of 80 columns: who does what, what came of it, how long it took.
 *
 *   owner      Keys
 *              set L14: N = 16,384, log QP = 421, 128-bit security           6.1 s
 */

import { type Colors, visibleLength } from '../colors.ts';
import type { Console } from '../console.ts';
import { formatDuration } from '../format.ts';
import type { OutputStream } from '../io.ts';
import type { Progress, ProgressOptions } from '../progress.ts';

const WIDTH = 80;
const INDENT = 13;

export class Story {
  readonly console: Console;
  readonly #out: OutputStream;
  readonly #colors: Colors;

  /** The story is the result and goes to stdout, unless that is kept for JSON. */
  constructor(console: Console) {
    this.console = console;
    this.#out = console.json ? console.io.stderr : console.io.stdout;
    this.#colors = console.json ? console.colors : console.resultColors;
  }

  get colors(): Colors {
    return this.#colors;
  }

  line(text: string = ''): void {
    if (!(this.console.json && this.console.quiet)) this.#out.write(`${text}\n`);
  }

  title(name: string, text: string): void {
    const { bold, dim } = this.#colors;
    this.line();
    this.line(`${bold(name)}  ${dim(text)}`);
  }

  /** A new chapter: `actor` is about to do something. */
  chapter(actor: string, title: string): void {
    const { bold } = this.#colors;
    this.line();
    this.line(`${this.#actor(actor)}${bold(title)}`);
  }

  /** What came of it, wrapped; the time it took stands at the right of the last line. */
  tell(text: string, seconds?: number): void {
    const lines = wrap(text, WIDTH - INDENT);
    const time = seconds === undefined ? '' : formatDuration(seconds * 1000);
    if (time !== '' && visibleLength(lines[lines.length - 1]) + time.length + 2 > WIDTH - INDENT) lines.push('');
    lines.forEach((line, i) => {
      const isLast = i === lines.length - 1 && time !== '';
      const gap = isLast ? ' '.repeat(WIDTH - INDENT - visibleLength(line) - time.length) : '';
      this.line(`${' '.repeat(INDENT)}${line}${gap}${isLast ? this.#colors.dim(time) : ''}`);
    });
  }

  /** A line of the summary: a name, a figure, and what it means. */
  row(name: string, value: string, more: string): void {
    const gap = ' '.repeat(Math.max(1, 20 - visibleLength(value)));
    const rest = more === '' ? '' : gap + this.#colors.dim(more);
    this.line(`${name.padEnd(INDENT)}${value}${rest}`);
  }

  /** Progress of the chapter, on stderr. */
  progress(options: ProgressOptions): Progress {
    return this.console.progress({ ...options, title: ' '.repeat(this.console.lively ? 2 : INDENT - 1) });
  }

  #actor(actor: string): string {
    const { yellow, blue, green } = this.#colors;
    const paint = actor.endsWith('B') ? green : actor.startsWith('trainer') ? blue : yellow;
    return paint(actor.padEnd(INDENT));
  }
}

/** Words in lines of at most `width` visible characters. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (line !== '' && visibleLength(longer) > width) {
        lines.push(line);
        line = word;
      } else line = longer;
    }
    lines.push(line);
  }
  return lines;
}
