import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type PostgresServer,
  postgresPrograms,
  prepareEmbedded,
  startPostgres,
} from '../../../test/fixtures/databases.ts';
import { ServiceClient } from '../../client/service-client.ts';
import type { CreateNetwork, Overview } from '../../protocol/service/types.ts';
import { Console } from '../console.ts';
import { say } from '../memory-io.ts';
import { startService } from './running-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'hermetic-move-'));
const at = (name: string): string => join(folder, name);
const programs = postgresPrograms();
let server: PostgresServer | undefined;
/** A PostgreSQL server where one is installed, another embedded database elsewhere. */
let target = '';

beforeAll(async () => {
  server = programs === undefined ? undefined : await startPostgres(programs);
  mkdirSync(at('store'));
  mkdirSync(at('elsewhere'));
  await prepareEmbedded(at('store'));
  if (server === undefined) await prepareEmbedded(at('elsewhere'));
  target = (await server?.database()) ?? at('elsewhere/db');
});

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const quiet = { write: () => {} };
const never = new AbortController().signal;
const io = { stdout: quiet, stderr: quiet, env: {}, signal: never, unheard: never, askSecret: undefined };

/** What the owner sees of the store in this database. */
async function withService<T>(database: string | undefined, use: (client: ServiceClient) => Promise<T>): Promise<T> {
  const running = await startService(new Console(io), {
    ...{ folder: at('store'), database, passphrase: 'correct horse', port: 0, threads: 1, tokenFile: at('token') },
    ...{ allowInsecure: true, insecureTestWorkFactor: 10 },
  });
  try {
    return await use(new ServiceClient({ url: running.url, token: running.ownerToken ?? '', attempts: 1 }));
  } finally {
    await running.close();
  }
}

describe('a store', () => {
  const wish = { name: 'net', recipe: 'xor', set: 'insecure-9-9-3' } as unknown as CreateNetwork;
  let before: Overview;

  it('is moved to another database as a whole', async () => {
    before = await withService(undefined, async (client) => {
      const { id } = await client.createNetwork(wish);
      await client.invite({ name: 'Ada', networkId: id });
      return client.overview();
    });
    const moved = await say(['store', 'move', at('store'), '--to', target, '--json']);
    expect(moved.stderr).toBe('');
    expect(moved.json()).toMatchObject({ folder: at('store'), rows: expect.any(Number) });
    await withService(target, async (client) => {
      expect(await client.overview()).toEqual(before);
      const { entries, intact } = await client.audit();
      expect([entries.length, intact]).toEqual([moved.json().auditEntries, true]);
      expect((await client.openModel(before.networks[0].headId)).length).toBeGreaterThan(0);
    });
  });

  it('is not gone on with where it was', async () => {
    await expect(withService(undefined, async () => {})).rejects.toMatchObject({ code: 'BAD_FILE' });
    const again = await say(['store', 'move', at('store'), '--from', target]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('in use already')]);
    const nowhere = await say(['store', 'move', at('store')]);
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('--to')]);
  });

  it('comes back, once the old database is out of the way', async () => {
    rmSync(at('store/db'), { recursive: true });
    await expect(withService(undefined, async () => {})).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await prepareEmbedded(at('store'));
    expect(await say(['store', 'move', at('store'), '--from', target])).toMatchObject({ code: 0 });
    await withService(undefined, async (client) => expect((await client.overview()).networks).toEqual(before.networks));
  });
});
