/** Keeps a second run out of a checkpoint folder. */
import { HermeticError } from '../../base/errors.ts';
import { lockIn } from '../../protocol/node/lock.ts';

/**
 * Locks an existing folder until the function that it gives is called. Where the system has no sockets of this kind,
 * the folder stays open to all.
 * @throws HermeticError DISK where another process, or this one, holds the lock
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const lock = await lockIn(folder, 'run');
  if (lock !== undefined) return lock.release;
  throw new HermeticError('DISK', `another run is at work in ${folder}`, {
    mend: 'Wait until it has ended, or name another checkpoint folder.',
  });
}
