/** `hermetic/server`: the owner's refresh service over HTTP. */
import type { Hono } from 'hono';
import type { Listener, ListenOptions } from './node/listener.ts';

export type { RefreshServerOptions } from './refresh-server.ts';
export { createRefreshServer, hashToken, type Party } from './refresh-server.ts';
export type { Listener, ListenOptions };

/** Gives the application a port (Node). @throws HermeticError BAD_ARGUMENT where it is taken */
export async function listen(app: Hono, options: ListenOptions): Promise<Listener> {
  return (await import('./node/listener.ts')).listen(app, options);
}
