/** Checkpoints in a folder, `step-000017.checkpoint` each, put in place by atomic renames. */
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import { withFileSource } from '../../protocol/node/file-source.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import type { CheckpointStore } from '../checkpoint-store.ts';
import { lockFolder } from './folder-lock.ts';

const NAME = /^step-(\d{6,10})\.checkpoint$/;
/** What a killed process may leave behind while it writes. */
const LEFTOVER = /^\.step-\d{6,10}\.checkpoint\.[0-9a-f]{12}\.tmp$/;

/** The folder is made when it is claimed or the first checkpoint is written. Throws DISK for what the system refuses. */
export function folderCheckpoints(folder: string): CheckpointStore {
  const path = (step: number) => join(folder, `step-${String(step).padStart(6, '0')}.checkpoint`);
  let swept = false;

  async function names(): Promise<string[]> {
    try {
      return await readdir(folder);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw diskError(error, 'read', folder);
    }
  }

  async function remove(file: string): Promise<void> {
    await unlink(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw diskError(error, 'write', file);
    });
  }

  async function prepare(): Promise<void> {
    if (swept) return;
    await makeFolder(folder);
    for (const name of await names()) if (LEFTOVER.test(name)) await remove(join(folder, name));
    swept = true;
  }

  return {
    claim: async () => {
      await makeFolder(folder);
      return lockFolder(folder);
    },
    steps: async () => {
      const steps = (await names()).flatMap((name) => NAME.exec(name)?.slice(1).map(Number) ?? []);
      return steps.toSorted((a, b) => b - a);
    },
    read: (step, use) => withFileSource(path(step), use),
    write: async (step, produce) => {
      await prepare();
      // It may hold the seed of a run's privacy noise.
      await writeFileAtomically(path(step), produce, { mode: 0o600 });
    },
    remove: (step) => remove(path(step)),
  };
}
