/** Sealed models on the disk, for those who hold the keys they were made with. */

import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { writableTarget, writeFileAtomically } from '../protocol/node/atomic-file.ts';
import { diskError } from '../protocol/node/disk-error.ts';
import { withFileSource } from '../protocol/node/file-source.ts';
import type { CiphertextParameters } from '../protocol/parameters.ts';
import { type ReadSealedModel, readSealedModel, type SealedModel, writeSealedModel } from '../protocol/sealed-model.ts';
import { type ReadSealedPredictions, readSealedPredictions } from '../protocol/sealed-predictions.ts';
import type { Console } from './console.ts';

/** Keys of either side. */
interface KnownParameters {
  readonly parameters: CiphertextParameters;
}

/** HermeticError DISK, BAD_FILE, WRONG_KEY for other parameters than those of `keys`. */
export function readSealed(console: Console, path: string, keys: KnownParameters): Promise<ReadSealedModel> {
  const onWarning = (message: string): void => console.warn(message);
  return withFileSource(path, (source) => readSealedModel(source, { onWarning, parametersFor: () => keys.parameters }));
}

/** HermeticError DISK, BAD_FILE, WRONG_KEY for other parameters than those of `keys`. */
export function readPredictions(console: Console, path: string, keys: KnownParameters): Promise<ReadSealedPredictions> {
  const onWarning = (message: string): void => console.warn(message);
  return withFileSource(path, (source) =>
    readSealedPredictions(source, { onWarning, parametersFor: () => keys.parameters }),
  );
}

/** Puts the model in place as a whole or not at all; returns its identity. HermeticError DISK. */
export function writeSealed(path: string, model: SealedModel, parameters: CiphertextParameters): Promise<string> {
  return writeFileAtomically(path, (sink) => writeSealedModel(sink, model, parameters));
}

/** Finds out before hours of work whether their result can be written. HermeticError DISK. */
export async function requireWritable(path: string): Promise<void> {
  try {
    await access(dirname(await writableTarget(path)), constants.W_OK);
    if ((await stat(path).catch(() => undefined))?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
  } catch (error) {
    throw diskError(error, 'write', path);
  }
}

/** As `requireWritable`, for a folder that may have to be made, with those above it. HermeticError DISK. */
export async function requireWritableFolder(path: string): Promise<void> {
  try {
    const wanted = resolve(path);
    let there = wanted;
    while ((await stat(there).catch(missing)) === undefined) there = dirname(there);
    const code = there === wanted ? 'EEXIST' : 'ENOTDIR';
    if (!(await stat(there)).isDirectory()) throw Object.assign(new Error(), { code });
    await access(there, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw diskError(error, 'write', path);
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Size of a file. HermeticError DISK. */
export async function fileSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw diskError(error, 'read', path);
  }
}
