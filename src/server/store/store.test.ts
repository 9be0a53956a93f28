/** The store on both of its databases: PGlite in the folder, and a PostgreSQL server where one is installed. */
import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, postgresPrograms, startPostgres } from '../../../test/fixtures/databases.ts';
import { newFolder } from '../../../test/fixtures/service.ts';
import { HermeticError } from '../../base/errors.ts';
import { UnlockLedger } from '../../owner/unlock-ledger.ts';
import {
  appendAudit,
  auditNames,
  checkAudit,
  countAudit,
  FIRST_PREVIOUS,
  readAudit,
  verifyAudit,
} from './audit-log.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { openStore, type Store } from './open-store.ts';
import { appendSample, MOST_SAMPLES, readSamples } from './run-history.ts';
import { databaseUnlockBook } from './unlock-book.ts';

const programs = postgresPrograms();
if (programs === undefined) console.warn('PostgreSQL is not installed: the store is tested on PGlite alone');
/** A cluster takes seconds to make, and many where other tests have the cores. */
const PATIENCE_MS = 180_000;
let server: PostgresServer | undefined;
beforeAll(async () => {
  server = programs === undefined ? undefined : await startPostgres(programs);
}, PATIENCE_MS);
afterAll(() => server?.stop());

const AT = new Date('2026-02-03T04:05:06.789Z');
const NOTE = { actor: 'owner', action: 'test', subject: 'x' };
const HASH = 'ab'.repeat(32);

