/** The owner's key files on the disk. */

import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HermeticError } from '../base/errors.ts';
import { type BootstrappingKeysOptions, writeBootstrappingKeys } from '../owner/bootstrapping-keys.ts';
import { readOwnerKeys, writeOwnerKeys, writeTrainerKeys } from '../owner/key-file.ts';
import type { CreatedKeys, OwnerKeys } from '../owner/owner-keys.ts';
import { writeFileAtomically } from '../protocol/node/atomic-file.ts';
import { withFileSource } from '../protocol/node/file-source.ts';
import { makeFolder } from '../protocol/node/make-folder.ts';
import type { Console } from './console.ts';
import { readPassphrase } from './passphrase.ts';

export interface OwnerKeyRequest {
  readonly key: string;
  readonly passphraseFile: string | undefined;
  readonly threads?: number | undefined;
}

/** HermeticError WRONG_PASSPHRASE, BAD_FILE (also where others may read the file), DISK, ABORTED. */
export function loadOwnerKeys(console: Console, request: OwnerKeyRequest): Promise<OwnerKeys> {
  const { key, passphraseFile, threads } = request;
  const onWarning = (message: string): void => console.warn(message);
  return withFileSource(
    key,
    async (source) => {
      const passphrase = await readPassphrase(console.io, { file: passphraseFile, keyFile: key });
      return await readOwnerKeys(source, passphrase, { onWarning, ...(threads !== undefined && { threads }) });
    },
    { requirePrivate: true },
  );
}

/** Loads keys, uses them, and overwrites the secret in memory whatever happens. */
export async function withOwnerKeys<T>(
  console: Console,
  request: OwnerKeyRequest,
  use: (keys: OwnerKeys) => T | Promise<T>,
): Promise<T> {
  const keys = await loadOwnerKeys(console, request);
  try {
    return await use(keys);
  } finally {
    keys.dispose();
  }
}

export interface KeyPaths {
  readonly owner: string;
  readonly trainer: string;
  /** Of sets that bootstrap. */
  readonly bootstrapping: string;
}

export function keyPaths(folder: string): KeyPaths {
  const trainer = join(folder, 'trainer.keys');
  return { owner: join(folder, 'owner.key'), trainer, bootstrapping: bootstrappingKeysBeside(trainer) };
}

/** Where bootstrapping keys are looked for: in the folder of the trainer keys. */
export function bootstrappingKeysBeside(trainerKeys: string): string {
  return join(dirname(trainerKeys), 'bootstrapping.keys');
}

/** HermeticError BAD_ARGUMENT where keys are there already: what was sealed with them would be lost. */
export async function requireNoKeys({ owner, trainer, bootstrapping }: KeyPaths): Promise<void> {
  if (await exists(owner)) {
    throw new HermeticError('BAD_ARGUMENT', `${owner} is there already`, {
      mend: 'Name another folder: without this key nobody opens what was sealed with it.',
    });
  }
  for (const path of [trainer, bootstrapping]) {
    if (!(await exists(path))) continue;
    throw new HermeticError('BAD_ARGUMENT', `${path} is there already`, {
      mend: 'Name another folder, or remove the file if its owner.key is not kept elsewhere.',
    });
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

export interface SaveKeysOptions extends BootstrappingKeysOptions {
  readonly passphrase: string;
}

/** Writes the files, the owner's last and for its owner alone. HermeticError DISK. */
export async function saveKeys(folder: string, keys: CreatedKeys, options: SaveKeysOptions): Promise<KeyPaths> {
  const { passphrase, ...bootstrapping } = options;
  const paths = keyPaths(folder);
  await makeFolder(folder);
  await writeFileAtomically(paths.trainer, (sink) => writeTrainerKeys(sink, keys));
  if (keys.context.parameters.bootstrapping) {
    await writeFileAtomically(paths.bootstrapping, (sink) => writeBootstrappingKeys(sink, keys, bootstrapping));
  }
  await writeFileAtomically(paths.owner, (sink) => writeOwnerKeys(sink, keys, passphrase), { mode: 0o600 });
  return paths;
}
