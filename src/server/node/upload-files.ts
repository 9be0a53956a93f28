/**
 * Files that arrive in parts. How much of one is there is the length of its file and nothing else, so that a process
 * that died in the middle of a part goes on from where the disk got to; the SHA-256 of the whole is compared at the end.
 */
import { createHash } from 'node:crypto';
import { open, readdir, stat, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../../protocol/node/disk-error.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { writeAll } from './durable.ts';

export class UploadFiles {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(folder: string): Promise<UploadFiles> {
    await makeFolder(folder);
    return new UploadFiles(folder);
  }

  pathOf(id: string): string {
    if (!/^[0-9a-f]{16,64}$/.test(id)) throw new RangeError('id: expected hexadecimal digits');
    return join(this.#folder, id);
  }

  /** Bytes that arrived; 0 where there is no file yet. */
  async received(id: string): Promise<number> {
    return (await stat(this.pathOf(id)).catch(() => undefined))?.size ?? 0;
  }

  /**
   * Appends what the stream brings. Where it breaks off, the bytes that came before stay.
   * @param most bytes that may come; with more, `tooLong` is thrown and those that fit stay
   * @throws HermeticError DISK; what the stream throws
   */
  async append(id: string, stream: AsyncIterable<Uint8Array>, most: number, tooLong: () => Error): Promise<void> {
    const path = this.pathOf(id);
    try {
      const handle = await open(path, 'a', 0o600);
      try {
        let arrived = 0;
        for await (const chunk of stream) {
          if (arrived + chunk.length > most) throw tooLong();
          await writeAll(handle, chunk);
          arrived += chunk.length;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw diskError(error, 'write', path);
    }
  }

  /** SHA-256 of what is there, in hexadecimal. */
  async digest(id: string): Promise<string> {
    const handle = await open(this.pathOf(id), 'r');
    const hash = createHash('sha256');
    for await (const chunk of handle.createReadStream()) hash.update(chunk as Uint8Array);
    return hash.digest('hex');
  }

  /** Back to the beginning. */
  async empty(id: string): Promise<void> {
    await truncate(this.pathOf(id), 0);
  }

  async remove(id: string): Promise<void> {
    await unlink(this.pathOf(id)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw diskError(error, 'write', this.#folder);
    });
  }

  /** Removes the files of uploads that are not to be kept. */
  async sweep(keep: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#folder)) if (!keep.has(name)) await this.remove(name);
  }
}
