/**
 * Keeps a second process out of a folder. The lock is a listening socket, which the system takes back however its
 * holder ends: a killed run leaves nothing behind that would keep its successor out.
 */
import { stat, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';

/**
 * Locks an existing folder until the function that it gives is called. Where the system has no sockets of this kind,
 * the folder stays open to all.
 * @throws HermeticError DISK where another process, or this one, holds the lock
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const { dev, ino } = await stat(folder, { bigint: true });
  const release = await lockAddress(addressOf(`hermetic-${dev}-${ino}`));
  if (release !== undefined) return release;
  throw new HermeticError('DISK', `another run is at work in ${folder}`, {
    mend: 'Wait until it has ended, or name another checkpoint folder.',
  });
}

/** Listens at `address` until the function that it gives is called; undefined where someone else does. */
export async function lockAddress(address: string): Promise<(() => Promise<void>) | undefined> {
  const server = await open(address);
  if (server === 'taken') return undefined;
  return () => new Promise((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
}

/** The folder is named by its number: it may be known by many paths. */
function addressOf(name: string): string {
  if (process.platform === 'linux') return `\0${name}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.lock`);
}

async function open(address: string): Promise<Server | 'taken' | undefined> {
  const first = await listen(address);
  if (first !== 'taken' || !address.startsWith('/') || (await answers(address))) return first;
  // A socket with a name in the file system outlives its process.
  await unlink(address).catch(() => {});
  return listen(address);
}

function listen(address: string): Promise<Server | 'taken' | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'EADDRINUSE' ? 'taken' : undefined));
    server.listen(address, () => resolve(server.unref()));
  });
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(address);
    const tell = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => tell(true));
    socket.once('error', () => tell(false));
  });
}
