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
// `hermetic inspect … | head`: nobody reads on, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});

const interactive = process.stdin.isTTY === true && process.stderr.isTTY === true;
const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: stop.signal,
  askSecret: interactive ? askSecret : undefined,
};

process.exitCode = await run(process.argv.slice(2), io);