describe.each(['PGlite', 'PostgreSQL'])('the store on %s', (kind) => {
  const skipped = kind === 'PostgreSQL' && programs === undefined;
  let folder: string;
  let database: string | undefined;
  let store: Store;
  const open = (where: string = folder): Promise<Store> =>
    openStore({ folder: where, ...(database !== undefined && { database }) });
  beforeAll(async () => {
    if (skipped) return;
    database = kind === 'PostgreSQL' ? await server?.database() : undefined;
    folder = await newFolder(database);
    store = await open();
  }, PATIENCE_MS);
  afterAll(async () => {
    if (skipped) return;
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.skipIf(skipped)('is migrated once, and again without any effect', async () => {
    const before = await store.database.selectFrom('store').selectAll().execute();
    expect(await migrate(store.database, 'another')).toBe(before[0].storeId);
    expect(await store.database.selectFrom('store').selectAll().execute()).toEqual(before);
    expect(before[0].version).toBe(MIGRATIONS.at(-1)?.version);
  });

  it.skipIf(skipped)('runs a migration as a whole or not at all, and refuses a newer database', async () => {
    const next = MIGRATIONS.length + 1;
    const broken = { version: next, statements: ['create table half (id integer)', 'create table half (id integer)'] };
    await expect(migrate(store.database, '', [...MIGRATIONS, broken])).rejects.toThrow();
    const tables = await store.database.introspection.getTables();
    expect(tables.some(({ name }) => name === 'half')).toBe(false);
    await store.database.updateTable('store').set({ version: next }).execute();
    await expect(migrate(store.database, '')).rejects.toMatchObject({ code: 'BAD_FILE', got: `${next}` });
    await store.database
      .updateTable('store')
      .set({ version: next - 1 })
      .execute();
  });

  it.skipIf(skipped)('gives back instants and sizes as they were put in', async () => {
    const row = { sha256: HASH, bytes: 2 ** 52 + 1, createdAt: AT };
    await store.database.insertInto('blobs').values(row).execute();
    const [read] = await store.database.selectFrom('blobs').selectAll().execute();
    expect(read).toEqual(row);
    const { count } = await store.database
      .selectFrom('blobs')
      .select((build) => build.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    expect(count).toBe(1);
    await store.database.deleteFrom('blobs').execute();
  });

  it.skipIf(skipped)(
    'chains entries of the audit log that come at the same time, and loses those of what failed',
    async () => {
      const { database: db } = store;
      const jobs = Array.from({ length: 20 }, (_, i) =>
        db.transaction().execute(async (transaction) => {
          await appendAudit(transaction, AT, { ...NOTE, details: { i } }, { ...NOTE, subject: 'y' });
          if (i % 5 === 0) throw new Error('on purpose');
        }),
      );
      const outcomes = await Promise.allSettled(jobs);
      expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(4);
      const entries = await readAudit(db, {}, 100);
      expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 32 }, (_, i) => i + 1));
      expect(entries[0]).toMatchObject({ previous: FIRST_PREVIOUS, at: AT.toISOString() });
      expect(entries.every(({ previous }, i) => i === 0 || previous === entries[i - 1].hash)).toBe(true);
      expect(await verifyAudit(db)).toBe(true);
    },
  );

  it.skipIf(skipped)('reads the log from either end, by pages, filtered', async () => {
    const { database: db } = store;
    const numbers = async (...asked: Parameters<typeof readAudit> extends [unknown, ...infer R] ? R : never) =>
      (await readAudit(db, ...asked)).map(({ seq }) => seq);
    expect(await numbers({ order: 'newest' }, 3)).toEqual([32, 31, 30]);
    expect(await numbers({ order: 'newest', before: 30 }, 2)).toEqual([29, 28]);
    expect(await numbers({ after: 30 }, 9)).toEqual([31, 32]);
    expect(await numbers({ after: 3, before: 6 }, 9)).toEqual([4, 5]);
    const [network, party] = ['1a'.repeat(16), '2b'.repeat(16)];
    await seedKey(store, network, '3c'.repeat(32));
    const row = { id: party, name: 'n', role: 'trainer', networkId: network, createdAt: AT } as const;
    const counts = { refreshBudget: 1, refreshesUsed: 0, unlockRows: 0 };
    await db
      .insertInto('parties')
      .values({ ...row, ...counts })
      .execute();
    await db
      .transaction()
      .execute((transaction) =>
        appendAudit(
          transaction,
          AT,
          { actor: 'n', action: 'refresh', subject: 'run', details: { party } },
          { actor: 'owner', action: 'gates', subject: network },
          { actor: 'n', action: 'refresh', subject: 'run', details: { party: '4d'.repeat(16), key: network } },
          { actor: 'owner', action: 'gates', subject: '5e'.repeat(16), details: { network: 'no' } },
        ),
      );
    expect(await numbers({ network }, 9)).toEqual([33, 34, 35]);
    expect(await numbers({ network, actor: 'n', order: 'newest' }, 9)).toEqual([35, 33]);
    expect(await countAudit(db, { action: 'gates' })).toBe(2);
    expect(await countAudit(db, { action: 'gates', network })).toBe(1);
    expect(await auditNames(db)).toEqual({ actors: ['n', 'owner'], actions: ['gates', 'refresh', 'test'] });
    const [last] = await readAudit(db, { order: 'newest' }, 1);
    expect(await checkAudit(db)).toEqual({ intact: true, end: { seq: 36, hash: last.hash } });
  });

  it.skipIf(skipped)('keeps of a long run as little as of a short one: both ends, and the rest evenly', async () => {
    const { database: db } = store;
    const run = { partyId: '2b'.repeat(16), id: 'long', networkId: '1a'.repeat(16), steps: 5000, startedAt: AT };
    const reported = (step: number) => ({
      ...{ ...run, step, rowsPerSecond: step / 10, lastSeenAt: new Date(AT.getTime() + step * 1000) },
    });
    await db.insertInto('runs').values(reported(1)).execute();
    const steps = 600;
    await db.transaction().execute(async (transaction) => {
      for (let step = 1; step <= steps; step++) await appendSample(transaction, reported(step));
      // What is told late, or twice, is known.
      await appendSample(transaction, reported(steps));
    });
    const samples = await readSamples(db, run.partyId, run.id);
    expect(samples).toHaveLength(MOST_SAMPLES);
    expect([samples[0].step, samples.at(-1)]).toEqual([
      1,
      { at: reported(steps).lastSeenAt.toISOString(), step: steps, rowsPerSecond: steps / 10 },
    ]);
    const gaps = samples.slice(1).map(({ step }, i) => step - samples[i].step);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(3 * Math.ceil(steps / MOST_SAMPLES));
    expect(gaps.every((gap) => gap > 0)).toBe(true);
    expect(await readSamples(db, run.partyId, 'unknown')).toEqual([]);
  });

  it.skipIf(skipped)('lets nobody change the audit log, and finds it where someone did all the same', async () => {
    const { database: db } = store;
    await expect(sql`update audit set actor = 'nobody' where seq = 3`.execute(db)).rejects.toThrow(
      'only ever appended',
    );
    await expect(sql`delete from audit`.execute(db)).rejects.toThrow('only ever appended');
    await expect(sql`truncate audit`.execute(db)).rejects.toThrow('only ever appended');
    const tampering = [
      `update audit set actor = 'nobody' where seq = 3`,
      `update audit set details = '{"i":"other"}' where seq = 5`,
      `update audit set at = at + interval '1 ms' where seq = 1`,
      'delete from audit where seq = 9',
      'delete from audit where seq = 36',
      'update audit set seq = 100 - seq where seq in (10, 90)',
      'update audit_head set seq = 35, hash = (select hash from audit where seq = 34)',
    ];
    const intact = () => verifyAudit(db);
    for (const statement of tampering) {
      const rollback = new Error('undo');
      const found = await db
        .transaction()
        .execute(async (transaction) => {
          await sql`alter table audit disable trigger audit_append_only`.execute(transaction);
          await sql.raw(statement).execute(transaction);
          const result = await verifyAudit(transaction);
          throw Object.assign(rollback, { result });
        })
        .catch((error: { result?: boolean }) => error.result);
      expect(found, statement).toBe(false);
    }
    expect(await intact()).toBe(true);
  });

  it.skipIf(skipped)(
    'keeps the ledger of unlocked answers: counted once, never above the limit, whoever asks at once',
    async () => {
      const keyId = 'cd'.repeat(16);
      await seedKey(store, keyId);
      const key = { keyId, context: { parameters: { N: 512, logN: 9, logQP: 400, insecure: true } } };
      const noted: number[] = [];
      const ledger = (): UnlockLedger =>
        new UnlockLedger(
          databaseUnlockBook(store.database, [keyId], async (transaction, added) => {
            noted.push(added.get(keyId)?.length ?? 0);
            await appendAudit(transaction, AT, NOTE);
          }),
        );
      const answer = (row: number) => ({ predictions: HASH, row, release: 'label', bits: 1 });
      const asked = [0, 1, 2, 3, 4, 5, 0, 1].map((row) => ledger().charge(key, [answer(row)]));
      const outcomes = await Promise.allSettled(asked);
      const { used, left, limit } = await ledger().account(key);
      expect([used, left, limit]).toEqual([4, 0, 4]);
      const refused = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason as HermeticError] : [],
      );
      expect(refused.every(({ code }) => code === 'POLICY_DENIED')).toBe(true);
      expect(noted.filter((count) => count === 1)).toHaveLength(4);
      const known = (await ledger().answers(key)).map(({ row }) => row);
      await ledger().charge(key, known.map(answer));
      expect((await ledger().account(key)).used).toBe(4);
      await expect(ledger().charge(key, [answer(known[0]), answer(99)])).rejects.toMatchObject({
        code: 'POLICY_DENIED',
      });
      expect(await verifyAudit(store.database)).toBe(true);
    },
  );

  it.skipIf(skipped)('is open to one process at a time, and belongs to its folder', async () => {
    await expect(open()).rejects.toMatchObject({ code: 'DISK' });
    if (database === undefined) return;
    const stranger = await newFolder(database);
    await expect(open(stranger)).rejects.toMatchObject({ code: 'BAD_FILE', mend: expect.stringContaining('in use') });
    expect(existsSync(join(stranger, 'store-id'))).toBe(false);
    await rm(stranger, { recursive: true });
  });

  it.skipIf(skipped)('clears away what no row names when it is opened, and nothing else', async () => {
    const kept = await store.blobs.putBytes(new Uint8Array([1]));
    await seedKey(store, 'ef'.repeat(16), kept.sha256);
    const lost = await store.blobs.putBytes(new Uint8Array([2]));
    const answer = await store.answers.putBytes(new Uint8Array([3]));
    await writeFile(join(folder, 'blobs', `${'0'.repeat(32)}.unfinished`), 'half');
    await writeFile(join(folder, 'uploads', '1'.repeat(32)), 'nobody’s');
    await store.close();
    store = await open();
    expect([await store.blobs.has(kept.sha256), await store.blobs.has(lost.sha256)]).toEqual([true, false]);
    expect(await store.answers.has(answer.sha256)).toBe(false);
    expect((await readdir(join(folder, 'blobs'))).filter((name) => name.includes('.'))).toEqual([]);
    expect(await readdir(join(folder, 'uploads'))).toEqual([]);
    expect(await verifyAudit(store.database)).toBe(true);
  });
});

