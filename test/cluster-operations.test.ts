/**
 * The operator's page, `docs/cluster.md`, carried out: its certificates, settings of PostgreSQL, roles and commands, as they
 * stand there, with other addresses. TLS and passwords are real; a server of a few lines stands in for nginx.
 */
import { execFile } from 'node:child_process';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BOOTSTRAPPED,
  type ClusterWorkshop,
  csv,
  makeClusterWorkshop,
  type Proc,
} from './fixtures/cluster-workshop.ts';
import { postgresPrograms } from './fixtures/postgres.ts';

const execute = promisify(execFile);
const page = await readFile(new URL('../docs/cluster.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, text]) => text);

/** The block of the page that has these words, its machine by another name. */
function block(words: RegExp): string {
  const [found, ...more] = blocks.filter((text) => words.test(text));
  if (found === undefined || more.length > 0) throw new Error(`not one block of the page has ${words}`);
  return found.replaceAll(/\bm1\b/g, 'localhost');
}

/** They say that they are skipped where Debian's PostgreSQL or OpenSSL is not installed. */
const missing =
  (await postgresPrograms()) === undefined ||
  (await execute('openssl', ['version']).then(
    () => false,
    () => true,
  ));
const PASSWORDS = { hermetic_admin: 'of: the admin', hermetic: 'of \\ everybody' };
const PARTS = 2;

let shop: ClusterWorkshop;
let frontDoor: Server;
let blobsAt = '';
const address = (role: string, mode = 'verify-full'): string =>
  `postgres://${role}@localhost:${shop.postgres.port}/hermetic?sslmode=${mode}`;

/** As PostgreSQL's own user, by its socket. */
async function asAdministrator(database: string, ...statements: string[]): Promise<void> {
  const { folder: host, port } = shop.postgres;
  const client = new pg.Client({ host, port, user: 'postgres', database });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

async function makeDatabase(withRoles: boolean): Promise<void> {
  const text = block(/createdb hermetic/);
  let [, roles] = /psql hermetic -c "([^"]*)"/.exec(text) ?? [];
  for (const password of Object.values(PASSWORDS)) roles = roles.replace("'…'", `'${password}'`);
  const grants = roles.split(';').filter((statement) => withRoles || !/create role/.test(statement));
  await asAdministrator('postgres', 'create database hermetic');
  await asAdministrator('hermetic', ...grants);
  const words = /hermetic (runs .*)/.exec(text)?.[1].replaceAll("'", '').split(/\s+/) as string[];
  const prepared = await shop.run(
    ...words.map((word) => (word.startsWith('postgres:') ? address('hermetic_admin') : word)),
  );
  expect(prepared.stdout()).toBe('no runs\n');
}

async function configure(): Promise<void> {
  const [settings, , door] = block(/listen_addresses/).split(/^(# pg_hba.conf.*)$/m);
  const inFolder = settings.replaceAll(/'\/etc\/postgresql\/(.*)'/g, "'$1'").replace('10.0.0.1', '127.0.0.1');
  await shop.postgres.configure({
    'localhost.pem': await readFile(shop.at('localhost.pem'), 'utf8'),
    'localhost.key': await readFile(shop.at('localhost.key'), 'utf8'),
    'postgresql.conf': inFolder,
    'pg_hba.conf': `local all postgres trust\n${door.replace('10.0.0.0/24', '127.0.0.1/32')}`,
  });
}

/** What nginx does: ends TLS, and passes on. */
async function openFrontDoor(port: number): Promise<string> {
  const [key, cert] = [await readFile(shop.at('localhost.key')), await readFile(shop.at('localhost.pem'))];
  frontDoor = createServer({ key, cert }, (incoming, outer) => {
    const { method, url: path, headers } = incoming;
    const inner = request({ port, method, path, headers }, (answer) => {
      outer.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outer);
    });
    inner.once('error', () => outer.destroy());
    incoming.pipe(inner);
  });
  await new Promise<void>((resolve) => frontDoor.listen(0, '127.0.0.1', resolve));
  return `https://localhost:${(frontDoor.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  if (missing) return;
  shop = await makeClusterWorkshop({
    superuser: 'postgres',
    env: (folder) => ({ HOME: folder, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }),
  });
  await execute('bash', ['-e', '-c', block(/openssl req/)], { cwd: shop.folder });
  await configure();
  const escaped = (text: string): string => text.replaceAll(/[\\:]/g, '\\$&');
  const lines = Object.entries(PASSWORDS).map(
    ([role, password]) => `localhost:*:hermetic:${role}:${escaped(password)}\n`,
  );
  await writeFile(shop.at('.pgpass'), lines.join(''), { mode: 0o600 });
  await makeDatabase(true);
  await shop.project(BOOTSTRAPPED);
  await writeFile(shop.at('first.csv'), csv(0, 32));
  await writeFile(shop.at('second.csv'), csv(32, 32));
  await shop.run(...shop.train(BOOTSTRAPPED, 'whole', '--shards', `${PARTS}`));
  const store = shop.start('blobs', 'served', '--port', '0', '--token-file', 'token', '--json');
  while (!store.stdout().includes('\n')) await new Promise((resolve) => setTimeout(resolve, 10));
  blobsAt = await openFrontDoor(JSON.parse(store.stdout()).port);
}, 240_000);
afterAll(async () => {
  frontDoor?.closeAllConnections();
  frontDoor?.close();
  await shop?.close();
});

const meeting = (): string[] => ['--database', address('hermetic'), '--blobs', blobsAt, '--blobs-token-file', 'token'];
const own = (part: number): string[] => {
  return ['--data', part === 1 ? 'first.csv' : 'second.csv', '--label', 'y', '--shard', `${part}/${PARTS}`];
};
const work = (part: number): Proc => {
  const { name } = BOOTSTRAPPED;
  const keys = ['--keys', `${name}/trainer.keys`, '--bootstrapping-keys', `${name}/bootstrapping.keys`];
  return shop.start(
    'worker',
    ...meeting(),
    ...keys,
    ...own(part),
    '--threads',
    '1',
    '--poll',
    '20',
    '--name',
    `m${part}`,
  );
};
const coordinate = (): Proc =>
  shop.start(...shop.train(BOOTSTRAPPED, 'parts', '--executor', 'dbos', ...meeting(), ...own(1), '--progress', 'json'));

describe.skipIf(missing)('the database of the page', () => {
  const refused = async (database: string, reason: RegExp): Promise<void> => {
    const proc = shop.start('runs', '--database', database);
    expect(await proc.ended).toBe(1);
    expect(proc.lines.join('\n')).toMatch(reason);
  };

  it('is open over TLS alone, to those who know a password, at the name of the certificate', async () => {
    expect((await shop.run('runs', '--database', address('hermetic'))).stdout()).toBe('no runs\n');
    await refused(address('hermetic', 'disable'), /no pg_hba.conf entry/);
    await refused(address('hermetic').replace('localhost', '127.0.0.1'), /does not match|altnames/i);
    await refused(address('hermetic').replace('hermetic@', 'hermetic:guess@'), /password authentication failed/);
    await refused(address('postgres'), /no pg_hba.conf entry/);
  });

  it('lets the role that all work as make no tables', async () => {
    const client = new pg.Client({
      host: 'localhost',
      port: shop.postgres.port,
      user: 'hermetic',
      password: PASSWORDS.hermetic,
      database: 'hermetic',
      ssl: { ca: await readFile(shop.at('ca.pem'), 'utf8') },
    });
    await client.connect();
    for (const statement of ['create schema mine', 'create table hermetic.mine (x int)', 'drop table hermetic.runs']) {
      await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
    }
    await client.end();
  });
});

describe.skipIf(missing)('machines of the page, each with its rows', () => {
  it('end where one process ends, though database and store of blobs are lost on the way', {
    timeout: 240_000,
  }, async () => {
    const workers = [work(1), work(2)];
    const first = coordinate();
    await first.said(/"event":"step","step":2,/);
    first.kill();
    await first.ended;
    for (const worker of workers) worker.kill();
    await Promise.all(workers.map(({ ended }) => ended));
    await cp(shop.at('parts'), shop.at('backup'), { recursive: true });
    const list = JSON.parse((await shop.run('runs', '--database', address('hermetic'), '--json')).stdout());
    expect(list.runs).toMatchObject([{ state: 'interrupted', shards: PARTS }]);
    // All that is left is what the page says to keep.
    await asAdministrator('postgres', 'drop database hermetic with (force)');
    for (const folder of ['served', 'parts']) await rm(shop.at(folder), { recursive: true });
    await cp(shop.at('backup'), shop.at('parts'), { recursive: true });
    await makeDatabase(false);
    const others = [work(1), work(2)];
    const second = coordinate();
    expect(await second.ended, second.lines.join('\n')).toBe(0);
    expect(await shop.state(BOOTSTRAPPED, 'parts')).toEqual(await shop.state(BOOTSTRAPPED, 'whole'));
    for (const worker of others) worker.kill();
  });
});
