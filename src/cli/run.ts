/** The command line as a function: `run(['inspect', 'model.sealed'], io)` does it and returns the exit code. */

import { proposeCompletions, run as runStricli, type StricliProcess } from '@stricli/core';
import { buildHermetic } from './application.ts';
import { colorsFor } from './colors.ts';
import { COMPLETE } from './commands/completion.ts';
import { toJsonLine } from './console.ts';
import type { HermeticContext } from './context.ts';
import { exitCodes, type Failure, failureOf } from './exit-codes.ts';
import { wrapHelp } from './help-text.ts';
import type { Io } from './io.ts';
import { isUsageExit } from './parsers.ts';

/** Longer lines are hard to read. */
const MOST_COLUMNS = 110;

/** Never throws: every failure is told in one line on stderr (and, with --json, as an object on stdout). */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const failures: Failure[] = [];
  const app = buildHermetic((failure) => failures.push(failure));
  // Failures are told below, once; help and version go to stdout.
  const columns = Math.min(io.stdout.columns ?? 80, MOST_COLUMNS);
  const help = { write: (text: string) => void io.stdout.write(wrapHelp(text, columns)) };
  const process: StricliProcess = { stdout: help, stderr: { write() {} }, env: io.env };
  const context: HermeticContext = { process, io };
  try {
    if (argv[0] === COMPLETE) {
      const proposals = await proposeCompletions(app, wordsToComplete(argv, io), context);
      for (const { completion } of proposals) io.stdout.write(`${completion}\n`);
      return exitCodes.ok;
    }
    await runStricli(app, argv, context);
  } catch (error) {
    failures.push(failureOf(error));
  }
  if (failures.length > 0) {
    tell(failures[0], argv, io);
    return failures[0].exitCode;
  }
  const code = Number(process.exitCode ?? exitCodes.ok);
  return isUsageExit(code) ? exitCodes.usage : code < 0 ? exitCodes.failure : code;
}

/** bash hands over the whole line, `hermetic` first; behind a space the next word begins empty. */
function wordsToComplete(argv: readonly string[], io: Io): string[] {
  const words = argv.slice(2);
  return io.env.COMP_LINE?.endsWith(' ') ? [...words, ''] : words;
}

function tell(failure: Failure, argv: readonly string[], io: Io): void {
  const { code, exitCode, message, mend, stack } = failure;
  const colors = colorsFor(io.stderr, io.env);
  const label = exitCode === exitCodes.interrupted ? colors.yellow('stopped:') : colors.red('error:');
  io.stderr.write(`${label} ${message}\n`);
  if (isOn(io.env.HERMETIC_DEBUG)) io.stderr.write(`${stack ?? '(no stack)'}\n`);
  else if (code === 'UNEXPECTED') io.stderr.write('HERMETIC_DEBUG=1 shows where this came from.\n');
  if (argv.includes('--json')) io.stdout.write(toJsonLine({ error: { code, exitCode, message, mend: mend ?? null } }));
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}
