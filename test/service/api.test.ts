/** Every route of the owner's service: who may call it, with what, and what it answers to everything else. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newToken } from '../../src/client/token.ts';
import { memorySource } from '../../src/protocol/byte-source.ts';
import type {
  AuditPage,
  Invitation,
  Overview,
  Party,
  RunHistory,
  ServedNetwork,
  ServedRun,
  ServiceError,
  Upload,
} from '../../src/protocol/service/types.ts';
import { createSigningKey } from '../../src/protocol/signing-key.ts';
import { createService } from '../../src/server/service/create-service.ts';
import { describeApi } from '../../src/server/service/openapi.ts';
import { routesOf } from '../../src/server/service/routes.ts';
import { tokenHash } from '../../src/server/service/tokens.ts';
import { readBootstrappingKeys } from '../../src/trainer/bootstrapping.ts';
import { silent } from '../fixtures/sealed-round.ts';
import {
  admitTrainer,
  announcement,
  csv,
  fetchKeys,
  makeNetwork,
  me,
  OWNER_TOKEN,
  PASSPHRASE,
  startService,
  type TestService,
  type Trainer,
} from '../fixtures/service.ts';

let test: TestService;
let network: ServedNetwork;
let alice: Trainer;
let bob: Trainer;
let web: string;
const faults: unknown[] = [];
let now = new Date('2026-01-01T00:00:00Z');
const advance = (ms: number): void => {
  now = new Date(now.getTime() + ms);
};
const HOUR = 3_600_000;

beforeAll(async () => {
  web = await mkdtemp(join(tmpdir(), 'hermetic-test-web-'));
  await mkdir(join(web, 'assets'));
  await writeFile(join(web, 'index.html'), '<!doctype html>');
  await writeFile(join(web, 'assets', 'main-1.js'), 'export {};');
  await writeFile(join(web, 'assets', 'kernel-1.wasm'), 'not really');
  await writeFile(join(web, '.hidden.txt'), 'no');
  await symlink('/etc/passwd', join(web, 'assets', 'passwd.txt'));
  test = await startService({ web, now: () => now, onFault: (error) => faults.push(error) });
  network = await makeNetwork(test);
  alice = await admitTrainer(test, network.id);
  bob = await admitTrainer(test, network.id, {
    name: 'bob',
    unlocks: { mode: 'manual', rows: 10, release: { kind: 'label' } },
  });
}, 60_000);
afterAll(async () => {
  await test.close();
  await rm(web, { recursive: true });
});

const routes = routesOf({ allowInsecure: true, version: '0' });
const UNKNOWN = 'ab'.repeat(16);
const pathOf = (path: string): string => path.replace('{id}', UNKNOWN).replace('{run}', 'run');
const tokenOf = { owner: () => OWNER_TOKEN, trainer: () => alice.token };

async function problem(
  response: Response,
  status: number,
  code: string = 'BAD_ARGUMENT',
): Promise<ServiceError['error']> {
  const body = (await response.json()) as ServiceError;
  expect([response.status, body.schema, body.error.code], body.error.message).toEqual([status, 1, code]);
  return body.error;
}

describe('every route', () => {
  it('is described, and every description is a route', async () => {
    const { paths, openapi } = await test.json<{ openapi: string; paths: Record<string, Record<string, unknown>> }>(
      'GET',
      '/v1/openapi.json',
    );
    expect(openapi).toBe('3.1.0');
    // Whole, as other programs want it: it refers to nothing that is not in it, and every schema says something.
    const described31 = JSON.stringify(describeApi(routesOf({ allowInsecure: false, version: '0' }), '0'));
    expect(new Set(described31.match(/"\$ref":"[^"]*"/g))).toEqual(
      new Set(['"$ref":"#/components/responses/Problem"']),
    );
    expect(described31).not.toContain('"schema":{}');
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = test.service.app.routes
      .filter(({ path }) => path.startsWith('/v1/'))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(described.toSorted()).toEqual(served.toSorted());
    expect(served).toHaveLength(routes.length);
    expect(new Set(served)).toEqual(
      new Set(
        `GET /v1/health|GET /v1/openapi.json|POST /v1/invitations/accept|GET /v1/overview|GET /v1/events|POST /v1/networks|
        GET /v1/networks/{id}|GET /v1/networks/{id}/lineage|PATCH /v1/networks/{id}|POST /v1/invitations|DELETE /v1/parties/{id}|
        POST /v1/parties/{id}/rekey|POST /v1/keys/{id}/give-up|PATCH /v1/parties/{id}|GET /v1/models/{id}/file|POST /v1/models/{id}/open|GET /v1/unlocks|
        POST /v1/unlocks/{id}/approve|POST /v1/unlocks/{id}/deny|GET /v1/audit|GET /v1/me|GET /v1/me/keys|GET /v1/me/model|
        GET /v1/me/bootstrapping-keys|POST /v1/refresh|PUT /v1/runs/{run}|POST /v1/uploads|GET /v1/uploads/{id}|
        PATCH /v1/uploads/{id}|POST /v1/submissions|POST /v1/unlocks|GET /v1/unlocks/{id}|GET /v1/parties/{id}/runs/{run}`
          .split('|')
          .map((line) => line.trim()),
      ),
    );
  });

  it('that is not public refuses a missing, an unknown and the other role’s token', async () => {
    for (const { method, path, access } of routes.filter((route) => route.access !== 'public')) {
      const other = access === 'owner' ? alice.token : OWNER_TOKEN;
      const without = await test.call(method, pathOf(path));
      expect(without.headers.get('www-authenticate'), path).toBe('Bearer');
      await problem(without, 401, 'POLICY_DENIED');
      await problem(await test.call(method, pathOf(path), { token: 'x'.repeat(43) }), 401, 'POLICY_DENIED');
      await problem(await test.call(method, pathOf(path), { token: other }), 403, 'POLICY_DENIED');
    }
  });

  it('with a body refuses another type, what is no JSON, another shape, and what is too long', async () => {
    for (const { method, path, access, body } of routes) {
      if (body?.kind !== 'json') continue;
      // To whom nothing is unlocked, no body is read there.
      const trainer = path === '/v1/unlocks' ? bob.token : alice.token;
      const token = access === 'public' ? undefined : access === 'owner' ? OWNER_TOKEN : trainer;
      const headers = { 'content-type': 'application/json' };
      const send = (content: BodyInit, more: Record<string, string> = headers): Promise<Response> =>
        test.call(method, pathOf(path), { token, body: content, headers: more });
      await problem(await send('{}', { 'content-type': 'text/plain' }), 415);
      await problem(await send('{"open'), 400);
      await problem(await send('"\ud800"'), 400);
      await problem(await send('{"surplus":1}'), 400);
      await problem(await send('[]'), 400);
      await problem(await send('x', { ...headers, 'content-length': '1e400' }), 400);
      await problem(await send('x', { ...headers, 'content-length': `${2 ** 40}` }), 413);
    }
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(2 ** 16).fill(32)) });
    const options = { token: alice.token, body: endless, headers: { 'content-type': 'application/json' } };
    await problem(await test.call('POST', '/v1/uploads', options), 413);
  });

  it('with a name in its path knows none that is not there, and none that cannot be', async () => {
    const bodies: Record<string, unknown> = {
      'PATCH /v1/networks/{id}': { gates: {} },
      'PATCH /v1/parties/{id}': {},
      'POST /v1/unlocks/{id}/approve': {},
      'POST /v1/unlocks/{id}/deny': {},
    };
    for (const { method, path, access, body, query } of routes) {
      if (!path.includes('{id}') || access === 'public') continue;
      const search = query === undefined ? '' : '?offset=0';
      const json = body?.kind === 'json' ? { json: bodies[`${method} ${path}`] } : { body: body && new Uint8Array(1) };
      const call = (id: string): Promise<Response> =>
        test.call(method, path.replace('{id}', id) + search, { token: tokenOf[access](), ...json } as object);
      await problem(await call(UNKNOWN), 404);
      for (const id of ['short', '%2e%2e%2f', 'A'.repeat(32), '0'.repeat(65)]) await problem(await call(id), 404);
    }
    await problem(await test.call('GET', '/v1/nothing', { token: OWNER_TOKEN }), 404);
    await problem(await test.call('POST', '/v1/health'), 404);
  });

  it('answers under the headers that keep the page to itself', async () => {
    for (const path of ['/', '/assets/main-1.js', '/v1/health', '/v1/nothing', '/v1/overview']) {
      const { headers } = await test.call('GET', path);
      expect(headers.get('content-security-policy')).toContain("script-src 'self' 'wasm-unsafe-eval'");
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toBe(
        path.startsWith('/assets') ? 'public, max-age=31536000, immutable' : path === '/' ? 'no-cache' : 'no-store',
      );
    }
  });
});

describe('the page', () => {
  it('is served with its types, known by its tag, and nothing beside it', async () => {
    const index = await test.call('GET', '/');
    expect([index.status, index.headers.get('content-type'), await index.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      '<!doctype html>',
    ]);
    const script = await test.call('GET', '/assets/main-1.js');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect((await test.call('GET', '/assets/kernel-1.wasm')).headers.get('content-type')).toBe('application/wasm');
    const tag = script.headers.get('etag') ?? '';
    const again = await test.call('GET', '/assets/main-1.js', { headers: { 'if-none-match': tag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await test.call('HEAD', '/assets/main-1.js')).status).toBe(200);
    for (const path of [
      '/.hidden.txt',
      '/assets/passwd.txt',
      '/assets/',
      '/assets/../../etc/passwd',
      '/assets/..%2f..%2fetc%2fpasswd',
      '/%00',
      '//etc/passwd',
      '/assets/main-1.js/',
    ]) {
      expect((await test.call('GET', path)).status, path).toBe(404);
    }
    const bare = createService({ store: test.store, passphrase: PASSPHRASE, web: join(web, 'assets') });
    await expect(bare).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});

describe('the owner', () => {
  it('makes networks, and is told what is wrong with a wish', async () => {
    expect(network).toMatchObject({
      name: 'net',
      set: 'insecure-9-9-3',
      securityBits: 0,
      heldOutRows: 0,
      models: 1,
      parties: 0,
    });
    expect(network.layers).toEqual([
      { inputs: 6, units: 4, activation: 'linear', useBias: true },
      { inputs: 4, units: 1, activation: 'lin4', useBias: true },
    ]);
    const post = (wish: object): Promise<Response> =>
      test.call('POST', '/v1/networks', { token: OWNER_TOKEN, json: { name: 'n', set: 'insecure-9-9-3', ...wish } });
    const sample = { sampleCsv: csv(), label: 'y' };
    await problem(await post({ ...sample }), 400);
    await problem(await post({ ...sample, layers: '1:lin4', recipe: 'xor' }), 400);
    await problem(await post({ layers: '1:lin4' }), 400);
    await problem(await post({ ...sample, recipe: 'none' }), 400);
    await problem(await post({ ...sample, recipe: 'imdb' }), 400, 'BAD_DATA');
    await problem(await post({ ...sample, layers: '1:nonsense' }), 400);
    await problem(await post({ ...sample, layers: '1:lin4', batch: 12 }), 400);
    await problem(await post({ ...sample, layers: '1:lin4', batch: 65536 }), 400, 'PLAN_REFUSED');
    await problem(await post({ sampleCsv: 'a,b\n', label: 'b', layers: '1' }), 400, 'BAD_DATA');
    await problem(await post({ ...sample, layers: '1:lin4', heldOutCsv: 'z\n1\n' }), 400, 'BAD_DATA');
    for (const gates of [{ accuracyDrop: 0 }, { accuracyFloor: 0.5 }, { lossRise: 0 }]) {
      // Nothing that came back could ever pass.
      const refused = await problem(await post({ ...sample, layers: '1:lin4', gates }), 400);
      expect(refused.message).toMatch(/has no rows to be judged on/);
      const { id } = network;
      await problem(await test.call('PATCH', `/v1/networks/${id}`, { token: OWNER_TOKEN, json: { gates } }), 400);
    }
    const deep = { ...sample, layers: '4:square,1:sigmoid7', batch: 16, set: 'insecure-9-4-3' };
    await problem(await post(deep), 400, 'PLAN_REFUSED');
    await problem(await post({ ...sample, layers: '1:lin4', set: 'L99' }), 400);
    await problem(await post({ ...sample, layers: '1:lin4', set: 'insecure-99-1-1' }), 400);
    const xor = await test.owner<ServedNetwork>('POST', '/v1/networks', {
      name: 'xor',
      recipe: 'xor',
      set: 'insecure-9-9-3',
    });
    expect(xor.layers.map(({ inputs }) => inputs)).toEqual([3, 4]);
  });

  it('makes one network of a request that arrives twice at once', async () => {
    const [first, second] = await Promise.all([
      makeNetwork(test, { name: 'twin' }),
      makeNetwork(test, { name: 'twin' }),
    ]);
    expect(second.id).toBe(first.id);
  });

  it('invites with a link that works once, and revokes', async () => {
    const carol = await test.owner<Invitation>('POST', '/v1/invitations', {
      name: 'carol',
      networkId: network.id,
      hours: 1,
    });
    expect(carol.url).toBe(`http://localhost/#join=${carol.code}`);
    const accept = (code: string, own: string): Promise<Response> =>
      test.call('POST', '/v1/invitations/accept', { json: { code, tokenHash: tokenHash(own) } });
    const tokens = [newToken(), newToken()];
    await problem(await accept('x'.repeat(43), tokens[0]), 403, 'POLICY_DENIED');
    const statuses = (await Promise.all(tokens.map((own) => accept(carol.code, own)))).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 403]);
    const [token, other] = statuses[0] === 200 ? tokens : tokens.toReversed();
    expect((await test.call('GET', '/v1/me', { token: other })).status).toBe(401);
    expect((await test.call('GET', '/v1/me', { token })).status).toBe(200);
    const revoked = await test.owner<Party>('DELETE', `/v1/parties/${carol.partyId}`);
    expect(revoked.revokedAt).toBeDefined();
    await problem(await test.call('GET', '/v1/me', { token }), 403, 'POLICY_DENIED');
    await problem(
      await test.call('POST', `/v1/parties/${carol.partyId}/rekey`, { token: OWNER_TOKEN }),
      409,
      'POLICY_DENIED',
    );
    for (const [change, status] of [
      [{ networkId: UNKNOWN }, 404],
      [{ name: 'Owner' }, 400],
      [{ name: 'a\nb' }, 400],
      [{ hours: 0 }, 400],
    ] as const) {
      const json = { name: 'dan', networkId: network.id, ...change };
      await problem(await test.call('POST', '/v1/invitations', { token: OWNER_TOKEN, json }), status);
    }
    for (const range of [
      [0, 0.5],
      [0, 1e7],
    ]) {
      const unlocks = { mode: 'quota', rows: 1, release: { kind: 'rounded', bits: 8, range } };
      const json = { name: 'dan', networkId: network.id, unlocks };
      await problem(await test.call('POST', '/v1/invitations', { token: OWNER_TOKEN, json }), 400);
      const change = { token: OWNER_TOKEN, json: { unlocks } };
      await problem(await test.call('PATCH', `/v1/parties/${bob.id}`, change), 400);
    }
  });

  it('answers the same acceptance alike, however often, and no other', async () => {
    const json = { name: 'frank', networkId: network.id, hours: 1 };
    const { code, partyId } = await test.owner<Invitation>('POST', '/v1/invitations', json);
    const [mine, { publicKey }] = [newToken(), await createSigningKey()];
    const acceptance = { code, tokenHash: tokenHash(mine), publicKey };
    const accept = (change: object = {}): Promise<Response> =>
      test.call('POST', '/v1/invitations/accept', { json: { ...acceptance, ...change } });
    const answers = await Promise.all([accept(), accept(), accept()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const parties = await Promise.all(answers.map((answer) => answer.json()));
    for (const answer of [...parties, await (await accept()).json()]) {
      expect(answer).toMatchObject({ party: { id: partyId } });
      expect(JSON.stringify(answer)).not.toContain(mine);
    }
    const { entries } = await test.owner<AuditPage>('GET', '/v1/audit?limit=1000');
    expect(entries.filter(({ action, subject }) => action === 'accept' && subject === partyId)).toHaveLength(1);
    // Whoever has the code alone, or signs with another key, gets nothing and changes nothing.
    const other = await createSigningKey();
    for (const change of [
      { tokenHash: tokenHash(newToken()) },
      { publicKey: other.publicKey },
      { publicKey: undefined },
      { code: 'x'.repeat(43) },
    ]) {
      await problem(await accept(change), 403, 'POLICY_DENIED');
    }
    expect((await test.call('GET', '/v1/me', { token: mine })).status).toBe(200);
    await problem(await accept({ tokenHash: mine }), 400);
    // One token, two invitations: nobody is two parties.
    const second = await test.owner<Invitation>('POST', '/v1/invitations', json);
    await problem(await accept({ code: second.code }), 403, 'POLICY_DENIED');
    const own = { code: second.code, tokenHash: tokenHash(newToken()) };
    expect((await accept(own)).status).toBe(200);
    await test.owner('DELETE', `/v1/parties/${partyId}`);
    await problem(await accept(), 403, 'POLICY_DENIED');
  });

  it('lets tokens expire, invitations too, and prolongs them', async () => {
    const erin = await admitTrainer(test, network.id, { name: 'erin', hours: 1 });
    const late = await test.owner<Invitation>('POST', '/v1/invitations', {
      name: 'late',
      networkId: network.id,
      hours: 1,
    });
    advance(HOUR);
    await problem(await test.call('GET', '/v1/me', { token: erin.token }), 403, 'POLICY_DENIED');
    await problem(
      await test.call('POST', '/v1/invitations/accept', {
        json: { code: late.code, tokenHash: tokenHash(newToken()) },
      }),
      403,
      'POLICY_DENIED',
    );
    await test.owner('PATCH', `/v1/parties/${erin.id}`, { hours: 2, refreshBudget: 7 });
    expect((await me(erin)).party.refreshes).toEqual({ used: 0, budget: 7 });
    expect((await test.owner<Party>('PATCH', `/v1/parties/${erin.id}`, {})).refreshes.budget).toBe(7);
  });

  it('rekeys a party: another key, another model, the same head', async () => {
    const before = await me(bob);
    const party = await test.owner<Party>('POST', `/v1/parties/${bob.id}/rekey`);
    const after = await me(bob);
    expect(party.keyId).not.toBe(before.party.keyId);
    expect(after.party.keyId).toBe(party.keyId);
    expect(after.model).toMatchObject({ parentId: before.model.parentId, keyId: party.keyId, status: 'sealed' });
    expect(after.model.id).not.toBe(before.model.id);
    expect(after.files.keys.sha256).not.toBe(before.files.keys.sha256);
  });

  it('does slow work once where the same is asked twice at a time', async () => {
    const wish = { name: 'twin', networkId: network.id };
    const [one, two] = await Promise.all([1, 2].map(() => test.owner<Invitation>('POST', '/v1/invitations', wish)));
    expect(one).toEqual(two);
    const [a, b] = await Promise.all([1, 2].map(() => test.owner<Party>('POST', `/v1/parties/${one.partyId}/rekey`)));
    expect(a.keyId).toBe(b.keyId);
  });

  it('sees everything at a glance, and never a hash of a token', async () => {
    const text = JSON.stringify(await test.owner<Overview>('GET', '/v1/overview'));
    const overview = JSON.parse(text) as Overview;
    expect(overview.networks.map(({ name }) => name)).toEqual(['net', 'xor', 'twin']);
    expect(overview.parties.map(({ name }) => name)).toContain('alice');
    expect(overview.parties.every(({ role }) => role === 'trainer')).toBe(true);
    expect(overview.storage.blobs).toBeGreaterThan(3);
    expect(overview.storage.bytes).toBeGreaterThan(10_000);
    const hashes = await test.store.database.selectFrom('parties').select('tokenHash').execute();
    for (const { tokenHash } of hashes) if (tokenHash !== null) expect(text).not.toContain(tokenHash);
  });

  it('hears of changes as they happen', async () => {
    const response = await test.call('GET', '/v1/events', { token: OWNER_TOKEN });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain(': listening');
    await test.json('PUT', '/v1/runs/heard', { token: alice.token, json: { step: 1, steps: 2, rowsPerSecond: 3 } });
    const { value = '' } = await reader.read();
    expect(JSON.parse(value.replace('data: ', ''))).toEqual({ kind: 'run', subject: 'heard', at: now.toISOString() });
    await reader.cancel();
  });

  it('has one token at a time', async () => {
    await test.service.admitOwner('another-token-of-the-owner-0123456789');
    await problem(await test.call('GET', '/v1/overview', { token: OWNER_TOKEN }), 401, 'POLICY_DENIED');
    await test.service.admitOwner(OWNER_TOKEN);
    await test.owner('GET', '/v1/overview');
    await expect(test.service.admitOwner('short')).rejects.toThrow(RangeError);
  });
});

describe('a trainer', () => {
  it('sees itself and its files, in parts where it likes', async () => {
    const { files, model, party } = await me(alice);
    expect(party).toMatchObject({ name: 'alice', role: 'trainer', networkId: network.id });
    expect(files.bootstrappingKeys).toBeUndefined();
    for (const [name, { sha256, bytes }] of [
      ['keys', files.keys],
      ['model', files.model],
    ] as const) {
      const get = (headers: Record<string, string> = {}): Promise<Response> =>
        test.call('GET', `/v1/me/${name}`, { token: alice.token, headers });
      const whole = await get();
      const content = new Uint8Array(await whole.arrayBuffer());
      expect(announcement('model', content)).toMatchObject({ bytes, sha256 });
      expect([whole.headers.get('etag'), whole.headers.get('content-length')]).toEqual([`"${sha256}"`, `${bytes}`]);
      const ranges: [string, number, number][] = [
        ['bytes=0-9', 0, 10],
        ['bytes=100-', 100, bytes],
        ['bytes=-7', bytes - 7, bytes],
        [`bytes=5-${2 * bytes}`, 5, bytes],
      ];
      for (const [range, start, end] of ranges) {
        const part = await get({ range, 'if-range': `"${sha256}"` });
        expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end - 1}/${bytes}`]);
        expect(Buffer.from(await part.arrayBuffer()).equals(content.subarray(start, end))).toBe(true);
      }
      const beyond = await get({ range: `bytes=${bytes}-` });
      expect(beyond.headers.get('content-range')).toBe(`bytes */${bytes}`);
      await problem(beyond, 416);
      for (const headers of [
        { range: 'bytes=1-2', 'if-range': '"other"' },
        { range: 'lines=1-2' },
        { range: 'bytes=3-2' },
      ] as Record<string, string>[]) {
        expect((await get(headers)).status).toBe(200);
      }
      expect((await get({ 'if-none-match': `"${sha256}"` })).status).toBe(304);
    }
    await problem(await test.call('GET', '/v1/me/bootstrapping-keys', { token: alice.token }), 404);
    const sealed = await test.call('GET', `/v1/models/${model.id}/file`, { token: OWNER_TOKEN });
    expect((await sealed.arrayBuffer()).byteLength).toBe(files.model.bytes);
  });

  it('gets bootstrapping keys where the set bootstraps', async () => {
    const { id } = await makeNetwork(test, { name: 'boots', layers: '1:lin4', set: 'insecure-b8-9-9' });
    const carl = await admitTrainer(test, id, { name: 'carl' });
    const { files } = await me(carl);
    const answer = await test.call('GET', '/v1/me/bootstrapping-keys', { token: carl.token });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect(announcement('model', bytes)).toMatchObject({ ...files.bootstrappingKeys });
    const keys = await fetchKeys(carl);
    const bootstrapping = await readBootstrappingKeys(memorySource(bytes), keys, { ...silent, threads: 1 });
    bootstrapping.dispose();
    keys.dispose();
  });

  it('reports runs, which fall silent and finish', async () => {
    const put = (run: string, step: number): Promise<ServedRun> =>
      test.json('PUT', `/v1/runs/${run}`, { token: alice.token, json: { step, steps: 10, rowsPerSecond: 2.5 } });
    expect(await put('one', 1)).toMatchObject({
      id: 'one',
      partyId: alice.id,
      networkId: network.id,
      step: 1,
      state: 'running',
    });
    const started = now.toISOString();
    advance(60_001);
    const states = async (): Promise<Record<string, string>> =>
      Object.fromEntries((await test.owner<Overview>('GET', '/v1/overview')).runs.map(({ id, state }) => [id, state]));
    expect((await states()).one).toBe('silent');
    expect(await put('one', 10)).toMatchObject({
      startedAt: started,
      lastSeenAt: now.toISOString(),
      state: 'finished',
    });
    const history = await test.owner<RunHistory>('GET', `/v1/parties/${alice.id}/runs/one`);
    expect(history.run).toMatchObject({ id: 'one', step: 10, state: 'finished' });
    expect(history.samples).toEqual([
      { at: started, step: 1, rowsPerSecond: 2.5 },
      { at: now.toISOString(), step: 10, rowsPerSecond: 2.5 },
    ]);
    await problem(await test.call('GET', `/v1/parties/${bob.id}/runs/one`, { token: OWNER_TOKEN }), 404);
    advance(HOUR / 10);
    expect((await states()).one).toBe('finished');
    for (const run of ['a b', '..', 'x'.repeat(65)]) {
      const json = { step: 1, steps: 1, rowsPerSecond: 1 };
      await problem(await test.call('PUT', `/v1/runs/${encodeURIComponent(run)}`, { token: alice.token, json }), 404);
    }
  });

  it('uploads in parts that follow one another, and only the file it announced', async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(1000));
    const { token } = alice;
    const begin = (json: object): Promise<Upload> => test.json('POST', '/v1/uploads', { token, json });
    const upload = await begin(announcement('predictions', bytes));
    expect(upload).toMatchObject({ received: 0, bytes: 1000, state: 'open' });
    const send = (
      offset: number | string,
      part: Uint8Array,
      id: string = upload.id,
      who: string = token,
    ): Promise<Response> =>
      test.call('PATCH', `/v1/uploads/${id}?offset=${offset}`, { token: who, body: part as Uint8Array<ArrayBuffer> });
    expect(await (await send(0, bytes.slice(0, 400))).json()).toMatchObject({ received: 400, state: 'open' });
    expect((await problem(await send(0, bytes.slice(0, 400)), 409)).expected).toBe('400');
    await problem(await send(400, bytes.slice(0, 601)), 413);
    await problem(await send('x', bytes.slice(400)), 400);
    await problem(await send('', bytes.slice(400)), 400);
    await problem(await send(400, bytes.slice(400), upload.id, bob.token), 404);
    await problem(await test.call('GET', `/v1/uploads/${upload.id}`, { token: bob.token }), 404);
    // The same announcement again goes on with it.
    expect(await begin(announcement('predictions', bytes))).toMatchObject({ id: upload.id, received: 400 });
    const ask = { token, json: { uploadId: upload.id, rows: [0] } };
    await problem(await test.call('POST', '/v1/unlocks', ask), 403, 'POLICY_DENIED');
    await problem(
      await test.call('POST', '/v1/submissions', {
        token,
        json: { uploadId: upload.id, record: '{}', signature: 'A'.repeat(86) },
      }),
      400,
    );
    expect(await (await send(400, bytes.slice(400))).json()).toMatchObject({ received: 1000, state: 'complete' });
    expect(await (await send(1000, new Uint8Array(0))).json()).toMatchObject({ state: 'complete' });
    const wrong = await begin({ ...announcement('model', bytes), sha256: '0'.repeat(64) });
    await problem(await send(0, bytes, wrong.id), 400, 'BAD_FILE');
    expect(await test.json('GET', `/v1/uploads/${wrong.id}`, { token })).toMatchObject({ received: 0, state: 'open' });
    const junk = await begin(announcement('model', bytes));
    await send(0, bytes, junk.id);
    await problem(
      await test.call('POST', '/v1/submissions', {
        token,
        json: { uploadId: junk.id, record: '{}', signature: 'A'.repeat(86) },
      }),
      400,
      'BAD_FILE',
    );
    await problem(
      await test.call('POST', '/v1/uploads', {
        token,
        json: { kind: 'model', bytes: 2 ** 40, sha256: '0'.repeat(64) },
      }),
      413,
    );
  });

  it('has few uploads that nothing was made of: the oldest gives way', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 9; i++) {
      advance(1);
      const json = { kind: 'model', bytes: 5, sha256: `${i}`.repeat(64) };
      ids.push((await test.json<Upload>('POST', '/v1/uploads', { token: bob.token, json })).id);
    }
    const statuses = await Promise.all(
      ids.map(async (id) => (await test.call('GET', `/v1/uploads/${id}`, { token: bob.token })).status),
    );
    expect(statuses).toEqual([404, ...new Array(8).fill(200)]);
  });

  it('cannot submit the model that it was given', async () => {
    const { files } = await me(bob);
    const bytes = new Uint8Array(await (await test.call('GET', '/v1/me/model', { token: bob.token })).arrayBuffer());
    const { id } = await test.json<Upload>('POST', '/v1/uploads', {
      token: bob.token,
      json: { kind: 'model', ...files.model },
    });
    await test.json('PATCH', `/v1/uploads/${id}?offset=0`, { token: bob.token, body: bytes });
    const json = { uploadId: id, record: '{}', signature: 'A'.repeat(86) };
    await problem(await test.call('POST', '/v1/submissions', { token: bob.token, json }), 400);
    // A model of another party's is sealed under another key.
    const other = new Uint8Array(await (await test.call('GET', '/v1/me/model', { token: alice.token })).arrayBuffer());
    const foreign = await test.json<Upload>('POST', '/v1/uploads', {
      token: bob.token,
      json: announcement('model', other),
    });
    await test.json('PATCH', `/v1/uploads/${foreign.id}?offset=0`, { token: bob.token, body: other });
    const wrong = await test.call('POST', '/v1/submissions', {
      token: bob.token,
      json: { ...json, uploadId: foreign.id },
    });
    await problem(wrong, 409, 'WRONG_KEY');
  });
});

describe('errors', () => {
  it('tell nothing secret: no passphrase, no path, no stack', async () => {
    await test.store.database.schema.alterTable('runs').renameTo('gone').execute();
    const response = await test.call('GET', '/v1/overview', { token: OWNER_TOKEN });
    const text = await response.text();
    await test.store.database.schema
      .alterTable('gone' as 'runs')
      .renameTo('runs')
      .execute();
    expect([response.status, JSON.parse(text)]).toEqual([
      500,
      { schema: 1, error: { code: 'INTERNAL', message: 'the server failed to answer' } },
    ]);
    for (const secret of [PASSPHRASE, test.folder, 'runs', '.ts']) expect(text).not.toContain(secret);
    // Nor do faults of the disk, whose words name the place.
    const { files, model } = await me(alice);
    await test.store.blobs.remove(files.model.sha256);
    const calls = [
      ['POST', `/v1/models/${model.id}/open`, OWNER_TOKEN],
      ['GET', '/v1/me/model', alice.token],
    ] as const;
    for (const [method, path, token] of calls) {
      const fault = await test.call(method, path, { token });
      expect([fault.status, await fault.text()]).toEqual([500, text]);
    }
    expect(faults).toHaveLength(3);
    expect(String(faults[1])).toContain(test.folder);
  });
});
