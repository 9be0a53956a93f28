/** Ten thousand hostile requests: every one is answered with a 4xx and JSON, nothing is counted, nothing is broken. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import type { AuditPage } from '../../src/protocol/service/types.ts';
import { routesOf } from '../../src/server/service/routes.ts';
import {
  admitTrainer,
  fetchKeys,
  makeNetwork,
  me,
  OWNER_TOKEN,
  refreshRequest,
  startService,
  type TestService,
  type Trainer,
} from '../fixtures/service.ts';

const REQUESTS = 10_000;

let test: TestService;
let alice: Trainer;
let request: Uint8Array;
let ids: readonly string[];
beforeAll(async () => {
  test = await startService();
  const network = await makeNetwork(test);
  alice = await admitTrainer(test, network.id);
  const keys = await fetchKeys(alice);
  request = await refreshRequest(keys);
  keys.dispose();
  ids = [
    network.id,
    network.headId,
    alice.id,
    'ab'.repeat(16),
    '../x',
    '%00',
    "'; drop table parties; --",
    '0'.repeat(5000),
  ];
}, 60_000);
afterAll(() => test.close());

const routes = routesOf({ allowInsecure: true, version: '0' });
const WORDS = [
  '',
  '0',
  '-1',
  '1e999',
  'null',
  'NaN',
  '__proto__',
  'constructor',
  "' or 1=1 --",
  '\u0000',
  '\ud800',
  '𝕏'.repeat(99),
  '../../etc/passwd',
  '$' + '{7*7}',
  '<script>',
];
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE-ME'];
const TYPES = ['application/json', 'application/octet-stream', 'text/plain', 'multipart/form-data; boundary=x', ''];

function pick<T>(random: SeededRandom, list: readonly T[]): T {
  return list[random.integer(list.length)];
}

/** Half of a surrogate pair cannot be encoded. */
function encoded(text: string): string {
  return encodeURIComponent(text.replace('\ud800', '�'));
}

/** JSON of any shape, in which known fields stand among others. */
function anyValue(random: SeededRandom, depth: number = 0): unknown {
  const kind = random.integer(depth > 2 ? 4 : 6);
  if (kind === 0) return pick(random, WORDS);
  if (kind === 1) return pick(random, [0, -1, 1.5, 2 ** 53, 1e308, 12]);
  if (kind === 2) return pick(random, [null, true, false]);
  if (kind === 3) return pick(random, ids);
  const values = Array.from({ length: random.integer(5) }, () => anyValue(random, depth + 1));
  if (kind === 4) return values;
  const names = [
    'name',
    'networkId',
    'code',
    'gates',
    'kind',
    'bytes',
    'sha256',
    'rows',
    'uploadId',
    'record',
    '__proto__',
    ...WORDS,
  ];
  return Object.fromEntries(values.map((value) => [pick(random, names), value]));
}

function anyBody(random: SeededRandom): BodyInit {
  const kind = random.integer(4);
  if (kind === 0) return JSON.stringify(anyValue(random)) ?? '';
  if (kind === 1) return '['.repeat(random.integer(20_000));
  const bytes = new Uint8Array(kind === 2 ? request : request.subarray(0, random.integer(300)));
  // Never the request as it is: that would be an honest one.
  if (bytes.length > 0) bytes[random.integer(bytes.length)] ^= 1 + random.integer(255);
  return bytes;
}

interface Hostile {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: BodyInit | undefined;
}

function hostile(random: SeededRandom): Hostile {
  const { method, path } = pick(random, routes);
  const wrongMethod = random.integer(4) === 0;
  const named = path.replace(/\{\w+\}/g, () => encodeURIComponent(pick(random, ids).replace('%00', '\u0000')));
  const query =
    random.integer(3) === 0
      ? `?${pick(random, ['offset', 'after', 'limit', 'status', 'x'])}=${encoded(pick(random, WORDS))}`
      : '';
  const used = wrongMethod ? pick(random, METHODS) : method;
  const tokens = [
    '',
    'Bearer',
    'Bearer x',
    `Bearer ${'y'.repeat(43)}`,
    `Basic ${alice.token}`,
    `Bearer ${alice.token} ${alice.token}`,
    `Bearer ${alice.token}`,
  ];
  const headers: Record<string, string> = { authorization: pick(random, tokens), 'content-type': pick(random, TYPES) };
  if (random.integer(8) === 0) headers['content-length'] = pick(random, ['-1', '1e9', '99999999999', 'x']);
  if (random.integer(8) === 0) headers.range = pick(random, ['bytes=-', 'bytes=9999999999999-', 'bytes=0-0,1-1']);
  return { method: used, path: named + query, headers, body: used === 'GET' ? undefined : anyBody(random) };
}

