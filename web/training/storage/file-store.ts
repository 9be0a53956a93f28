/** Files that this browser keeps for the page, by path: on disk (`opfs.ts`), or in memory where it gives no storage. */
import { type ByteSink, type ByteSource, memorySink, memorySource, readAll } from 'hermetic/protocol';
import { HermeticError } from 'hermetic/trainer';

export interface FileStore {
  readonly kind: 'disk' | 'memory';
  /** Names of the files and folders in a folder; none where there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Bytes of a file, undefined where there is none. */
  size(path: string): Promise<number | undefined>;
  /** @throws HermeticError DISK where there is no such file */
  read<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T>;
  /** For the page: bytes that are read when they are needed. Undefined where there is no such file. */
  blob(path: string): Promise<Blob | undefined>;
  /** All that `produce` writes, or, where it or the worker ends before, the file as it was. @throws HermeticError DISK */
  write(path: string, produce: (sink: ByteSink) => Promise<void>): Promise<void>;
  /** Goes on behind the `length` bytes that are there. What is written stays, whatever happens after. */
  append(path: string, produce: (sink: ByteSink, length: number) => Promise<void>): Promise<void>;
  /** Replaces what stood at `to`. */
  move(from: string, to: string): Promise<void>;
  /** A file, or a folder with all that it holds; nothing where there is none. */
  remove(path: string): Promise<void>;
}

export function noFile(path: string): HermeticError {
  return new HermeticError('DISK', `this browser does not hold ${path} any more`, {
    mend: 'Load the network again; browsers clear storage when they need room.',
  });
}

const MAX_TEXT_BYTES = 2 ** 20;

export async function readText(store: FileStore, path: string): Promise<string> {
  return new TextDecoder().decode(await store.read(path, (source) => readAll(source, MAX_TEXT_BYTES)));
}

export async function writeText(store: FileStore, path: string, text: string): Promise<void> {
  await store.write(path, (sink) => sink.write(new TextEncoder().encode(text)));
}

/** Lives as long as the worker. */
export function memoryStore(): FileStore {
  const files = new Map<string, Uint8Array>();
  const get = (path: string): Uint8Array => {
    const bytes = files.get(path);
    if (bytes === undefined) throw noFile(path);
    return bytes;
  };
  return {
    kind: 'memory',
    list: async (folder) => {
      const below = [...files.keys()].filter((path) => path.startsWith(`${folder}/`));
      return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/', 1)[0]))];
    },
    size: async (path) => files.get(path)?.length,
    read: async (path, use) => use(memorySource(get(path))),
    blob: async (path) => {
      const bytes = files.get(path);
      return bytes && new Blob([bytes as Uint8Array<ArrayBuffer>]);
    },
    write: async (path, produce) => {
      const sink = memorySink();
      await produce(sink);
      files.set(path, sink.bytes());
    },
    append: async (path, produce) => {
      const before = files.get(path) ?? new Uint8Array(0);
      const sink = memorySink();
      await sink.write(before);
      try {
        await produce(sink, before.length);
      } finally {
        files.set(path, sink.bytes());
      }
    },
    move: async (from, to) => {
      files.set(to, get(from));
      files.delete(from);
    },
    remove: async (path) => {
      for (const name of [...files.keys()]) if (name === path || name.startsWith(`${path}/`)) files.delete(name);
    },
  };
}
