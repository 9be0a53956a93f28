/** Sealed training on many machines, as processes of the built command line on a real PostgreSQL: the same bits as on one. */
import { readdirSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parameterArrays } from '../src/nn/weights.ts';
import { readModelFile } from '../src/protocol/model-file.ts';
import {
  BOOTSTRAPPED,
  type ClusterWorkshop,
  csv,
  LEVELLED,
  makeClusterWorkshop,
  type Proc,
  SHARDS,
  STEPS,
} from './fixtures/cluster-workshop.ts';
import { postgresPrograms } from './fixtures/postgres.ts';

/** They say that they are skipped where Debian's PostgreSQL is not installed. */
const missing = (await postgresPrograms()) === undefined;

/** Several processes at a time, on a machine that may be busy. */
const SLOW_MS = 300_000;

let shop: ClusterWorkshop;
beforeAll(async () => {
  if (missing) return;
  shop = await makeClusterWorkshop();
  await Promise.all([shop.project(LEVELLED), shop.project(BOOTSTRAPPED)]);
}, SLOW_MS);
afterAll(() => shop?.close(), 30_000);

const blobsLeft = (folder: string): string[] =>
  readdirSync(shop.at(folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.length > 64);

describe.skipIf(missing).each([LEVELLED, BOOTSTRAPPED])('a run on several workers, refresh: $refresh', (project) => {
  it('ends bit for bit where one process ends, and leaves nothing behind', { timeout: SLOW_MS }, async () => {
    const workers = [shop.work(project), shop.work(project)];
    await shop.ready(...workers);
    const coordinator = shop.coordinate(project, `${project.name}-many`);
    expect(await coordinator.ended, coordinator.lines.join('\n')).toBe(0);
    expect(await shop.state(project, `${project.name}-many`)).toEqual(await shop.expected(project));
    for (const worker of workers) worker.kill('SIGINT');
    for (const worker of workers) expect(await worker.ended).toBe(0);
    // Both had a share in it.
    for (const worker of workers) expect(worker.lines.join('\n')).toMatch(/gradient done/);
    expect(blobsLeft('blobs')).toEqual([]);
    const { runs } = JSON.parse((await shop.run('runs', '--database', shop.postgres.url, '--json')).stdout());
    expect(runs[0]).toMatchObject({ state: 'done', step: STEPS, steps: STEPS, shards: SHARDS, workers: 0 });
    expect(runs[0].secondsPerStep).toBeGreaterThan(0);
  });
});

describe.skipIf(missing)('rows that stay where they are', () => {
  it('train as if they lay together: each machine has its shard, the coordinator too', {
    timeout: SLOW_MS,
  }, async () => {
    const parts = 2;
    await writeFile(shop.at('first.csv'), csv(0, 32));
    await writeFile(shop.at('second.csv'), csv(32, 32));
    await shop.run(...shop.train(LEVELLED, 'whole', '--shards', `${parts}`));
    const [first, second] = ['first', 'second'].map((name, i) => {
      return shop.work(LEVELLED, '--data', `${name}.csv`, '--label', 'y', '--shard', `${i + 1}/${parts}`);
    });
    await shop.ready(first, second);
    const own = ['--data', 'first.csv', '--label', 'y', '--shard', `1/${parts}`];
    const coordinator = shop.coordinate(LEVELLED, 'parts', ...own);
    expect(await coordinator.ended, coordinator.lines.join('\n')).toBe(0);
    expect(await shop.state(LEVELLED, 'parts')).toEqual(await shop.state(LEVELLED, 'whole'));
    for (const worker of [first, second]) worker.kill('SIGINT');
    await Promise.all([first.ended, second.ended]);
    const gradients = (lines: readonly string[]) => lines.filter((line) => /^gradient done/.test(line)).length;
    expect([first.lines, second.lines].map(gradients)).toEqual([STEPS, STEPS]);
  });

  it('are served to nobody who means others', { timeout: SLOW_MS }, async () => {
    await writeFile(shop.at('others.csv'), csv(0, 63));
    const worker = shop.work(LEVELLED, '--data', 'others.csv', '--label', 'y');
    await worker.said(/waiting for a run/);
    const coordinator = shop.coordinate(LEVELLED, 'foreign');
    expect(await coordinator.said(/waiting for workers/)).toMatch(
      /none of the 1 that are there holds the rows of shard 1/,
    );
    // It is of use again with the right rows beside it.
    const right = shop.work(LEVELLED);
    expect(await coordinator.ended).toBe(0);
    expect(await shop.state(LEVELLED, 'foreign')).toEqual(await shop.expected(LEVELLED));
    expect(worker.lines.join('\n')).not.toMatch(/gradient done/);
    for (const proc of [worker, right]) proc.kill();
  });
});

describe.skipIf(missing)('noise on rows', () => {
  it('is added by each machine to its own rows: the same as on one, and not at all without the key', {
    timeout: SLOW_MS,
  }, async () => {
    const privacy = ['--privacy', '20'];
    const key = ['--noise-key', 'noise-key'];
    await writeFile(shop.at('other-key'), 'guess');
    const first = shop.coordinate(LEVELLED, 'noisy', '--progress', 'json', '--audit', '1', ...privacy, ...key);
    await first.said(/made noise-key/);
    const deaf = [shop.work(LEVELLED), shop.work(LEVELLED, '--noise-key', 'other-key')];
    for (const worker of deaf) {
      expect(await worker.ended).toBe(2);
      expect(worker.lines.join('\n')).toMatch(/adds noise to rows, and this machine does not have its key/);
    }
    const workers = [shop.work(LEVELLED, ...key), shop.work(LEVELLED, ...key)];
    await first.said(/"event":"step","step":1,/);
    first.kill('SIGINT');
    await first.ended;
    // From here on in one process, and on many: what the workers' noise is shows in every bit.
    await cp(shop.at('noisy'), shop.at('noisy-local'), { recursive: true });
    expect(shop.steps('noisy')).toBeLessThan(STEPS);
    await shop.run(...shop.train(LEVELLED, 'noisy-local', '--shards', `${SHARDS}`, ...privacy));
    const second = shop.coordinate(LEVELLED, 'noisy', ...privacy, ...key);
    expect(await second.ended, second.lines.join('\n')).toBe(0);
    const many = await shop.state(LEVELLED, 'noisy');
    expect(many).toEqual(await shop.state(LEVELLED, 'noisy-local'));
    expect(many).not.toEqual(await shop.expected(LEVELLED));
    // Audited one by another and by the coordinator: all have the same noise.
    expect(first.lines.join('\n')).not.toMatch(/false answer/);
    for (const worker of workers) worker.kill();
    const keyless = shop.coordinate(LEVELLED, 'keyless', ...privacy);
    expect(await keyless.ended).toBe(2);
    expect(keyless.lines.join('\n')).toMatch(/--noise-key/);
  });
});

describe.skipIf(missing)('a refresh by the owner', () => {
  const project = { name: 'owned', set: 'insecure-9-9-3', layers: '3:linear,1:lin4', refresh: 'none' } as const;
  const opened = async (name: string): Promise<number[]> => {
    const key = ['--key', 'owned/owner.key', '--passphrase-file', 'pw'];
    await shop.run('open', `${name}.sealed`, ...key, '--out', `${name}.safetensors`, '--force');
    const { weights } = readModelFile(new Uint8Array(await readFile(shop.at(`${name}.safetensors`))));
    return parameterArrays(weights).flatMap((values) => [...values]);
  };

  const serve = async (...more: string[]): Promise<{ owner: Proc; refresh: string[] }> => {
    const key = ['--key', 'owned/owner.key', '--passphrase-file', 'pw'];
    const owner = shop.start('serve', ...key, '--port', '0', '--token-file', 'owner-token', '--json', ...more);
    while (!owner.stdout().includes('\n')) await new Promise((resolve) => setTimeout(resolve, 10));
    const { url } = JSON.parse(owner.stdout());
    return { owner, refresh: ['--refresh', url, '--token-file', 'owner-token'] };
  };
  const expectNear = async (one: string, other: string): Promise<void> => {
    const [a, b] = [await opened(one), await opened(other)];
    expect(a.length).toBe(b.length);
    a.forEach((weight, i) => expect(Math.abs(weight - b[i])).toBeLessThan(2 ** -12));
  };
  beforeAll(async () => {
    if (!missing) await shop.project(project);
  }, SLOW_MS);

  it('is asked for by the coordinator where no worker can, and no step is lost or done twice when it dies', {
    timeout: SLOW_MS,
  }, async () => {
    const { owner, refresh } = await serve();
    await shop.run(...shop.train(project, 'owned-local', '--shards', `${SHARDS}`, ...refresh));
    const workers = [shop.work(project), shop.work(project)];
    const first = shop.coordinate(project, 'owned-many', '--progress', 'json', ...refresh);
    await first.said(/"event":"step","step":2,/);
    first.kill();
    await first.ended;
    const second = shop.coordinate(project, 'owned-many', ...refresh);
    expect(await second.ended, second.lines.join('\n')).toBe(0);
    await expectNear('owned-many', 'owned-local');
    owner.kill('SIGINT');
    await owner.ended;
    // The one under way when the coordinator died may have been asked for again.
    const calls = Number(/answered (\d+) refreshes/.exec(owner.lines.join('\n'))?.[1]);
    expect([2 * STEPS, 2 * STEPS + 1]).toContain(calls);
    for (const worker of workers) worker.kill();
  });

  it('is asked for by workers with a token, a call each, exactly once: whoever dies meanwhile', {
    timeout: SLOW_MS,
  }, async () => {
    // As many calls as are needed, and none to lose.
    const { owner, refresh } = await serve('--budget', `${2 * STEPS}`);
    const workers = [shop.work(project, ...refresh), shop.work(project, ...refresh)];
    for (const worker of workers) await worker.said(/waiting for a run/);
    // It does what a worker leaves undone, once there is none that can.
    const deaf = shop.work(project);
    const first = shop.coordinate(project, 'owned-shared', '--progress', 'json', ...refresh);
    for (const worker of workers) await worker.said(/owner-refresh done/);
    await first.said(/"event":"step","step":2,/);
    await workers[0].next(/gradient|update/);
    first.kill();
    await first.ended;
    const second = shop.coordinate(project, 'owned-shared', '--progress', 'json', ...refresh);
    await second.said(/"event":"step"/);
    workers[0].kill();
    workers[1].kill();
    expect(await second.ended, second.lines.join('\n')).toBe(0);
    await expectNear('owned-shared', 'owned-local');
    owner.kill('SIGINT');
    await owner.ended;
    // Whatever was asked again was the same call: every ciphertext of every step was paid for once.
    const paid = new Map<string, number>();
    for (const line of owner.lines) {
      const [, step, count, again] = /^step (\d+): (\d+) masked ciphertexts refreshed( \(again\))?/.exec(line) ?? [];
      if (step !== undefined && again === undefined) paid.set(step, (paid.get(step) ?? 0) + Number(count));
    }
    const weights = Number(paid.get(`${STEPS}`));
    // After the last step there is no velocity any more.
    const each = Array.from({ length: STEPS }, (_, i) => (i < STEPS - 1 ? 2 * weights : weights));
    expect([...paid.values()], owner.lines.join('\n')).toEqual(each);
    deaf.kill();
  });
});

describe.skipIf(missing)('what crosses the wall', () => {
  it('is hashes in the database, and ciphertexts over HTTP for those who know the token', {
    timeout: SLOW_MS,
  }, async () => {
    const store = shop.start('blobs', 'served', '--port', '0', '--token-file', 'token', '--json');
    await store.said(/made token/);
    while (!store.stdout().includes('\n')) await new Promise((resolve) => setTimeout(resolve, 10));
    const { url } = JSON.parse(store.stdout());
    const blobs = ['--blobs', url, '--blobs-token-file', 'token'];
    const client = new pg.Client({ connectionString: shop.postgres.url });
    await client.connect();
    // A copy of every row that the queue ever held.
    await client.query(`
      create table seen (inputs text, output text);
      create function see() returns trigger language plpgsql as
        'begin insert into seen values (new.inputs, new.output); return new; end';
      create trigger see after insert or update on dbos.workflow_status for each row execute function see()`);
    const worker = shop.work(BOOTSTRAPPED, ...blobs);
    const coordinator = shop.coordinate(BOOTSTRAPPED, 'over-http', ...blobs);
    expect(await coordinator.ended, coordinator.lines.join('\n')).toBe(0);
    expect(await shop.state(BOOTSTRAPPED, 'over-http')).toEqual(await shop.expected(BOOTSTRAPPED));
    const { rows } = await client.query<{ inputs: string | null; output: string | null }>('select * from seen');
    await client.query('drop trigger see on dbos.workflow_status; drop table seen');
    await client.end();
    expect(rows.length).toBeGreaterThan(STEPS * (SHARDS + 1));
    // Less than one limb of one ciphertext.
    for (const { inputs, output } of rows) expect((inputs ?? '').length + (output ?? '').length).toBeLessThan(4096);
    expect(blobsLeft('served')).toEqual([]);
    await writeFile(shop.at('wrong-token'), 'guess');
    const stranger = shop.coordinate(BOOTSTRAPPED, 'stranger', '--blobs', url, '--blobs-token-file', 'wrong-token');
    expect(await stranger.ended).toBe(4);
    expect(stranger.lines.join('\n')).toMatch(/does not know the token/);
    for (const proc of [worker, store]) proc.kill();
  });
});