describe('hostile requests', () => {
  it(`${REQUESTS} of them get 4xx and JSON, and change nothing`, { timeout: 120_000 }, async () => {
    const random = new SeededRandom(20260203);
    const before = await test.owner<AuditPage>('GET', '/v1/audit?limit=1000');
    const statuses = new Map<number, number>();
    for (let i = 0; i < REQUESTS; i++) {
      const { method, path, headers, body } = hostile(random);
      const response = await test.call(method, path, { headers, ...(body !== undefined && { body }) });
      const { status } = response;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      // Reading what is one's own, or public, is no offence.
      if ((status === 200 || status === 304) && method === 'GET' && /^\/v1\/(me|health|openapi)/.test(path)) {
        await response.body?.cancel();
        continue;
      }
      const what = `${method} ${path.slice(0, 100)} → ${status}`;
      expect(status, what).toBeGreaterThanOrEqual(400);
      expect(status, what).toBeLessThan(500);
      const { schema, error } = (await response.json()) as { schema: number; error: { code: string; message: string } };
      expect([schema, typeof error.code, typeof error.message], what).toEqual([1, 'string', 'string']);
      expect(error.message.length, what).toBeLessThan(1000);
    }
    expect([...statuses.keys()].toSorted()).toEqual(expect.arrayContaining([400, 401, 403, 404, 413, 415]));
    const after = await test.owner<AuditPage>('GET', '/v1/audit?limit=1000');
    expect(after).toEqual(before);
    expect((await me(alice)).party.refreshes.used).toBe(0);
    expect((await test.call('GET', '/v1/overview', { token: OWNER_TOKEN })).status).toBe(200);
  });
});

