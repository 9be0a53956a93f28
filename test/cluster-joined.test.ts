/** A trainer of an owner's service who has many machines: folders of `hermetic join` on a real PostgreSQL. */
import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Console } from '../src/cli/console.ts';
import { type RunningService, startService } from '../src/cli/service/running-service.ts';
import { ServiceClient } from '../src/client/service-client.ts';
import type { CreateNetwork } from '../src/protocol/service/types.ts';
import { type ClusterWorkshop, csv, makeClusterWorkshop, SHARDS, STEPS } from './fixtures/cluster-workshop.ts';
import { prepareEmbedded } from './fixtures/databases.ts';
import { postgresPrograms } from './fixtures/postgres.ts';

/** They say that they are skipped where Debian's PostgreSQL is not installed. */
const missing = (await postgresPrograms()) === undefined;
const silent = { write: () => {} };
const { signal } = new AbortController();

let shop: ClusterWorkshop;
let owner: RunningService;
beforeAll(async () => {
  if (missing) return;
  shop = await makeClusterWorkshop();
  await mkdir(shop.at('store'));
  await prepareEmbedded(shop.at('store'));
  const io = { stdout: silent, stderr: silent, env: {}, signal, unheard: signal, askSecret: undefined };
  owner = await startService(new Console(io), {
    folder: shop.at('store'),
    passphrase: 'correct horse battery staple',
    port: 0,
    threads: 1,
    tokenFile: shop.at('owner.token'),
    allowInsecure: true,
    insecureTestWorkFactor: 10,
  });
  const wish = { name: 'many', layers: '1:lin4', sampleCsv: csv(), label: 'y', set: 'insecure-10-9-3', batch: 16 };
  const client = new ServiceClient({ url: owner.url, token: owner.ownerToken ?? '' });
  await client.createNetwork(wish as unknown as CreateNetwork);
  const service = ['--server', owner.url, '--token-file', 'owner.token', '--json'];
  const { url } = JSON.parse((await shop.run('service', 'invite', 'Ada', ...service)).stdout());
  await shop.run('join', url, '--out', 'ada');
}, 240_000);
afterAll(async () => {
  await owner?.close();
  await shop?.close();
});

const data = ['--data', 'data.csv', '--label', 'y', '--threads', '1'];
const recipe = ['--batch', '16', '--steps', `${STEPS}`, '--learning-rate', '0.3', '--no-shadow'];
const train = (...more: string[]): string[] => ['train', '--joined', 'ada', ...data, ...recipe, ...more];

describe.skipIf(missing)('a folder that joined a network', () => {
  it('is trained in by workers, who need no more than a copy of it, and its result is handed in', async () => {
    const meeting = ['--database', shop.postgres.url, '--blobs', 'blobs'];
    const worker = shop.start('worker', '--joined', 'ada', ...meeting, ...data, '--poll', '20');
    await worker.said(/waiting for a run/);
    const many = shop.start(...train('--executor', 'dbos', '--shards', `${SHARDS}`, ...meeting, '--json'));
    expect(await many.ended, many.lines.join('\n')).toBe(0);
    expect(JSON.parse(many.stdout())).toMatchObject({ steps: STEPS, submission: { status: 'accepted', round: 1 } });
    expect(worker.lines.filter((line) => line.startsWith('gradient done'))).toHaveLength(STEPS * SHARDS);
    expect(worker.lines.join('\n')).toMatch(/owner-refresh done/);
    worker.kill();
  });

  it('refuses options that do not go together, and files that are not there, before it asks anybody', async () => {
    const said = async (...words: string[]): Promise<string> => {
      const proc = shop.start(...words);
      expect(await proc.ended).toBeGreaterThan(0);
      return proc.lines.join('\n');
    };
    expect(await said(...train('--executor', 'dbos'))).toMatch(/workers meet in a database/);
    expect(await said(...train('--audit', '0.1'))).toMatch(/--audit is of no use to one process/);
    const worker = ['worker', '--database', shop.postgres.url, '--blobs', 'blobs'];
    expect(await said(...worker, ...data)).toMatch(/needs keys.*--joined FOLDER/);
    expect(await said(...worker, '--joined', 'ada', '--data', 'none.csv')).toMatch(/cannot read none.csv/);
  });
});
