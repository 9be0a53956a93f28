import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryBlobs } from '../../../test/fixtures/memory-blobs.ts';
import { utf8ToBytes } from '../../base/bytes.ts';
import { type BlobStore, blobName } from '../blob-store.ts';
import { httpBlobs } from '../http-blobs.ts';
import { type BlobServer, serveBlobs } from './blob-server.ts';
import { cachedBlobs } from './cached-blobs.ts';
import { folderBlobs } from './folder-blobs.ts';

const TOKEN = 'a token';
let folder: string;
let server: BlobServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermetic-blobs-'));
  server = await serveBlobs({ folder: join(folder, 'served'), token: TOKEN, port: 0, maxBytes: 1000 });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const stores: [string, () => BlobStore][] = [
  ['in memory', memoryBlobs],
  ['in a folder', () => folderBlobs(join(folder, 'plain'))],
  ['over HTTP', () => httpBlobs({ url: server.url, token: TOKEN })],
  ['behind a cache', () => cachedBlobs(httpBlobs({ url: server.url, token: TOKEN }), join(folder, 'cache'), 50)],
];

describe.each(stores)('a store of blobs %s', (name, open) => {
  it('gives what was put under its hash, and nothing else', async () => {
    const store = open();
    const bytes = utf8ToBytes(`some bytes ${name}`);
    const hash = await store.put(bytes);
    expect(hash).toBe(await blobName(bytes));
    expect(await store.put(bytes)).toBe(hash);
    expect(Buffer.from(await store.get(hash, 100)).equals(bytes)).toBe(true);
    await expect(store.get(hash, 5)).rejects.toMatchObject({ code: 'BAD_FILE' });
    await expect(store.get('0'.repeat(64), 100)).rejects.toThrow(/missing/);
    await store.remove(hash);
    await store.remove(hash);
    await expect(store.get(hash, 100)).rejects.toThrow(/missing/);
  });
});

describe('a folder of blobs', () => {
  it('has lost a blob that is not what its name says, and takes it anew', async () => {
    const store = folderBlobs(join(folder, 'torn'));
    const bytes = utf8ToBytes('whole');
    const hash = await store.put(bytes);
    await writeFile(store.path(hash), 'whol');
    await expect(store.get(hash, 100)).rejects.toThrow(/missing/);
    await store.put(bytes);
    await writeFile(store.path(hash), 'torn!');
    await expect(store.get(hash, 100)).rejects.toThrow(/missing/);
    expect(existsSync(store.path(hash))).toBe(false);
    // Another of the same length does not keep the true one out.
    await writeFile(store.path(hash), 'false');
    await store.put(bytes);
    expect(Buffer.from(await store.get(hash, 100)).equals(bytes)).toBe(true);
    expect(() => store.path('../../etc/passwd')).toThrow(RangeError);
  });
});

describe('a cache of blobs', () => {
  it('keeps the latest within its size, and asks the store once', async () => {
    const behind = memoryBlobs();
    let asked = 0;
    const get = (name: string, most: number) => {
      asked++;
      return behind.get(name, most);
    };
    const counting = { ...behind, get };
    const store = cachedBlobs(counting, join(folder, 'small'), 30);
    const names = [];
    for (const text of ['a', 'b', 'c', 'd']) names.push(await behind.put(utf8ToBytes(text.repeat(10))));
    for (const name of [names[0], names[0], names[1], names[2], names[0]]) await store.get(name, 100);
    expect(asked).toBe(3);
    await store.get(names[3], 100);
    await store.get(names[0], 100);
    expect(asked).toBe(4);
    await store.get(names[1], 100);
    expect(asked).toBe(5);
  });
});

describe('the server of blobs', () => {
  const send = (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(path, server.url), { method, headers: { authorization: `Bearer ${TOKEN}` }, ...init });

  it('answers those who know the token, and tells others nothing', async () => {
    const name = await httpBlobs({ url: server.url, token: TOKEN }).put(utf8ToBytes('secret'));
    for (const headers of [{}, { authorization: 'Bearer guess' }, { authorization: TOKEN }]) {
      expect((await fetch(`${server.url}/blobs/${name}`, { headers })).status).toBe(401);
      expect((await fetch(`${server.url}/nothing`, { headers })).status).toBe(401);
    }
    const stranger = httpBlobs({ url: server.url, token: 'guess' });
    await expect(stranger.get(name, 100)).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    expect((await send('GET', `/blobs/${name}`)).status).toBe(200);
    expect((await send('POST', `/blobs/${name}`)).status).toBe(405);
    for (const path of ['/', '/blobs/', '/blobs/..%2f..%2fpasswd', `/blobs/${name}x`]) {
      expect((await send('GET', path)).status).toBe(404);
    }
  });

  it('keeps nothing that is not what its name says, or is too long', async () => {
    const name = await blobName(utf8ToBytes('promised'));
    expect((await send('PUT', `/blobs/${name}`, { body: 'delivered' })).status).toBe(422);
    expect((await send('GET', `/blobs/${name}`)).status).toBe(404);
    expect((await send('PUT', `/blobs/${name}`, { body: 'x'.repeat(1001) })).status).toBe(413);
    const left = readdirSync(join(folder, 'served'), { recursive: true, encoding: 'utf8' });
    expect(left.filter((file) => file.endsWith('.tmp'))).toEqual([]);
  });

  it('whose answer breaks off is asked again', async () => {
    const bytes = utf8ToBytes('all of it');
    const name = await blobName(bytes);
    let calls = 0;
    const torn = createServer((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      if (++calls > 2) response.end(bytes);
      else response.write(bytes.subarray(0, 3), () => response.destroy());
    });
    await new Promise<void>((resolve) => torn.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(torn.address() as AddressInfo).port}`;
    try {
      const hasty = httpBlobs({ url, token: TOKEN, attempts: 2, retryDelayMs: 1 });
      await expect(hasty.get(name, 100)).rejects.toMatchObject({ code: 'CLUSTER' });
      expect(Buffer.from(await hasty.get(name, 100)).equals(bytes)).toBe(true);
      expect(calls).toBe(3);
      // What is whole and another is not asked for again.
      await expect(hasty.get('0'.repeat(64), 100)).rejects.toMatchObject({ code: 'BAD_FILE' });
      expect(calls).toBe(4);
    } finally {
      torn.close();
    }
  });

  it('that is away is waited for, and then named', async () => {
    const store = httpBlobs({ url: 'http://127.0.0.1:9', token: TOKEN, attempts: 2, retryDelayMs: 1 });
    await expect(store.put(utf8ToBytes('x'))).rejects.toMatchObject({
      code: 'CLUSTER',
      message: expect.stringMatching(/cannot be reached/),
    });
  });
});
