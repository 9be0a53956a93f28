/** A throw-away PostgreSQL from Debian, on loopback: a cluster in a temporary folder, on a free port, gone afterwards. */
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { appendFile, chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export async function postgresPrograms() {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  const [newest] = versions
    .map(Number)
    .filter(Number.isFinite)
    .sort((a, b) => b - a);
  return newest === undefined ? undefined : join(root, String(newest), 'bin');
}

export async function startPostgres({ superuser = 'hermetic' } = {}) {
  const programs = await postgresPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is missing: apt-get install postgresql');
  const folder = await mkdtemp(join(tmpdir(), 'hermetic-postgres-'));
  const as = await serverUser();
  if (as !== undefined) await chown(folder, as.uid, as.gid);
  // PostgreSQL refuses to run as root.
  const execute = (program, ...args) => {
    const path = join(programs, program);
    return as
      ? run('runuser', ['-u', 'postgres', '--', path, ...args], { cwd: folder })
      : run(path, args, { cwd: folder });
  };
  const data = join(folder, 'data');
  await execute('initdb', '--pgdata', data, '--username', superuser, '--auth', 'trust', '--no-sync');
  const control = (...words) => execute('pg_ctl', '--pgdata', data, '--log', join(folder, 'log'), '--wait', ...words);
  const startOn = async (port) => {
    const settings = [
      `port = ${port}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = '${folder}'`,
      'max_connections = 200',
      'fsync = off',
    ];
    await writeFile(join(data, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
    await control('start');
    return port;
  };
  // Another may have been quicker to take the port.
  const port = await startOn(await freePort()).catch(async () => startOn(await freePort()));
  return {
    port,
    url: `postgres://${superuser}@127.0.0.1:${port}/postgres`,
    folder,
    configure: async (files) => {
      for (const [name, content] of Object.entries(files)) {
        const path = join(data, name);
        if (name === 'postgresql.conf') await appendFile(path, `\n${content}\n`);
        else await writeFile(path, content, { mode: 0o600 });
        if (as !== undefined) await chown(path, as.uid, as.gid);
      }
      await control('--mode', 'fast', 'restart');
    },
    restart: async () => {
      await control('--mode', 'immediate', 'restart');
    },
    stop: async () => {
      await control('--mode', 'immediate', 'stop');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The user `postgres`, where this process is root; undefined where it may run the server itself. */
async function serverUser() {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (flag) => Number((await run('id', [flag, 'postgres'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

/** A port that nobody listens on, below those that a system hands out by itself: what is free now is free in a second. */
export async function freePort() {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
