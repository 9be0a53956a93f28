#!/usr/bin/env node
/** The `hermetic` command: this process's streams, environment and signals, given to `run`. */

import { exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';
import { askSecret } from './prompt.ts';
import { run } from './run.ts';

const stop = new AbortController();

/** The first Ctrl-C lets the command save what it has; the second ends it where it stands. */
function interrupt(): void {
  if (stop.signal.aborted) process.exit(exitCodes.interrupted);
  stop.abort();
}

process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
// `hermetic inspect … | head`: nobody reads on, which is no failure; a full disk is one.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') process.exit(exitCodes.ok);
  process.stderr.write(`error: the result cannot be written to stdout (${code}). Write it elsewhere.\n`);
  process.exit(exitCodes.failure);
});
// Work goes on where nobody hears of it any more, unless it was done for the one who listened.
const unheard = new AbortController();
process.stderr.on('error', () => unheard.abort());

const interactive = process.stdin.isTTY === true && process.stderr.isTTY === true;
const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: stop.signal,
  unheard: unheard.signal,
  askSecret: interactive ? askSecret : undefined,
};

process.exitCode = await run(process.argv.slice(2), io);
