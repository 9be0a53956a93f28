/**
 * A trainer as a process of its own: `hermetic train …`, `hermetic predict …`, `hermetic join …`, started with nothing but
 * the command line that a stranger would type. What it can reach is what stands there.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HermeticError, type HermeticErrorCode } from '../../base/errors.ts';

export interface TrainerProcessOptions {
  /** The words after `hermetic`; --json and, where it reports, --progress json are added. */
  readonly words: readonly string[];
  /** False for commands that have nothing to report on the way. Default: true. */
  readonly reports?: boolean;
  /** Its working folder, and the only one it is told of. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Called for each event that the process tells. */
  readonly onEvent?: (event: Readonly<Record<string, unknown>>) => void;
}

export interface TrainerProcess {
  readonly pid: number | undefined;
  /** The JSON object that the command printed. */
  readonly result: Promise<Readonly<Record<string, unknown>>>;
}

// Compiled, this file lies beside main.js; the sources have their build next door.
const ENTRY: string = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../dist/cli/main.js' : '../main.js', import.meta.url),
);

export function startTrainer(options: TrainerProcessOptions): TrainerProcess {
  const { words, reports = true } = options;
  const said = reports ? ['--progress', 'json'] : ['--quiet'];
  const child = spawn(process.execPath, [ENTRY, ...words, '--json', ...said], {
    cwd: options.folder,
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { pid: child.pid, result: outcome(child, options) };
}

async function outcome(
  child: ChildProcess,
  { signal, onEvent = () => {} }: TrainerProcessOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const stop = (): unknown => child.kill('SIGINT');
  signal.addEventListener('abort', stop, { once: true });
  let printed = '';
  const complaints: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const events = lineReader((line) => {
    const event = parseObject(line);
    if (event === undefined) complaints.push(line);
    else onEvent(event);
  });
  child.stderr?.setEncoding('utf8').on('data', events);
  try {
    const code = await exitCode(child);
    const result = parseObject(printed);
    if (code === 0 && result !== undefined) return result;
    if (signal.aborted) throw new HermeticError('ABORTED', 'stopped while a trainer was at work');
    throw asError(code, result, complaints);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function exitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
}

/** Calls `take` with each whole line of what arrives in pieces. */
export function lineReader(take: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') take(line);
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

/** The trainer's own error, under its own code, so that this process ends as that one did. */
function asError(code: number | null, result: unknown, complaints: readonly string[]): HermeticError {
  const { error } = (result ?? {}) as {
    error?: { readonly code: HermeticErrorCode | 'USAGE' | 'UNEXPECTED'; readonly message: string };
  };
  if (error !== undefined && error.code !== 'USAGE' && error.code !== 'UNEXPECTED') {
    return new HermeticError(error.code, `the trainer's process: ${error.message}`);
  }
  const last = error?.message ?? complaints.at(-1) ?? 'it said nothing';
  return new HermeticError('BAD_ARGUMENT', `the trainer's process ended with code ${code}: ${last}`);
}
