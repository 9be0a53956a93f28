/** Where checkpoints are kept, told apart by their step. A store keeps each whole or not at all. */
import { HermeticError } from '../base/errors.ts';
import { type ByteSink, type ByteSource, memorySink, memorySource } from '../protocol/byte-source.ts';

export interface CheckpointStore {
  /** Keeps others out until the function that it gives is called. @throws HermeticError DISK where another is there */
  claim?(): Promise<() => Promise<void>>;
  /** Steps of the checkpoints there are, newest first. */
  steps(): Promise<readonly number[]>;
  read<T>(step: number, use: (source: ByteSource) => Promise<T>): Promise<T>;
  /** All that `produce` writes, or, where it or the process fails, nothing. Replaces the checkpoint of that step. */
  write(step: number, produce: (sink: ByteSink) => Promise<void>): Promise<void>;
  remove(step: number): Promise<void>;
}

/** Checkpoints kept: the newest, and one to fall back on where the newest is damaged. */
const KEPT = 2;

/** Writes a checkpoint, then removes those that it makes superfluous. */
export async function saveCheckpoint(
  store: CheckpointStore,
  step: number,
  produce: (sink: ByteSink) => Promise<void>,
): Promise<void> {
  await store.write(step, produce);
  for (const old of (await store.steps()).slice(KEPT)) await store.remove(old);
}

/**
 * The newest checkpoint that `use` can read; a damaged one (BAD_FILE) is passed over with a warning. Undefined where
 * there is none at all, BAD_FILE where all are damaged.
 */
export async function loadNewest<T>(
  store: CheckpointStore,
  use: (source: ByteSource) => Promise<T>,
  onWarning: (message: string) => void,
): Promise<T | undefined> {
  let damage: HermeticError | undefined;
  for (const step of await store.steps()) {
    try {
      return await store.read(step, use);
    } catch (error) {
      if (!(error instanceof HermeticError) || error.code !== 'BAD_FILE') throw error;
      damage = error;
      onWarning(`the checkpoint of step ${step} is damaged (${error.summary}); trying the one before`);
    }
  }
  if (damage === undefined) return undefined;
  throw new HermeticError('BAD_FILE', 'no checkpoint can be read', {
    mend: 'Remove the checkpoint folder, or name another one, to start this run anew.',
    cause: damage,
  });
}

/** Checkpoints in memory, for pages and tests. */
export function memoryCheckpoints(): CheckpointStore {
  const files = new Map<number, Uint8Array>();
  return {
    steps: async () => [...files.keys()].toSorted((a, b) => b - a),
    read: async (step, use) => use(memorySource(files.get(step) ?? new Uint8Array(0))),
    write: async (step, produce) => {
      const sink = memorySink();
      await produce(sink);
      files.set(step, sink.bytes());
    },
    remove: async (step) => {
      files.delete(step);
    },
  };
}
