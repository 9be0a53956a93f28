/** Blinded refreshes through the owner's service, exactly once: doubled, reordered, across restarts, and many at a time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf } from '../../src/base/bytes.ts';
import { memorySource } from '../../src/protocol/byte-source.ts';
import { fromRecord } from '../../src/protocol/ckks-codec.ts';
import { httpTransport } from '../../src/protocol/http-transport.ts';
import { readRefreshRequest, readRefreshResponse } from '../../src/protocol/refresh-message.ts';
import { isOtherRequest } from '../../src/protocol/refresh-transport.ts';
import type { AuditPage, Party } from '../../src/protocol/service/types.ts';
import { KeyRing } from '../../src/server/node/key-ring.ts';
import type { TrainerKeys } from '../../src/trainer/trainer-keys.ts';
import { type PostgresServer, postgresPrograms, startPostgres } from '../fixtures/databases.ts';
import { silent } from '../fixtures/sealed-round.ts';
import {
  admitTrainer,
  fetchKeys,
  makeNetwork,
  me,
  OWNER_TOKEN,
  PASSPHRASE,
  refreshRequest,
  startService,
  type TestService,
  type Trainer,
} from '../fixtures/service.ts';

const programs = postgresPrograms();
if (programs === undefined) console.warn('PostgreSQL is not installed: refreshes are tested on PGlite alone');
let server: PostgresServer | undefined;
beforeAll(async () => {
  server = programs === undefined ? undefined : await startPostgres(programs);
}, 60_000);
afterAll(() => server?.stop());

const TRAINERS = 50;

describe.each(['PGlite', 'PostgreSQL'])('refreshes over %s', (kind) => {
  const skipped = kind === 'PostgreSQL' && programs === undefined;
  let test: TestService;
  let networkId: string;
  let alice: Trainer;
  let keys: TrainerKeys;
  beforeAll(async () => {
    if (skipped) return;
    test = await startService({
      database: kind === 'PostgreSQL' ? await server?.database() : undefined,
      keptAnswers: 4,
    });
    ({ id: networkId } = await makeNetwork(test));
    alice = await admitTrainer(test, networkId, { refreshBudget: 100 });
    keys = await fetchKeys(alice);
  }, 60_000);
  afterAll(async () => {
    keys?.dispose();
    await test?.close();
  });

  const post = (body: Uint8Array, { token }: Pick<Trainer, 'token'> = alice): Promise<Response> =>
    test.call('POST', '/v1/refresh', { token, body: body as Uint8Array<ArrayBuffer> });
  const answered = async (body: Uint8Array, trainer?: Trainer): Promise<Buffer> => {
    const response = await post(body, trainer);
    if (response.status !== 200) throw new Error(await response.text());
    return Buffer.from(await response.arrayBuffer());
  };
  /** What a trainer's transport makes of a refusal. */
  const failure = (body: Uint8Array): Promise<unknown> => {
    const send = (async (url, init) => test.service.app.request(new URL(String(url)).pathname, init)) as typeof fetch;
    const transport = httpTransport({ url: 'http://127.0.0.1:1', token: alice.token, fetch: send });
    const signal = new AbortController().signal;
    return transport(body, { maxResponseBytes: 2 ** 24, signal }).catch((error: unknown) => error);
  };
  const used = async (trainer: Trainer = alice): Promise<number> =>
    (await me({ ...trainer, test })).party.refreshes.used;
  const refused = async (body: Uint8Array, status: number, code: string, trainer?: Trainer): Promise<void> => {
    const response = await post(body, trainer);
    expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([
      status,
      code,
    ]);
  };

  it.skipIf(skipped)('give fresh ciphertexts of the same masked integers', async () => {
    const request = await refreshRequest(keys, 'fresh', { count: 3 });
    const message = await readRefreshRequest(memorySource(request), keys.parameters, { ...silent, maxRecords: 4 });
    const answer = await readRefreshResponse(
      memorySource(await answered(request)),
      message,
      3,
      keys.parameters,
      silent,
    );
    expect(answer.records.every(({ level }) => level === keys.context.maxLevel)).toBe(true);
    const ring = new KeyRing({ folder: test.store.keyFolder, passphrase: PASSPHRASE, threads: 1 });
    const integers = await ring.use(keys.keyId, ({ context, scheme }) =>
      [message.records[0], answer.records[0]].map((record) => scheme.decrypt(fromRecord(context, record)).re),
    );
    await ring.close();
    // Read at the scale of either level: the same up to the ratio of the two.
    const ratio = integers[0][0] / integers[1][0];
    expect(integers[0].every((value, i) => Math.abs(value - ratio * integers[1][i]) < 2 ** -10)).toBe(true);
  });

  it.skipIf(skipped)('are answered with the same bytes, and counted once, also after a restart', async () => {
    const before = await used();
    const request = await refreshRequest(keys, 'same');
    const [first, second] = await Promise.all([answered(request), answered(request)]);
    expect(second.equals(first)).toBe(true);
    expect((await answered(request)).equals(first)).toBe(true);
    test = await test.reopen();
    expect((await answered(request)).equals(first)).toBe(true);
    expect(await used()).toBe(before + 1);
    const { entries } = await test.owner<AuditPage>('GET', '/v1/audit?limit=1000');
    expect(entries.filter(({ details }) => details.call === 'same')).toHaveLength(1);
  });

  it.skipIf(skipped)('under a name that was used are refused for any other request', async () => {
    const before = await used();
    await refused(await refreshRequest(keys, 'same'), 403, 'POLICY_DENIED');
    await refused(await refreshRequest(keys, 'same', { step: 2 }), 403, 'POLICY_DENIED');
    expect(isOtherRequest(await failure(await refreshRequest(keys, 'same')))).toBe(true);
    expect(await used()).toBe(before);
    await answered(await refreshRequest(keys, 'same', { run: 'another' }));
  });

  it.skipIf(skipped)('that were entered before the owner died are answered and not counted again', async () => {
    const before = await used();
    const request = await refreshRequest(keys, 'died');
    // As a process leaves it that dies while it decrypts: entered, counted, without an answer.
    await answered(request);
    const call = { answerSha256: null, answerBytes: null, answeredAt: null };
    await test.store.database.updateTable('refreshes').set(call).where('call', '=', 'died').execute();
    test = await test.reopen();
    const answer = await answered(request);
    expect((await answered(request)).equals(answer)).toBe(true);
    expect(await used()).toBe(before + 1);
    const { entries } = await test.owner<AuditPage>('GET', '/v1/audit?limit=1000');
    const mine = entries.filter(({ details }) => details.call === 'died').map(({ action }) => action);
    expect(mine).toEqual(['refresh', 'refresh-again']);
  });

  it.skipIf(skipped)('are kept as answers for a while only, and then refused', async () => {
    const requests = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => refreshRequest(keys, `kept${i}`)));
    const answers: Buffer[] = [];
    for (const request of requests) answers.push(await answered(request));
    for (const i of [2, 3, 4, 5]) expect((await answered(requests[i])).equals(answers[i])).toBe(true);
    await refused(requests[0], 403, 'POLICY_DENIED');
    expect(isOtherRequest(await failure(requests[0]))).toBe(false);
    const kept = await test.store.database
      .selectFrom('refreshes')
      .select('answerSha256')
      .where('answerSha256', 'is not', null)
      .execute();
    expect(kept).toHaveLength(4);
    const gone = await test.store.database
      .selectFrom('refreshes')
      .selectAll()
      .where('call', '=', 'kept0')
      .executeTakeFirstOrThrow();
    expect([gone.answerSha256, gone.answeredAt instanceof Date]).toEqual([null, true]);
  });

  it.skipIf(skipped)('stop at the budget, exactly, however many arrive at once', async () => {
    const bob = await admitTrainer(test, networkId, { name: 'bob', refreshBudget: 5 });
    const own = await fetchKeys(bob);
    const requests = await Promise.all(Array.from({ length: 12 }, (_, i) => refreshRequest(own, `c${i}`)));
    const statuses = await Promise.all(requests.map(async (request) => (await post(request, bob)).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(5);
    expect(statuses.filter((status) => status === 403)).toHaveLength(7);
    expect(await used(bob)).toBe(5);
    const first = statuses.indexOf(200);
    await test.owner('PATCH', `/v1/parties/${bob.id}`, { refreshBudget: 6 });
    await answered(requests[statuses.indexOf(403)], bob);
    await refused(requests[statuses.lastIndexOf(403)], 403, 'POLICY_DENIED', bob);
    // What was answered once is answered again, for nothing.
    if (first >= 2) await answered(requests[first], bob);
    own.dispose();
  });

  it.skipIf(skipped)('are refused for a revoked party and under a retired key', async () => {
    const carol = await admitTrainer(test, networkId, { name: 'carol' });
    const own = await fetchKeys(carol);
    await refused(await refreshRequest(keys, 'x'), 409, 'WRONG_KEY', carol);
    await answered(await refreshRequest(own, 'x'), carol);
    await test.owner<Party>('POST', `/v1/parties/${carol.id}/rekey`);
    await refused(await refreshRequest(own, 'y'), 409, 'WRONG_KEY', carol);
    const fresh = await fetchKeys(carol);
    await answered(await refreshRequest(fresh, 'y'), carol);
    await test.owner('DELETE', `/v1/parties/${carol.id}`);
    await refused(await refreshRequest(fresh, 'z'), 403, 'POLICY_DENIED', carol);
    own.dispose();
    fresh.dispose();
  });

  it.skipIf(skipped)('are refused for their syntax alone, before they count', async () => {
    const before = await used();
    const request = await refreshRequest(keys, 'hostile');
    for (const body of [
      request.slice(0, 100),
      new Uint8Array(0),
      request.map((byte, i) => (i === 200 ? byte ^ 1 : byte)),
    ]) {
      await refused(body, 400, 'BAD_FILE');
    }
    const long = await test.call('POST', '/v1/refresh', {
      token: alice.token,
      body: request as Uint8Array<ArrayBuffer>,
      headers: { 'content-length': `${2 ** 40}` },
    });
    expect(long.status).toBe(413);
    const text = await test.call('POST', '/v1/refresh', { token: alice.token, json: {} });
    expect(text.status).toBe(415);
    expect(await used()).toBe(before);
  });

  it.skipIf(skipped || kind !== 'PGlite')('that stall or break off leave their turn to others', async () => {
    const faults: unknown[] = [];
    const bodyPace = { graceMs: 1000, bytesPerSecond: 2 ** 20 };
    test = await test.reopen({ maxConcurrent: 1, bodyPace, onFault: (error) => faults.push(error) });
    const request = await refreshRequest(keys, 'stalled');
    const [first, rest] = [request.slice(0, 1000), request.slice(1000)];
    const begun = (then: (controller: ReadableStreamDefaultController) => void): ReadableStream =>
      new ReadableStream({ start: (controller) => controller.enqueue(first), pull: (controller) => then(controller) });
    const send = (body: ReadableStream): Promise<Response> =>
      test.call('POST', '/v1/refresh', {
        token: alice.token,
        body,
        headers: { 'content-type': 'application/octet-stream' },
      });
    const stalled = send(begun(() => new Promise(() => {})));
    await answered(await refreshRequest(keys, 'behind'));
    const late = await stalled;
    expect([late.status, late.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await send(begun((controller) => controller.error(new Error('reset'))))).status).toBe(400);
    const whole = await send(
      begun((controller) => {
        controller.enqueue(rest);
        controller.close();
      }),
    );
    expect([whole.status, faults]).toEqual([200, []]);
    test = await test.reopen();
  });

  it.skipIf(skipped)(
    `of ${TRAINERS} trainers at once are answered, each with its own key's`,
    { timeout: 120_000 },
    async () => {
      // One key for all, so that the test does not make fifty; parties, budgets and books are their own.
      const parties = await cloneParty(test, alice, TRAINERS);
      const work = parties.flatMap((party) => [1, 2].map((i) => ({ party, call: `call${i}` })));
      const requests = await Promise.all(work.map(({ call }) => refreshRequest(keys, call)));
      const answers = await Promise.all(work.map(({ party }, i) => answered(requests[i], party)));
      await Promise.all(
        answers.map(async (answer, i) => {
          const message = await readRefreshRequest(memorySource(requests[i]), keys.parameters, {
            ...silent,
            maxRecords: 4,
          });
          const { records } = await readRefreshResponse(memorySource(answer), message, 1, keys.parameters, silent);
          expect(bytesOf(records[0].polynomials[0]).length).toBeGreaterThan(0);
        }),
      );
      expect(new Set(answers.map((answer) => answer.toString('base64'))).size).toBe(2 * TRAINERS);
      for (const party of parties) expect(await used(party)).toBe(2);
      const { intact } = await test.json<AuditPage>('GET', '/v1/audit', { token: OWNER_TOKEN });
      expect(intact).toBe(true);
    },
  );
});

/** Parties like `trainer`, with tokens of their own. */
async function cloneParty(test: TestService, trainer: Trainer, count: number): Promise<Trainer[]> {
  const { database } = test.store;
  const { tokenHash: _, ...row } = await database
    .selectFrom('parties')
    .selectAll()
    .where('id', '=', trainer.id)
    .executeTakeFirstOrThrow();
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const id = `${i}`.padStart(32, '0').replace(/^0/, 'f');
      const token = `token-of-party-${i}`.padEnd(43, '-');
      const { tokenHash } = await import('../../src/server/service/tokens.ts');
      const clone = { ...row, id, name: `party ${i}`, refreshesUsed: 0, tokenHash: tokenHash(token) };
      await database.insertInto('parties').values(clone).execute();
      return { ...trainer, id, token };
    }),
  );
}
