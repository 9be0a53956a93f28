import { describe, expect, it } from 'vitest';
import { HermeticError, type HermeticErrorCode } from '../base/errors.ts';
import { createRefreshServer, hashToken } from './refresh-server.ts';

const parties = [
  { name: 'alice', tokenHash: await hashToken('token-of-alice') },
  { name: 'bob', tokenHash: await hashToken('token-of-bob\n') },
];
const MAX = 100;

/** A server over a service that echoes, in capitals so to say, or does what the test says. */
function server(answer?: (party: string, request: Uint8Array) => Promise<Uint8Array>, maxConcurrent?: number) {
  const seen: [string, Uint8Array][] = [];
  const service = {
    maxRequestBytes: MAX,
    answer: async (party: string, request: Uint8Array) => {
      seen.push([party, request]);
      return answer === undefined ? Uint8Array.from(request, (byte) => byte + 1) : answer(party, request);
    },
  };
  return { app: createRefreshServer(service, { parties, ...(maxConcurrent && { maxConcurrent }) }), seen };
}

function post(body: BodyInit | null = Uint8Array.of(1, 2, 3), headers: Record<string, string> = {}): RequestInit {
  const standard = { authorization: 'Bearer token-of-alice', 'content-type': 'application/octet-stream' };
  const duplex = body instanceof ReadableStream ? { duplex: 'half' } : {};
  return { method: 'POST', body, headers: { ...standard, ...headers }, ...duplex };
}

async function problem(response: Response): Promise<{ status: number; code: string }> {
  const body = (await response.json()) as { schema: number; error: { code: string; message: string } };
  expect(body.schema).toBe(1);
  expect(body.error.message.length).toBeGreaterThan(0);
  return { status: response.status, code: body.error.code };
}

describe('the refresh server', () => {
  it('says that it is there', async () => {
    const response = await server().app.request('/v1/health');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ schema: 1, status: 'ok', service: 'refresh' });
  });

  it('passes bytes both ways and knows the party by the token', async () => {
    const { app, seen } = server();
    const response = await app.request('/v1/refresh', post());
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/octet-stream']);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(Uint8Array.of(2, 3, 4));
    await app.request('/v1/refresh', post(undefined, { authorization: 'bearer token-of-bob' }));
    expect(seen.map(([party]) => party)).toEqual(['alice', 'bob']);
  });

  it('refuses wrong tokens before it reads the body', async () => {
    const { app, seen } = server();
    let reads = 0;
    for (const authorization of [
      '',
      'Bearer',
      'Bearer ',
      'Bearer token-of-carol',
      'Basic token-of-alice',
      'Bearer a b',
    ]) {
      const body = new ReadableStream({ pull: () => void reads++ }, { highWaterMark: 0 });
      const response = await app.request('/v1/refresh', post(body, { authorization }));
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await problem(response)).toEqual({ status: 401, code: 'POLICY_DENIED' });
    }
    expect([seen, reads]).toEqual([[], 0]);
  });

  it('refuses long bodies, announced or not', async () => {
    const { app, seen } = server();
    const long = new Uint8Array(MAX + 1);
    const announced = await app.request('/v1/refresh', post(long, { 'content-length': String(long.length) }));
    expect(await problem(announced)).toEqual({ status: 413, code: 'BAD_ARGUMENT' });
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent++;
        controller.enqueue(new Uint8Array(64));
      },
    });
    expect((await problem(await app.request('/v1/refresh', post(endless)))).status).toBe(400);
    expect(sent).toBeLessThan(10);
    expect((await problem(await app.request('/v1/refresh', post(null, { 'content-length': 'x' })))).status).toBe(400);
    expect(seen).toEqual([]);
  });

  it('takes a body of exactly the longest size', async () => {
    const response = await server().app.request('/v1/refresh', post(new Uint8Array(MAX)));
    expect(response.status).toBe(200);
  });

  it('wants binary messages, this path and this method', async () => {
    const { app } = server();
    const json = await app.request('/v1/refresh', post('{}', { 'content-type': 'application/json' }));
    expect((await problem(json)).status).toBe(415);
    expect((await problem(await app.request('/v1/refresh'))).status).toBe(404);
    expect((await problem(await app.request('/', post()))).status).toBe(404);
  });

  it.each<[HermeticErrorCode, number]>([
    ['BAD_FILE', 400],
    ['WRONG_KEY', 409],
    ['POLICY_DENIED', 403],
    ['OUT_OF_MEMORY', 503],
    ['DISK', 500],
  ])('answers %s with %i and the mend', async (code, status) => {
    const { app } = server(async () => {
      throw new HermeticError(code, 'summary', { mend: 'mend' });
    });
    const response = await app.request('/v1/refresh', post());
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ schema: 1, error: { code, message: 'summary. mend', mend: 'mend' } });
  });

  it('tells nothing of an error that is not for users', async () => {
    const { app } = server(async () => {
      throw new TypeError('/home/owner/key: undefined is not a function');
    });
    const text = await (await app.request('/v1/refresh', post())).text();
    expect(JSON.parse(text)).toEqual({ schema: 1, error: { code: 'INTERNAL', message: expect.any(String) } });
    expect(text).not.toContain('home');
  });

  it('holds only so many requests at once', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = 0;
    let bothAreHeld = () => {};
    const both = new Promise<void>((resolve) => {
      bothAreHeld = resolve;
    });
    const { app } = server(async (_, request) => {
      if (++arrived === 2) bothAreHeld();
      return held.then(() => request);
    }, 2);
    const waiting = [app.request('/v1/refresh', post()), app.request('/v1/refresh', post())];
    await both;
    const third = await app.request('/v1/refresh', post());
    expect([third.status, third.headers.get('retry-after')]).toEqual([503, '1']);
    release();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await app.request('/v1/refresh', post())).status).toBe(200);
  });
});
