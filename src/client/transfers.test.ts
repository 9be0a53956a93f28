import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { bytesToHex, concatBytes, sha256 } from '../base/bytes.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { ConnectionOptions } from './connection.ts';
import { collectVerified } from './download.ts';
import { downloadVerified, ServiceClient } from './service-client.ts';

const ID = '0123456789abcdef';
const random = new SeededRandom(5);
const content = Uint8Array.from({ length: 10_000 }, () => random.integer(256));
const digest = { bytes: content.length, sha256: bytesToHex(await sha256(content)) };

function clientOf(app: Hono, options: Partial<ConnectionOptions> = {}): ServiceClient {
  const send = ((url: URL, init: RequestInit) => app.request(url.href, init)) as typeof fetch;
  return new ServiceClient({ url: 'http://localhost:1', token: 'the-token', fetch: send, retryDelayMs: 0, ...options });
}

describe('a download', () => {
  /** Serves `content` with ranges, and breaks each connection after `pieces` pieces of 10,000 bytes. */
  function fileServer(pieces: number, etag: (call: number) => string = () => '"1"') {
    const starts: number[] = [];
    const app = new Hono().get('/v1/me/model', (context) => {
      const start = Number(/^bytes=(\d+)-$/.exec(context.req.header('range') ?? '')?.[1] ?? 0);
      starts.push(start);
      let position = start;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (position >= content.length) controller.close();
          else if (position - start >= pieces * 1_000) controller.error(new TypeError('terminated'));
          else controller.enqueue(content.subarray(position, (position += 1_000)));
        },
      });
      const range = `bytes ${start}-${content.length - 1}/${content.length}`;
      const headers: Record<string, string> = {
        etag: etag(starts.length),
        'content-length': `${content.length - start}`,
        ...(start > 0 && { 'content-range': range }),
      };
      return new Response(body, { status: start > 0 ? 206 : 200, headers });
    });
    return { app, starts };
  }

  it('goes on where the connection broke', async () => {
    const { app, starts } = fileServer(3);
    const seen: [number, number | undefined][] = [];
    const onProgress = (received: number, total: number | undefined) => seen.push([received, total]);
    expect(await downloadVerified(clientOf(app), 'model', digest, { onProgress })).toEqual(content);
    expect(starts).toEqual([0, 3_000, 6_000, 9_000]);
    expect(seen.at(-1)).toEqual([content.length, content.length]);
  });

  it('begins at an offset, and asks for nothing before it is read', async () => {
    const { app, starts } = fileServer(100);
    const stream = clientOf(app).download('model', { offset: 4_000 });
    expect(starts).toEqual([]);
    const parts: Uint8Array[] = [];
    for await (const part of stream as unknown as AsyncIterable<Uint8Array>) parts.push(part);
    expect(concatBytes(...parts)).toEqual(content.subarray(4_000));
    expect(starts).toEqual([4_000]);
  });

  it('gives up where connections bring nothing, and where the file changed', async () => {
    await expect(downloadVerified(clientOf(fileServer(0).app), 'model', digest)).rejects.toMatchObject({
      code: 'REFRESH_FAILED',
    });
    const moving = fileServer(2, (call) => `"${call}"`);
    await expect(downloadVerified(clientOf(moving.app), 'model', digest)).rejects.toMatchObject({ code: 'BAD_FILE' });
  });

  it('is refused where it is not what was announced', async () => {
    const { app } = fileServer(100);
    const client = clientOf(app);
    const other = { ...digest, sha256: '0'.repeat(64) };
    for (const wrong of [other, { ...digest, bytes: 9_999 }, { ...digest, bytes: 10_001 }]) {
      await expect(collectVerified(client.download('model'), wrong)).rejects.toMatchObject({ code: 'BAD_FILE' });
    }
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const { app } = fileServer(1);
    const onProgress = () => stop.abort();
    const download = downloadVerified(clientOf(app), 'model', digest, { onProgress, signal: stop.signal });
    await expect(download).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('an upload', () => {
  /** Takes parts as the contract says; `disturb` may answer instead, before or after the bytes are taken. */
  function uploadServer(disturb: (call: number) => 'lose' | 'lose answer' | undefined = () => undefined) {
    let received: Uint8Array = new Uint8Array(0);
    let calls = 0;
    const state = () => ({
      id: ID,
      received: received.length,
      bytes: content.length,
      state: received.length === content.length ? 'complete' : 'open',
    });
    const app = new Hono()
      .post('/v1/uploads', async (context) => {
        expect(await context.req.json()).toEqual({ kind: 'model', ...digest });
        return context.json(state());
      })
      .get(`/v1/uploads/${ID}`, (context) => context.json(state()))
      .patch(`/v1/uploads/${ID}`, async (context) => {
        const disturbance = disturb(++calls);
        if (disturbance === 'lose') throw new TypeError('lost');
        if (Number(context.req.query('offset')) !== received.length) {
          const error = { code: 'BAD_ARGUMENT', message: 'wrong offset', expected: `${received.length}` };
          return context.json({ schema: 1, error }, 409);
        }
        received = concatBytes(received, new Uint8Array(await context.req.arrayBuffer()));
        if (disturbance === 'lose answer') throw new TypeError('lost');
        return context.json(state());
      })
      .onError((error) => {
        throw error;
      });
    return { app, calls: () => calls, received: () => received };
  }

  it.each([
    ['bytes', content],
    ['a blob', new Blob([content])],
  ])('sends %s in parts', async (_, whole) => {
    const { app, calls, received } = uploadServer();
    const sent: number[] = [];
    const options = { partBytes: 3_000, onProgress: (bytes: number) => sent.push(bytes) };
    expect(await clientOf(app).upload('model', whole, options)).toMatchObject({ state: 'complete' });
    expect(received()).toEqual(content);
    expect([calls(), sent]).toEqual([4, [0, 3_000, 6_000, 9_000, 10_000]]);
  });

  it('goes on from where the service is, whatever got lost', async () => {
    const { app, calls, received } = uploadServer((call) =>
      call === 2 ? 'lose' : call % 3 === 0 ? 'lose answer' : undefined,
    );
    expect(await clientOf(app).upload('model', content, { partBytes: 1_000 })).toMatchObject({ state: 'complete' });
    expect(received()).toEqual(content);
    expect(calls()).toBe(11);
  });

  it('is taken up again by another process', async () => {
    const first = uploadServer((call) => (call > 2 ? 'lose' : undefined));
    const once = clientOf(first.app, { attempts: 1 });
    await expect(once.upload('model', content, { partBytes: 2_000 })).rejects.toMatchObject({
      code: 'REFRESH_FAILED',
    });
    expect(first.received().length).toBe(4_000);
    const again = uploadServer();
    await clientOf(again.app).upload('model', content, { partBytes: 6_000, uploadId: ID });
    expect(again.received()).toEqual(content);
    const other = clientOf(again.app).upload('model', content.subarray(1), { uploadId: ID });
    await expect(other).rejects.toMatchObject({ code: 'BAD_FILE' });
  });

  it('learns the right byte from a refusal', async () => {
    let asked = 0;
    const { app, received } = uploadServer();
    const send = (async (url: URL, init: RequestInit) => {
      // Another client of the same upload is faster once.
      if (init.method === 'PATCH' && asked++ === 0) await app.request(url.href, init);
      return app.request(url.href, init);
    }) as typeof fetch;
    await clientOf(app, { fetch: send }).upload('model', content, { partBytes: 3_000 });
    expect(received()).toEqual(content);
  });

  it('ends with a refusal of the bytes', async () => {
    const { app } = uploadServer();
    const refusing = (async (url: URL, init: RequestInit) =>
      init.method === 'PATCH'
        ? Response.json({ schema: 1, error: { code: 'BAD_FILE', message: 'other bytes' } }, { status: 400 })
        : app.request(url.href, init)) as typeof fetch;
    const upload = clientOf(app, { fetch: refusing }).upload('model', content);
    await expect(upload).rejects.toMatchObject({ code: 'BAD_FILE', status: 400 });
  });
});
