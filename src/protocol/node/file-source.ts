/** Reads a file of Node's file system as a `ByteSource`. */
import { type FileHandle, open } from 'node:fs/promises';
import { HermeticError } from '../../base/errors.ts';
import { badFile } from '../bad-file.ts';
import type { ByteSource } from '../byte-source.ts';
import { type FileKind, fileKind } from '../file-kind.ts';
import { diskError } from './disk-error.ts';

export interface FileSourceOptions {
  /** Refuses a file that the group or others may read, write or run: for keys. No effect on Windows. */
  readonly requirePrivate?: boolean;
}

/** Kinds that are made to be handed out. */
const PUBLIC: readonly FileKind[] = [
  'trainer-keys',
  'bootstrapping-keys',
  'teaching-keys',
  'sealed-model',
  'sealed-predictions',
  'teaching-model',
  'safetensors',
];

export interface FileSource extends ByteSource {
  readonly size: number;
  close(): Promise<void>;
}

/** Opens a regular file. Throws DISK where it cannot be opened, BAD_FILE for a folder, a pipe or open permissions. */
export async function openFileSource(path: string, options: FileSourceOptions = {}): Promise<FileSource> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw diskError(error, 'read', path);
  }
  try {
    // The open handle is asked, not the path: the file cannot be exchanged in between.
    const { size, mode, isFile } = await statOf(handle);
    if (!isFile) throw badFile(`${path} is not a regular file`, { mend: 'Name a file.' });
    if (options.requirePrivate === true && isExposed(mode)) throw await exposed(handle, size, mode, path);
    return { size, read: reader(handle, size, path), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw diskError(error, 'read', path);
  }
}

/** Opens, uses and closes. */
export async function withFileSource<T>(
  path: string,
  use: (source: FileSource) => Promise<T>,
  options: FileSourceOptions = {},
): Promise<T> {
  const source = await openFileSource(path, options);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

async function statOf(handle: FileHandle): Promise<{ size: number; mode: number; isFile: boolean }> {
  const stats = await handle.stat();
  return { size: stats.size, mode: stats.mode, isFile: stats.isFile() };
}

function isExposed(mode: number): boolean {
  return process.platform !== 'win32' && (mode & 0o077) !== 0;
}

/** A file that need not be secret is the wrong one: nothing would be mended by closing it to others. */
async function exposed(handle: FileHandle, size: number, mode: number, path: string): Promise<HermeticError> {
  const kind = await fileKind({ size, read: reader(handle, size, path) });
  if (PUBLIC.includes(kind)) {
    return badFile(`${path} is no secret key`, {
      expected: "an owner's key",
      got: kind,
      mend: 'Name the file owner.key.',
    });
  }
  return new HermeticError('BAD_FILE', `others may read the key file ${path}`, {
    expected: 'mode 600',
    got: `mode ${(mode & 0o777).toString(8)}`,
    mend: `chmod 600 ${path}`,
  });
}

/** Sequential reads; allocates what the file still holds at most. */
function reader(handle: FileHandle, size: number, path: string): (length: number) => Promise<Uint8Array> {
  let position = 0;
  return async (length) => {
    const bytes = new Uint8Array(Math.min(length, Math.max(0, size - position)));
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await handle
        .read(bytes, filled, bytes.length - filled, position)
        .catch((error: unknown) => {
          throw diskError(error, 'read', path);
        });
      if (bytesRead === 0) break;
      filled += bytesRead;
      position += bytesRead;
    }
    return bytes.subarray(0, filled);
  };
}
