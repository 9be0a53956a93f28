/**
 * What a demonstration that trains alone keeps, so that it goes on after an interruption: the owner's key, locked with a
 * passphrase of its own beside it. Good for a demonstration, whose secret protects nothing; a real owner keeps the
 * passphrase elsewhere.
 */

import { randomBytes } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8ToBytes } from '../../base/bytes.ts';
import { writeOwnerKeys } from '../../owner/key-file.ts';
import type { OwnerKeys } from '../../owner/owner-keys.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { loadOwnerKeys } from '../key-files.ts';
import type { DemoStage } from './stage.ts';

const PRIVATE = { mode: 0o600 };

function pathsOf({ folder }: Pick<DemoStage, 'folder'>): { readonly folder: string; key: string; passphrase: string } {
  const owner = join(folder, 'owner');
  return { folder: owner, key: join(owner, 'owner.key'), passphrase: join(owner, 'passphrase') };
}

/** Once all that a trainer needs has been written: the key file is the sign of it. HermeticError DISK. */
export async function keepForResuming(stage: DemoStage, keys: OwnerKeys): Promise<void> {
  const paths = pathsOf(stage);
  const passphrase = randomBytes(24).toString('hex');
  await makeFolder(paths.folder);
  await writeFileAtomically(paths.passphrase, (sink) => sink.write(utf8ToBytes(`${passphrase}\n`)), PRIVATE);
  await writeFileAtomically(paths.key, (sink) => writeOwnerKeys(sink, keys, passphrase), PRIVATE);
}

/** The keys of an interrupted demonstration in this folder; undefined where there is none. */
export async function interruptedKeys(stage: DemoStage): Promise<OwnerKeys | undefined> {
  const { key, passphrase } = pathsOf(stage);
  const there = await stat(key).then(
    () => true,
    () => false,
  );
  return there
    ? await loadOwnerKeys(stage.console, { key, passphraseFile: passphrase, threads: stage.threads })
    : undefined;
}

export async function forgetResuming(stage: DemoStage): Promise<void> {
  await rm(pathsOf(stage).folder, { force: true, recursive: true });
}
