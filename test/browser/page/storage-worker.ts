/** Tries the browser's storage where alone it can be tried: in a worker. Answers with what it saw. */
import { readAll } from 'hermetic/protocol';
import { fetchOnce } from '../../../web/training/storage/file-cache.ts';
import type { FileStore } from '../../../web/training/storage/file-store.ts';
import { memoryStore } from '../../../web/training/storage/file-store.ts';
import { openStore } from '../../../web/training/storage/opfs.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const contents = (store: FileStore, path: string): Promise<number[]> =>
  store.read(path, async (source) => [...(await readAll(source, 100))]);
const nameOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

/** What a write that fails, an append that fails and a move leave behind. */
async function files(store: FileStore): Promise<unknown> {
  await store.write('a/one', (sink) => sink.write(bytes(1, 2, 3)));
  const failing = store.write('a/one', async (sink) => {
    await sink.write(bytes(9, 9, 9, 9));
    throw new Error('amid a write');
  });
  const failed = await failing.catch(nameOf);
  const afterWrite = await contents(store, 'a/one');
  const cut = store.append('a/part', async (sink, length) => {
    await sink.write(bytes(length, 5));
    throw new Error('amid an append');
  });
  await cut.catch(nameOf);
  await store.append('a/part', (sink, length) => sink.write(bytes(length)));
  const names = [...(await store.list('a'))].toSorted();
  await store.move('a/part', 'a/one');
  const moved = { names: [...(await store.list('a'))], one: await contents(store, 'a/one') };
  const missing = await store.read('a/part', async () => 0).catch(nameOf);
  await store.remove('a');
  const left = [await store.list('a'), await store.size('a/one'), await store.blob('a/one')];
  return { failed, afterWrite, names, moved, missing, left };
}

/** A file of five bytes whose download breaks after two, then one that is damaged. */
async function downloads(store: FileStore): Promise<unknown> {
  const whole = bytes(1, 2, 3, 4, 5);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', whole as Uint8Array<ArrayBuffer>));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const file = { bytes: whole.length, sha256 };
  const offsets: number[] = [];
  const download =
    (end: number, damage = 0) =>
    (offset: number) => {
      offsets.push(offset);
      let next = offset;
      return new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (next < end) controller.enqueue(bytes(whole[next++] + damage));
          else if (end < whole.length) controller.error(new Error('broken off'));
          else controller.close();
        },
      });
    };
  const progress: number[] = [];
  const get = (stream: ReturnType<typeof download>) =>
    fetchOnce(store, file, stream, (done) => progress.push(done)).then(({ fetched }) => fetched, nameOf);
  const damaged = await get(download(5, 1));
  const broken = await get(download(2));
  const rest = await get(download(5));
  const again = await get(download(5));
  return { damaged, broken, rest, again, offsets, progress, kept: await contents(store, `files/${sha256}`) };
}

self.onmessage = async ({ data }: MessageEvent<'disk' | 'memory'>): Promise<void> => {
  try {
    const store = data === 'disk' ? await openStore() : memoryStore();
    self.postMessage({ kind: store.kind, files: await files(store), downloads: await downloads(store) });
  } catch (error) {
    self.postMessage(String(error));
  }
};
