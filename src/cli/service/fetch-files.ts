/**
 * Brings the files of a joined folder to what the service has for the party: those that are there already stay, those
 * that broke off go on, and none takes its place before its SHA-256 was compared.
 */

import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { HermeticError } from '../../base/errors.ts';
import type { FileDigest } from '../../client/download.ts';
import type { TrainerFile } from '../../client/service-client.ts';
import type { ByteSink } from '../../protocol/byte-source.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import type { Me } from '../../protocol/service/types.ts';
import type { Console } from '../console.ts';
import { HashingSink } from './hashing-sink.ts';
import type { JoinedFolder } from './joined-folder.ts';

/** Names of those that were fetched. HermeticError DISK, BAD_FILE, ABORTED, and as the client throws. */
export async function fetchFiles(console: Console, { client, paths }: JoinedFolder, me: Me): Promise<TrainerFile[]> {
  const { keys, model, bootstrappingKeys } = me.files;
  const files: readonly (readonly [TrainerFile, string, FileDigest | undefined])[] = [
    ['keys', paths.keys, keys],
    ['bootstrapping-keys', paths.bootstrappingKeys, bootstrappingKeys],
    ['model', paths.model, model],
  ];
  const fetched: TrainerFile[] = [];
  for (const [file, path, digest] of files) {
    if (digest === undefined || (await isThere(path, digest))) continue;
    const download = (offset: number, onProgress: (received: number) => void) =>
      client.download(file, { offset, onProgress, signal: console.io.signal });
    await fetchFile(console, path, digest, download);
    fetched.push(file);
  }
  return fetched;
}

type Download = (offset: number, onProgress: (received: number) => void) => ReadableStream<Uint8Array>;

const MEGABYTE = 1e6;

async function fetchFile(console: Console, path: string, digest: FileDigest, download: Download): Promise<void> {
  const partial = `${path}.part`;
  const progress = console.progress({
    unit: 'MB',
    title: basename(path),
    total: Math.ceil(digest.bytes / MEGABYTE),
  });
  try {
    const handle = await open(partial, 'a+');
    try {
      const sink = new HashingSink(appending(handle));
      await hashWhatIsThere(handle, sink);
      const onProgress = (received: number) => progress.update(Math.floor(received / MEGABYTE));
      if (sink.bytes < digest.bytes) await sink.takeAll(download(sink.bytes, onProgress));
      sink.requireDigest(digest);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
  } catch (error) {
    if (error instanceof HermeticError && error.code === 'BAD_FILE') await unlink(partial).catch(() => {});
    throw error instanceof HermeticError ? error : diskError(error, 'write', path);
  } finally {
    progress.stop();
  }
}

function appending(handle: FileHandle): ByteSink {
  return {
    write: async (bytes) => {
      await handle.appendFile(bytes);
    },
  };
}

const BLOCK = 2 ** 20;

async function hashWhatIsThere(handle: FileHandle, sink: HashingSink): Promise<void> {
  const block = new Uint8Array(BLOCK);
  for (;;) {
    const { bytesRead } = await handle.read(block, 0, BLOCK, sink.bytes);
    if (bytesRead === 0) return;
    sink.pass(block.subarray(0, bytesRead));
  }
}

async function isThere(path: string, digest: FileDigest): Promise<boolean> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => undefined,
  );
  if (size !== digest.bytes) return false;
  const handle = await open(path, 'r');
  try {
    const sink = new HashingSink(appending(handle));
    await hashWhatIsThere(handle, sink);
    sink.requireDigest(digest);
    return true;
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}
