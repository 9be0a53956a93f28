/**
 * A small store of blobs of the trainer's own: PUT, GET and DELETE /blobs/{sha256} on a folder, for those who know the
 * token. What comes in is hashed on its way to the disk and gets its name only if that is its hash.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, stat, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HermeticError } from '../../base/errors.ts';
import { type FolderBlobs, folderBlobs } from './folder-blobs.ts';

export interface BlobServerOptions {
  readonly folder: string;
  readonly token: string;
  /** 0: any free one. */
  readonly port: number;
  readonly hostname?: string;
  /** Of one blob; default 64 MiB, more than a ciphertext of any set. */
  readonly maxBytes?: number;
}

export interface BlobServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const ROUTE = /^\/blobs\/([0-9a-f]{64})$/;
const MAX_BYTES = 64 << 20;

/** @throws HermeticError BAD_ARGUMENT where the port is taken or not allowed */
export async function serveBlobs(options: BlobServerOptions): Promise<BlobServer> {
  const { folder, token, port, hostname = '127.0.0.1', maxBytes = MAX_BYTES } = options;
  const blobs = folderBlobs(folder);
  const digest = createHash('sha256').update(token).digest();
  const server = createServer((request, response) => {
    answer(request, response, { blobs, digest, maxBytes }).catch(() => {
      // The client has gone, or the disk refuses: a status is all that is told.
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await listen(server, port, hostname);
  const bound = (server.address() as AddressInfo).port;
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return { url: `http://${host}:${bound}`, port: bound, close: () => close(server) };
}

interface Service {
  readonly blobs: FolderBlobs;
  readonly digest: Buffer;
  readonly maxBytes: number;
}

async function answer(request: IncomingMessage, response: ServerResponse, service: Service): Promise<void> {
  const name = ROUTE.exec(request.url ?? '')?.[1];
  if (!knows(request, service.digest)) return refuse(request, response, 401);
  if (name === undefined) return refuse(request, response, 404);
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return give(request, response, service.blobs.path(name));
    case 'PUT':
      return take(request, response, service, name);
    case 'DELETE':
      await service.blobs.remove(name);
      return refuse(request, response, 204);
    default:
      return refuse(request, response, 405);
  }
}

function knows({ headers }: IncomingMessage, digest: Buffer): boolean {
  const [, given] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
  return given !== undefined && timingSafeEqual(createHash('sha256').update(given).digest(), digest);
}

function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  request.resume();
  response.writeHead(status).end();
}

async function give(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there === undefined) return refuse(request, response, 404);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': there.size });
  if (request.method === 'HEAD') response.end();
  else await pipeline(createReadStream(path), response);
}

async function take(request: IncomingMessage, response: ServerResponse, service: Service, name: string): Promise<void> {
  const { blobs, maxBytes } = service;
  if (Number(request.headers['content-length'] ?? Number.NaN) > maxBytes) return refuse(request, response, 413);
  const temporary = await blobs.temporary(name);
  const hash = createHash('sha256');
  let bytes = 0;
  const watch = new Transform({
    transform: (chunk: Buffer, _, next) => {
      hash.update(chunk);
      bytes += chunk.length;
      next(bytes > maxBytes ? new Error('too long') : null, chunk);
    },
  });
  try {
    await pipeline(request, watch, createWriteStream(temporary, { mode: 0o600 }));
    if (hash.digest('hex') !== name) return refuse(request, response, 422);
    await rename(temporary, blobs.path(name));
    response.writeHead(201).end();
  } finally {
    await unlink(temporary).catch(() => {});
  }
}

function listen(server: Server, port: number, hostname: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new HermeticError('BAD_ARGUMENT', `cannot listen on ${hostname}:${port} (${error.code ?? error.message})`, {
          mend: 'Choose another port with --port.',
          cause: error,
        }),
      );
    });
    server.listen(port, hostname, () => resolve());
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
