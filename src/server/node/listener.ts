/** Gives an HTTP application a port, on Node. */
import type { AddressInfo } from 'node:net';
import { type ServerType, serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { HermeticError } from '../../base/errors.ts';

export interface ListenOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Default 127.0.0.1: reachable from this machine alone. */
  readonly hostname?: string;
}

export interface Listener {
  readonly port: number;
  readonly url: string;
  /** Takes no more requests, gives those under way a second, and frees the port. */
  close(): Promise<void>;
}

/** Resolves when the port is open. BAD_ARGUMENT where it is taken or not allowed. */
export function listen(app: Hono, options: ListenOptions): Promise<Listener> {
  const { port, hostname = '127.0.0.1' } = options;
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, port, hostname }, (info: AddressInfo) => {
      const host = hostname.includes(':') ? `[${hostname}]` : hostname;
      const close = () => closeServer(server);
      resolve({ port: info.port, url: `http://${host}:${info.port}`, close });
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new HermeticError('BAD_ARGUMENT', `cannot listen on ${hostname}:${port} (${error.code ?? error.message})`, {
          mend: 'Choose another port with --port.',
          cause: error,
        }),
      );
    });
  });
}

const GRACE_MS = 1000;

function closeServer(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    const cut = () => 'closeAllConnections' in server && server.closeAllConnections();
    const timer = setTimeout(cut, GRACE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    if ('closeIdleConnections' in server) server.closeIdleConnections();
  });
}
