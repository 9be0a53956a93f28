/**
 * Files in the origin's private file system (WHATWG File System), written through synchronous access handles: the fastest
 * way, and open to workers alone. A file is written beside its place and then moved there, so it is whole or not there.
 */
import type { ByteSink, ByteSource } from 'hermetic/protocol';
import { HermeticError } from 'hermetic/trainer';
import { type FileStore, memoryStore, noFile } from './file-store.ts';

/** What TypeScript's library for pages leaves out, for it exists in workers only. */
interface SyncAccessHandle {
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  getSize(): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

interface PrivateFile extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
  move(folder: FileSystemDirectoryHandle, name: string): Promise<void>;
}

const FOLDER = 'hermetic';
const UNFINISHED = '.unfinished';

/** The origin's files; in memory where the browser gives none (private windows of some, insecure origins). */
export async function openStore(): Promise<FileStore> {
  try {
    const root = await navigator.storage.getDirectory();
    const store = privateStore(await root.getDirectoryHandle(FOLDER, { create: true }));
    await store.write('probe', (sink) => sink.write(Uint8Array.of(1)));
    await store.remove('probe');
    return store;
  } catch {
    return memoryStore();
  }
}

function privateStore(root: FileSystemDirectoryHandle): FileStore {
  const folderOf = async (path: string, create: boolean): Promise<FileSystemDirectoryHandle> => {
    let folder = root;
    for (const name of path.split('/').slice(0, -1)) folder = await folder.getDirectoryHandle(name, { create });
    return folder;
  };
  const fileAt = async (path: string, create: boolean): Promise<PrivateFile> => {
    const folder = await folderOf(path, create);
    return (await folder.getFileHandle(nameOf(path), { create })) as PrivateFile;
  };
  const existing = (path: string): Promise<PrivateFile | undefined> => fileAt(path, false).catch(ifMissing);
  const move = async (from: string, to: string): Promise<void> => {
    const file = await existing(from);
    if (file === undefined) throw noFile(from);
    await file.move(await folderOf(to, true), nameOf(to)).catch(rethrow);
  };
  const remove = async (path: string): Promise<void> => {
    const folder = await folderOf(path, false).catch(ifMissing);
    await folder?.removeEntry(nameOf(path), { recursive: true }).catch(ifMissing);
  };
  return {
    kind: 'disk',
    list: async (path) => {
      const folder = await folderOf(`${path}/`, false).catch(ifMissing);
      const names: string[] = [];
      for await (const name of folder?.keys() ?? []) if (!name.endsWith(UNFINISHED)) names.push(name);
      return names;
    },
    size: async (path) => (await (await existing(path))?.getFile())?.size,
    read: async (path, use) => {
      const file = await existing(path);
      if (file === undefined) throw noFile(path);
      return use(sourceOf(await file.getFile()));
    },
    blob: async (path) => (await existing(path))?.getFile(),
    write: async (path, produce) => {
      const unfinished = path + UNFINISHED;
      await withHandle(await fileAt(unfinished, true).catch(rethrow), async (handle) => {
        handle.truncate(0);
        await produce(sinkOf(handle));
      });
      await move(unfinished, path);
    },
    append: async (path, produce) => {
      await withHandle(await fileAt(path, true).catch(rethrow), (handle) => produce(sinkOf(handle), handle.getSize()));
    },
    move,
    remove,
  };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** One user at a time: a file in use elsewhere is an error of the system's, told as ours. */
async function withHandle<T>(file: PrivateFile, use: (handle: SyncAccessHandle) => Promise<T>): Promise<T> {
  const handle = await file.createSyncAccessHandle().catch(rethrow);
  try {
    const result = await use(handle);
    handle.flush();
    return result;
  } catch (error) {
    throw asDiskError(error);
  } finally {
    handle.close();
  }
}

/** Bytes that are read at a time: fewer calls for files of many small parts. */
const READ_AHEAD = 2 ** 22;

/** Of a snapshot, so that other tabs may read the same file. */
function sourceOf(file: File): ByteSource {
  let buffer: Uint8Array = new Uint8Array(0);
  let position = 0;
  return {
    size: file.size,
    read: async (length) => {
      if (buffer.length < length && position < file.size) {
        const begin = position - buffer.length;
        const end = Math.min(file.size, begin + Math.max(length, READ_AHEAD));
        buffer = new Uint8Array(await file.slice(begin, end).arrayBuffer().catch(rethrow));
        position = end;
      }
      const part = buffer.subarray(0, length);
      buffer = buffer.subarray(part.length);
      return part;
    },
  };
}

function sinkOf(handle: SyncAccessHandle): ByteSink {
  let position = handle.getSize();
  return {
    write: async (bytes) => {
      const written = handle.write(bytes, { at: position });
      position += written;
      if (written !== bytes.length) throw new DOMException('the disk is full', 'QuotaExceededError');
    },
  };
}

function ifMissing(error: unknown): undefined {
  if (error instanceof DOMException && error.name === 'NotFoundError') return undefined;
  throw asDiskError(error);
}

function rethrow(error: unknown): never {
  throw asDiskError(error);
}

/** Errors of the file system in our words; all others as they are. */
function asDiskError(error: unknown): unknown {
  if (!(error instanceof DOMException)) return error;
  if (error.name === 'QuotaExceededError') {
    return new HermeticError('DISK', 'this browser gives the page no more room', {
      mend: 'Discard runs that are no longer needed, or free space on the disk.',
      cause: error,
    });
  }
  if (error.name === 'NoModificationAllowedError') {
    return new HermeticError('DISK', 'another tab is using the same file', { mend: 'Close it.', cause: error });
  }
  if (error.name === 'AbortError') return error;
  return new HermeticError('DISK', `this browser's storage failed (${error.name})`, {
    mend: 'Load the page again.',
    cause: error,
  });
}
