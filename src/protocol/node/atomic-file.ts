/**
 * Writes a file such that its name holds the old file or the whole new one, never a part: a temporary file in the same
 * folder, fsync, rename, fsync of the folder. A process that is killed leaves at most a file `.name.*.tmp` behind.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';
import type { ByteSink } from '../byte-source.ts';
import { diskError } from './disk-error.ts';

export interface AtomicWriteOptions {
  /** Permissions, 0o600 for keys. Default: what the umask leaves of 0o666. */
  readonly mode?: number;
}

/**
 * Calls `produce` with a sink and, when it is done, puts the file in place; returns what `produce` returned. When
 * anything throws, the temporary file is removed and the old file stays. System errors become DISK.
 */
export async function writeFileAtomically<T>(
  path: string,
  produce: (sink: ByteSink) => Promise<T>,
  options: AtomicWriteOptions = {},
): Promise<T> {
  const target = await writableTarget(path);
  const folder = dirname(target);
  const temporary = join(folder, `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const result = await writeTemporary(temporary, produce, options);
    await rename(temporary, target);
    await syncFolder(folder);
    return result;
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw diskError(error, 'write', path);
  }
}

/**
 * The path with its links followed, where a file may be put. DISK for a device or a pipe: a rename would not write to
 * /dev/null but take its place.
 */
export async function writableTarget(path: string): Promise<string> {
  const there = await stat(path).catch(() => undefined);
  if (there === undefined) return path;
  if (there.isFile() || there.isDirectory()) return realpath(path);
  throw new HermeticError('DISK', `${path} is no file`, {
    expected: 'a file, which is written as a whole or not at all',
    got: 'a device or a pipe',
    mend: 'Name a file.',
  });
}

async function writeTemporary<T>(
  temporary: string,
  produce: (sink: ByteSink) => Promise<T>,
  { mode }: AtomicWriteOptions,
): Promise<T> {
  const handle = await open(temporary, 'wx', mode ?? 0o666);
  try {
    if (mode !== undefined) await handle.chmod(mode);
    const result = await produce({ write: (bytes) => writeFully(handle, bytes) });
    await handle.sync();
    return result;
  } finally {
    await handle.close();
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written);
    written += bytesWritten;
  }
}

/** Makes the new name itself durable. Not every platform lets a folder be opened; the rename is done regardless. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle === undefined) return;
  await handle.sync().catch(() => {});
  await handle.close();
}
