/**
 * Keeps other processes out of what one is at. The lock is a listening socket, which the system takes back however its
 * holder ends: a killed run leaves nothing behind that would keep its successor out.
 */
import { stat, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Lock {
  /** False where the system has no sockets of this kind: then nobody is kept out. */
  readonly exclusive: boolean;
  release(): Promise<void>;
}

/**
 * The lock that `use` names in an existing folder, known by its number: it may be known by many paths. Undefined where
 * another process, or this one, holds it.
 */
export async function lockIn(folder: string, use: string): Promise<Lock | undefined> {
  const { dev, ino } = await stat(folder, { bigint: true });
  return lockAddress(addressOf(`hermetic-${use}-${dev}-${ino}`));
}

/** Listens at `address` until it is released; undefined where someone else does. */
export async function lockAddress(address: string): Promise<Lock | undefined> {
  const server = await open(address);
  if (server === 'taken') return undefined;
  return {
    exclusive: server !== undefined,
    release: () => new Promise((resolve) => (server === undefined ? resolve() : server.close(() => resolve()))),
  };
}

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
