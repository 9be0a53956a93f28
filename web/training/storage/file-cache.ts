/** Files of the service, kept by their SHA-256: fetched once, gone on with where a download broke off, and checked. */

import { readAll } from 'hermetic/protocol';
import { HermeticError } from 'hermetic/trainer';
import type { FileDigest } from '../api.ts';
import type { FileStore } from './file-store.ts';
import { withLock } from './locks.ts';

const FOLDER = 'files';

export interface CachedFile {
  readonly path: string;
  /** Bytes that had to be fetched. */
  readonly fetched: number;
}

/** The rest of a file from a byte on. */
export type Download = (offset: number) => ReadableStream<Uint8Array>;

/**
 * The path of the file in `store`, after it was fetched if need be. One tab fetches, others wait.
 * @param onProgress bytes that are there, of `file.bytes`
 * @throws HermeticError BAD_FILE where what came is not the file; DISK; what the download throws
 */
export async function fetchOnce(
  store: FileStore,
  file: FileDigest,
  download: Download,
  onProgress: (done: number) => void,
): Promise<CachedFile> {
  const path = `${FOLDER}/${file.sha256}`;
  return withLock(`hermetic-file-${file.sha256}`, async () => {
    if ((await store.size(path)) === file.bytes) {
      onProgress(file.bytes);
      return { path, fetched: 0 };
    }
    const part = `${path}.part`;
    if (((await store.size(part)) ?? 0) > file.bytes) await store.remove(part);
    const fetched = await fetchRest(store, part, file, download, onProgress);
    await requireDigest(store, part, file);
    await store.move(part, path);
    return { path, fetched };
  });
}

async function fetchRest(
  store: FileStore,
  part: string,
  file: FileDigest,
  download: Download,
  onProgress: (done: number) => void,
): Promise<number> {
  let fetched = 0;
  await store.append(part, async (sink, length) => {
    onProgress(length);
    if (length === file.bytes) return;
    const reader = download(length).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      fetched += value.length;
      if (length + fetched > file.bytes) {
        await reader.cancel();
        return;
      }
      await sink.write(value);
      onProgress(length + fetched);
    }
  });
  return fetched;
}

/** One digest of the whole: WebCrypto takes no stream. */
async function requireDigest(store: FileStore, part: string, file: FileDigest): Promise<void> {
  const size = await store.size(part);
  const digest =
    size === file.bytes ? await store.read(part, async (source) => sha256(await readAll(source, size))) : '';
  if (digest === file.sha256) return;
  await store.remove(part);
  throw new HermeticError('BAD_FILE', 'what arrived is not the file that the service announced', {
    mend: 'Load the network again; where that fails too, tell the owner.',
  });
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Removes the files that are not among `needed` (SHA-256), downloads under way apart. */
export async function keepOnly(store: FileStore, needed: ReadonlySet<string>): Promise<void> {
  for (const name of await store.list(FOLDER)) {
    if (!name.endsWith('.part') && !needed.has(name)) await store.remove(`${FOLDER}/${name}`);
  }
}