describe('long bodies', () => {
  const unlocks = { rows: 10, release: { kind: 'label' } } as const;

  /** Bytes without end; `read` tells how many of them were asked for. */
  function endless(start: string, unit: string): { readonly body: ReadableStream; readonly read: () => number } {
    let read = 0;
    const chunk = new TextEncoder().encode(unit.repeat(2 ** 14));
    const pull = (controller: ReadableStreamDefaultController): void => {
      const next = read === 0 ? new TextEncoder().encode(start) : chunk;
      read += next.length;
      controller.enqueue(next);
    };
    return { body: new ReadableStream({ pull }, { highWaterMark: 0 }), read: () => read };
  }

  async function ask(
    trainer: Trainer,
    unit: string,
  ): Promise<{ status: number; read: number; error: { mend?: string } }> {
    const { body, read } = endless(`{"uploadId":"${'a'.repeat(32)}","rows":[0],"features":[[`, unit);
    const headers = { 'content-type': 'application/json' };
    const response = await test.call('POST', '/v1/unlocks', { token: trainer.token, headers, body });
    const { error } = (await response.json()) as { error: { mend?: string } };
    return { status: response.status, read: read(), error };
  }

  it('are not read where the party is unlocked nothing', async () => {
    expect(await ask(alice, '],[')).toMatchObject({ status: 403, read: 0 });
  });

  it('are read no further than the policy can need', async () => {
    const invited = async (mode: 'quota' | 'verified'): Promise<Trainer> =>
      admitTrainer(test, (await me(alice)).network.id, { name: mode, unlocks: { mode, ...unlocks } });
    for (const trainer of [await invited('quota'), await invited('verified')]) {
      const { status, read, error } = await ask(trainer, ' ');
      expect([status, error.mend]).toEqual([413, 'Ask for fewer rows at a time.']);
      expect(read).toBeLessThan(2 ** 19);
    }
  });

  /** Requests to unlock whose bodies are read whole, and those that were answered. */
  async function flood(trainers: readonly Trainer[], each: number): Promise<{ most: number; statuses: number[] }> {
    const rows = Array.from({ length: 10 }, (_, i) => i);
    const json = JSON.stringify({ uploadId: 'a'.repeat(32), rows, features: rows.map(() => [1, 2, 3, 4, 5, 6]) });
    const bytes = new TextEncoder().encode(json);
    let [under, most] = [0, 0];
    const one = async ({ token }: Trainer): Promise<number> => {
      const pull = (controller: ReadableStreamDefaultController): void => {
        most = Math.max(most, ++under);
        controller.enqueue(bytes);
        controller.close();
      };
      const body = new ReadableStream({ pull }, { highWaterMark: 0 });
      const headers = { 'content-type': 'application/json' };
      const { status } = await test.call('POST', '/v1/unlocks', { token, headers, body });
      under--;
      return status;
    };
    const statuses = await Promise.all(trainers.flatMap((trainer) => Array.from({ length: each }, () => one(trainer))));
    return { most, statuses };
  }

  it('are in memory few at a time, one of each party, until they are answered', async () => {
    const { id } = (await me(alice)).network;
    const policy = { mode: 'verified', ...unlocks } as const;
    const trainers: Trainer[] = [];
    for (let i = 0; i < 6; i++) trainers.push(await admitTrainer(test, id, { name: `many ${i}`, unlocks: policy }));
    const single = await flood(trainers.slice(0, 1), 12);
    expect(single.most).toBe(1);
    const all = await flood(trainers, 4);
    expect(all.most).toBeLessThanOrEqual(4);
    // There is no such upload.
    expect(new Set([...single.statuses, ...all.statuses])).toEqual(new Set([404]));
  });

  it('wait no longer for answers that stall than for bodies that do', async () => {
    const quick = { bodyPace: { graceMs: 500, bytesPerSecond: 2 ** 30 }, uploadBytes: 1000 };
    const other = await startService(quick);
    const { id } = await makeNetwork(other);
    const invited = (name: string): Promise<Trainer> =>
      admitTrainer(other, id, { name, unlocks: { mode: 'verified', ...unlocks } });
    const unlock = ({ token }: Trainer): Promise<Response> => {
      const json = { uploadId: 'a'.repeat(32), rows: [0], features: [[1, 2, 3, 4, 5, 6]] };
      return other.call('POST', '/v1/unlocks', { token, json });
    };
    const ends: (() => void)[] = [];
    /** Holds its own uploads up: one has to give way to another, and never arrives whole. */
    const stall = async ({ token }: Trainer): Promise<Promise<Response>[]> => {
      const begin = (mark: string): Promise<Response> => {
        const json = { kind: 'predictions', bytes: 600, sha256: mark.repeat(64) };
        return other.call('POST', '/v1/uploads', { token, json });
      };
      const { id: upload } = (await (await begin('a')).json()) as { id: string };
      let sent = (): void => {};
      const arriving = new Promise<void>((resolve) => {
        sent = resolve;
      });
      const pull = (controller: ReadableStreamDefaultController): Promise<void> => {
        sent();
        return new Promise((resolve) => ends.push(() => resolve(controller.close())));
      };
      const headers = { 'content-type': 'application/octet-stream' };
      const body = new ReadableStream({ pull }, { highWaterMark: 0 });
      const part = other.call('PATCH', `/v1/uploads/${upload}?offset=0`, { token, headers, body });
      await arriving;
      return [part, begin('b')];
    };
    const held: Promise<Response>[] = [];
    const stuck: Promise<Response>[] = [];
    let answered = 0;
    for (let i = 0; i < 4; i++) {
      const trainer = await invited(`stalls ${i}`);
      held.push(...(await stall(trainer)));
      const settled = unlock(trainer).finally(() => answered++);
      stuck.push(settled);
    }
    expect((await unlock(await invited('honest'))).status).toBe(404);
    expect(answered).toBe(0);
    for (const end of ends) end();
    await Promise.all(held);
    expect((await Promise.all(stuck)).map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    await other.close();
  });

  it('are not made into objects that are many times as long', async () => {
    const headers = { 'content-type': 'application/json' };
    for (const unit of ['],[', '0,', '[', '{']) {
      const body = unit.repeat(Math.floor(2 ** 18 / unit.length));
      const response = await test.call('PUT', '/v1/runs/r', { token: alice.token, headers, body });
      // It is no JSON, and nobody found out.
      expect([response.status, unit]).toEqual([413, unit]);
    }
  });
});
