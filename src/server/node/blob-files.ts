/**
 * Files by the SHA-256 of their bytes. A name holds the whole file or does not exist: what is written goes to another name
 * first, is hashed on its way, forced to the disk and then renamed. Files are never changed.
 */
import { createHash } from 'node:crypto';
import { link, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ByteSink } from '../../protocol/byte-source.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import { type FileSource, withFileSource } from '../../protocol/node/file-source.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { randomId, syncFolder, writeAll } from './durable.ts';

export interface Blob {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

const NAME = /^[0-9a-f]{64}$/;
const UNFINISHED = '.unfinished';
const CHUNK = 2 ** 18;

export class BlobFiles {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Opens the folder, made where it is missing, and removes what a process that died left unfinished. */
  static async open(folder: string): Promise<BlobFiles> {
    await makeFolder(folder);
    for (const name of await readdir(folder)) if (name.endsWith(UNFINISHED)) await unlink(join(folder, name));
    return new BlobFiles(folder);
  }

  /** The same folder for another thread of the process that opened it. */
  static attach(folder: string): BlobFiles {
    return new BlobFiles(folder);
  }

  get folder(): string {
    return this.#folder;
  }

  /** Stores what `produce` writes. @throws HermeticError DISK; what `produce` throws: then nothing is stored */
  async put<T>(produce: (sink: ByteSink) => Promise<T>): Promise<Blob & { readonly result: T }> {
    const temporary = join(this.#folder, `${randomId()}${UNFINISHED}`);
    try {
      const hash = createHash('sha256');
      let bytes = 0;
      const handle = await open(temporary, 'wx', 0o600);
      try {
        const write = async (part: Uint8Array): Promise<void> => {
          hash.update(part);
          await writeAll(handle, part);
          bytes += part.length;
        };
        const result = await produce({ write });
        await handle.sync();
        const sha256 = hash.digest('hex');
        await this.#place(temporary, sha256);
        return { sha256, bytes, result };
      } finally {
        await handle.close();
      }
    } catch (error) {
      await unlink(temporary).catch(() => {});
      throw diskError(error, 'write', this.#folder);
    }
  }

  async putBytes(bytes: Uint8Array): Promise<Blob> {
    return this.put((sink) => sink.write(bytes));
  }

  /**
   * Gives a file that lies on the same disk, and was forced there, its name here beside the one it has; its hash is the
   * caller's word.
   */
  async adopt(path: string, sha256: string): Promise<void> {
    const target = this.pathOf(sha256);
    try {
      await makeFolder(dirname(target));
      await link(path, target).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      await syncFolder(dirname(target));
    } catch (error) {
      throw diskError(error, 'write', target);
    }
  }

  async #place(path: string, sha256: string): Promise<void> {
    const target = this.pathOf(sha256);
    await makeFolder(dirname(target));
    await rename(path, target);
    await syncFolder(dirname(target));
  }

  pathOf(sha256: string): string {
    if (!NAME.test(sha256)) throw new RangeError('sha256: expected 64 hexadecimal digits');
    return join(this.#folder, sha256.slice(0, 2), sha256);
  }

  /** Reads a whole file as its reader wants it. @throws HermeticError DISK; what `use` throws */
  async with<T>(sha256: string, use: (source: FileSource) => Promise<T>): Promise<T> {
    return withFileSource(this.pathOf(sha256), use);
  }

  /** @throws HermeticError DISK */
  async bytes(sha256: string): Promise<Uint8Array> {
    return this.with(sha256, (source) => source.read(source.size));
  }

  /** Bytes start … end − 1. The file is opened when the first are asked for. */
  stream(sha256: string, start: number, end: number): ReadableStream<Uint8Array> {
    return fileStream(this.pathOf(sha256), start, end);
  }

  async has(sha256: string): Promise<boolean> {
    return (await stat(this.pathOf(sha256)).catch(() => undefined))?.isFile() ?? false;
  }

  async remove(sha256: string): Promise<void> {
    await unlink(this.pathOf(sha256)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw diskError(error, 'write', this.#folder);
    });
  }

  /** Removes every file that is not to be kept; returns how many. For a time when nobody writes. */
  async sweep(keep: ReadonlySet<string>): Promise<number> {
    let removed = 0;
    for (const shelf of await readdir(this.#folder)) {
      for (const name of await readdir(join(this.#folder, shelf)).catch(() => [])) {
        if (!NAME.test(name) || keep.has(name)) continue;
        await this.remove(name);
        removed++;
      }
    }
    return removed;
  }
}

function fileStream(path: string, start: number, end: number): ReadableStream<Uint8Array> {
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  let position = start;
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        handle ??= await open(path, 'r');
        const chunk = new Uint8Array(Math.min(CHUNK, end - position));
        const { bytesRead } =
          chunk.length === 0 ? { bytesRead: 0 } : await handle.read(chunk, 0, chunk.length, position);
        position += bytesRead;
        if (bytesRead > 0) controller.enqueue(chunk.subarray(0, bytesRead));
        if (position < end && bytesRead > 0) return;
        await handle.close();
        if (position < end) controller.error(new Error('the file is shorter than it was'));
        else controller.close();
      },
      cancel: async () => {
        await handle?.close();
      },
    },
    { highWaterMark: 0 },
  );
}
