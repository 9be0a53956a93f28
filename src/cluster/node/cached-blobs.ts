/** A store behind a folder of this machine: what was fetched or made once is not fetched again while there is room. */
import type { BlobStore } from '../blob-store.ts';
import { folderBlobs } from './folder-blobs.ts';

/** Keeps at most `maxBytes` in the folder, the latest used. What an earlier process left there is used but not counted. */
export function cachedBlobs(store: BlobStore, folder: string, maxBytes: number): BlobStore {
  const cache = folderBlobs(folder);
  /** Oldest first. */
  const sizes = new Map<string, number>();
  let total = 0;

  async function note(name: string, bytes: number): Promise<void> {
    total += bytes - (sizes.get(name) ?? 0);
    sizes.delete(name);
    sizes.set(name, bytes);
    for (const [oldest, size] of sizes) {
      if (total <= maxBytes || oldest === name) break;
      sizes.delete(oldest);
      total -= size;
      await cache.remove(oldest);
    }
  }

  return {
    put: async (bytes) => {
      const name = await store.put(bytes);
      await cache.put(bytes);
      await note(name, bytes.length);
      return name;
    },
    get: async (name, most) => {
      const kept = await cache.get(name, most).catch(() => undefined);
      const bytes = kept ?? (await store.get(name, most));
      if (kept === undefined) await cache.put(bytes);
      await note(name, bytes.length);
      return bytes;
    },
    remove: async (name) => {
      await store.remove(name);
      await cache.remove(name);
    },
  };
}
