/**
 * Blobs in a folder, `ab/ab12…`. A name is given by a rename and stands for the whole blob. Nothing is forced to the
 * disk: a blob that a crash of the machine tears does not have its hash, counts as missing, and is made again.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../../protocol/node/disk-error.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { BLOB_NAME, type BlobStore, blobTooLarge, missingBlob } from '../blob-store.ts';

export interface FolderBlobs extends BlobStore {
  path(name: string): string;
  /** A new name to write to before a blob is put in place. */
  temporary(name: string): Promise<string>;
}

/** The folder is made when the first blob is stored. @throws HermeticError DISK */
export function folderBlobs(folder: string): FolderBlobs {
  const path = (name: string): string => {
    if (!BLOB_NAME.test(name)) throw new RangeError('a blob is named by 64 hexadecimal digits');
    return join(folder, name.slice(0, 2), name);
  };
  const temporary = async (name: string): Promise<string> => {
    await makeFolder(join(folder, name.slice(0, 2)));
    return `${path(name)}.${randomBytes(6).toString('hex')}.tmp`;
  };
  return {
    path,
    temporary,
    put: async (bytes) => {
      const name = nameOf(bytes);
      const target = path(name);
      if (await holds(target, name, bytes.length)) {
        await utimes(target, new Date(), new Date()).catch(() => {});
        return name;
      }
      const written = await temporary(name);
      try {
        await writeFile(written, bytes, { mode: 0o600 });
        await rename(written, target);
      } catch (error) {
        await unlink(written).catch(() => {});
        throw diskError(error, 'write', target);
      }
      return name;
    },
    get: async (name, maxBytes) => {
      const source = path(name);
      const there = await stat(source).catch(() => undefined);
      if (there === undefined) throw missingBlob(name);
      if (there.size > maxBytes) throw blobTooLarge(name, maxBytes);
      const bytes = await readFile(source).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'ENOENT' ? missingBlob(name) : diskError(error, 'read', source);
      });
      if (nameOf(bytes) === name) return bytes;
      await unlink(source).catch(() => {});
      throw missingBlob(name);
    },
    remove: async (name) => {
      await unlink(path(name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw diskError(error, 'write', path(name));
      });
    },
  };
}

/** What lies there is what its name says: torn by a crash, or put there by whoever can write to the folder, it is not. */
async function holds(path: string, name: string, size: number): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  if (there?.size !== size) return false;
  const bytes = await readFile(path).catch(() => undefined);
  return bytes !== undefined && nameOf(bytes) === name;
}

function nameOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
