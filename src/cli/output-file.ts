/**
 * Where a command writes: never over a file that it reads, a key or a Hermetic file of another kind; over any other file
 * only when it is told to. Asked before the work begins.
 */

import { stat } from 'node:fs/promises';
import type { FlagParametersForType } from '@stricli/core';
import { HermeticError } from '../base/errors.ts';
import { type FileKind, fileKind, isKey } from '../protocol/file-kind.ts';
import { withFileSource } from '../protocol/node/file-source.ts';
import type { HermeticContext } from './context.ts';
import { requireWritable } from './sealed-files.ts';

export interface ForceFlags {
  readonly force: boolean;
}

export const forceFlags: FlagParametersForType<ForceFlags, HermeticContext> = {
  force: {
    kind: 'boolean',
    brief: 'Replace the file that is there; never one that is read, a key, or a file of another kind',
    default: false,
    withNegated: false,
  },
};

export interface Output {
  readonly out: string;
  /** What shall be written; `unknown` is text. */
  readonly kind: FileKind;
  /** All files that the command reads. */
  readonly inputs: readonly (string | undefined)[];
  readonly force: boolean;
  /** Tells whether the file that is there was written by this very run, which may write it again. */
  readonly isOwn?: () => Promise<boolean>;
}

/** HermeticError DISK where nothing can be written there; BAD_ARGUMENT where something would be lost. */
export async function requireOutput({ out, kind, inputs, force, isOwn }: Output): Promise<void> {
  await requireWritable(out);
  if ((await identity(out)) === undefined) return;
  await requireNoInput(out, inputs);
  const there = await withFileSource(out, fileKind);
  if (out.endsWith(LEDGER_ENDING)) throw precious(out, "the count of a key's answers");
  if (isKey(there)) throw precious(out, 'a key');
  if (there !== kind && !FOREIGN.includes(there)) throw precious(out, nameOf(there));
  if (force || (await isOwn?.()) === true) return;
  throw new HermeticError('BAD_ARGUMENT', `${out} is there already`, {
    mend: 'Name another file, or add --force to replace this one.',
  });
}

const LEDGER_ENDING = '.unlocks';
/** Files that say no more of themselves than that they are not ours. */
const FOREIGN: readonly FileKind[] = ['unknown', 'age'];

/** HermeticError BAD_ARGUMENT where `out` is one of the files that the command reads, by whatever path. */
async function requireNoInput(out: string, inputs: Output['inputs']): Promise<void> {
  const target = await identity(out);
  for (const input of inputs) {
    if (input === undefined || (await identity(input)) !== target) continue;
    throw new HermeticError('BAD_ARGUMENT', `${out} is read by this command, and would be lost`, {
      mend: 'Name another file to write.',
    });
  }
}

/** What the file system knows a file by, links followed; undefined where there is none. */
async function identity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}

function precious(out: string, what: string): HermeticError {
  return new HermeticError('BAD_ARGUMENT', `${out} is ${what}, which is never written over`, {
    mend: 'Name another file, or remove this one yourself.',
  });
}

function nameOf(kind: FileKind): string {
  if (kind === 'unreadable') return 'a damaged Hermetic file, or one of a newer version';
  return kind === 'safetensors' ? 'a plain model' : `a file of another kind (${kind})`;
}