describe('a folder whose database is gone', () => {
  it('is refused, and keeps every file', { timeout: PATIENCE_MS }, async () => {
    const folder = await newFolder();
    const first = await openStore({ folder });
    const { sha256 } = await first.blobs.putBytes(new Uint8Array([7]));
    await first.close();
    await rm(join(folder, 'db'), { recursive: true });
    const before = await readdir(join(folder, 'blobs'), { recursive: true });
    await expect(openStore({ folder })).rejects.toMatchObject({ code: 'BAD_FILE' });
    expect(await readdir(join(folder, 'blobs'), { recursive: true })).toEqual(before);
    expect(before.join()).toContain(sha256.slice(4));
    await rm(folder, { recursive: true });
  });
});

describe('the address of a database', () => {
  it('must be one, and is not repeated where nothing answers', async () => {
    const folder = await newFolder('none');
    await expect(openStore({ folder, database: 'mysql://x' })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    const away = openStore({ folder, database: 'postgres://user:hunter2@127.0.0.1:1/db' });
    const error = await away.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HermeticError);
    expect(
      [(error as HermeticError).code, JSON.stringify(error), (error as HermeticError).message].join(),
    ).not.toContain('hunter2');
    await rm(folder, { recursive: true });
  });
});

/** Rows that a key must stand on. */
async function seedKey({ database }: Store, id: string, sha256: string = HASH): Promise<void> {
  const once = <T>(build: T): T => build;
  await database
    .insertInto('blobs')
    .values({ sha256, bytes: 1, createdAt: AT })
    .onConflict((conflict) => once(conflict).doNothing())
    .execute();
  const network = { name: 'n', createdAt: AT, architecture: '', features: '', gates: '{}', setName: '', batch: 1 };
  await database
    .insertInto('networks')
    .values({ id, ...network, heldOutRows: 0, headId: '' })
    .execute();
  const key = { id, networkId: id, setName: '', createdAt: AT, trainerKeysSha256: sha256 };
  await database.insertInto('keys').values(key).execute();
}
