/** A run's checkpoints in the browser's storage: `step-000017.checkpoint` each, whole or not there. */
import { type CheckpointStore, HermeticError } from 'hermetic/trainer';
import type { FileStore } from './file-store.ts';
import { takeLock } from './locks.ts';

const NAME = /^step-(\d{6,10})\.checkpoint$/;

/** Of the tab that has the run. */
export function runLock(folder: string): string {
  return `hermetic-run-${folder}`;
}

/** Two tabs cannot claim the same folder. */
export function storedCheckpoints(store: FileStore, folder: string): CheckpointStore {
  const path = (step: number): string => `${folder}/step-${String(step).padStart(6, '0')}.checkpoint`;
  return {
    claim: async () => {
      const release = await takeLock(runLock(folder));
      if (release !== undefined) return release;
      throw new HermeticError('DISK', 'another tab is training this run', { mend: 'Go on there, or close it.' });
    },
    steps: async () => {
      const names = await store.list(folder);
      return names.flatMap((name) => NAME.exec(name)?.slice(1).map(Number) ?? []).toSorted((a, b) => b - a);
    },
    read: (step, use) => store.read(path(step), use),
    write: (step, produce) => store.write(path(step), produce),
    remove: (step) => store.remove(path(step)),
  };
}
