/**
 * What a command says: results on stdout (text, or one JSON object), everything else on stderr. Quiet commands still
 * give results, warnings and errors. Names and sentences in it may be others': what reaches a terminal holds line ends,
 * tabs and colours, and no other control characters.
 */

import { terminalText } from '../base/plain-text.ts';
import { type Colors, colorsFor } from './colors.ts';
import { type Io, isLively } from './io.ts';
import { createProgress, type Progress, type ProgressOptions, writeAbove } from './progress.ts';

export interface ConsoleFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Version of the JSON that commands print. */
const JSON_SCHEMA = 1;

export class Console {
  readonly io: Io;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Colours of stderr, where notes go. */
  readonly colors: Colors;
  /** Colours of stdout. */
  readonly resultColors: Colors;
  /** stderr is a terminal that somebody watches. */
  readonly lively: boolean;

  constructor(io: Io, flags: ConsoleFlags = {}) {
    this.io = io;
    this.json = flags.json ?? false;
    this.quiet = flags.quiet ?? false;
    this.colors = colorsFor(io.stderr, io.env);
    this.resultColors = colorsFor(io.stdout, io.env);
    this.lively = isLively(io.stderr, io.env) && !this.quiet;
  }

  /** The result: with --json the object as one line, otherwise the text. */
  result(object: Readonly<Record<string, unknown>>, text: (colors: Colors) => string): void {
    const line = this.json ? toJsonLine(object) : `${terminalText(text(this.resultColors))}\n`;
    this.io.stdout.write(line);
  }

  /** What helps to follow; nothing when quiet. */
  note(line: string): void {
    if (!this.quiet) writeAbove(this.io.stderr, `${terminalText(line)}\n`);
  }

  /** What the user should know even when quiet. */
  warn(line: string): void {
    writeAbove(this.io.stderr, `${this.colors.yellow('warning:')} ${terminalText(line)}\n`);
  }

  progress(options: ProgressOptions): Progress {
    return createProgress(this, options);
  }
}

/**
 * One JSON object on a line, `schema` first. NaN and infinities become null, as in JSON.stringify; what it leaves of control
 * characters is escaped too.
 */
export function toJsonLine(object: Readonly<Record<string, unknown>>): string {
  const line = JSON.stringify({ schema: JSON_SCHEMA, ...object });
  return `${line.replaceAll(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, escaped)}\n`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
