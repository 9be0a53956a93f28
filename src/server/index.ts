/** `hermetic/server`: the owner's service over HTTP, and the refresh server alone. */
import type { Hono } from 'hono';
import type { Listener, ListenOptions } from './node/listener.ts';
import type { Service, ServiceOptions } from './service/create-service.ts';
import type { Store, StoreOptions } from './store/open-store.ts';

export type { RefreshServerOptions } from './refresh-server.ts';
export { createRefreshServer, hashToken, type Party } from './refresh-server.ts';
export type { Listener, ListenOptions, Service, ServiceOptions, Store, StoreOptions };

/** Gives the application a port (Node). @throws HermeticError BAD_ARGUMENT where it is taken */
export async function listen(app: Hono, options: ListenOptions): Promise<Listener> {
  return (await import('./node/listener.ts')).listen(app, options);
}

/**
 * Opens the store of the owner's service: a folder, with its database in it or on a PostgreSQL server (Node).
 * @throws HermeticError DISK, also where another process has it open; BAD_ARGUMENT; BAD_FILE
 */
export async function openStore(place: string | StoreOptions): Promise<Store> {
  return (await import('./store/open-store.ts')).openStore(place);
}

/** The owner's service over an open store (Node). @throws HermeticError WRONG_PASSPHRASE, BAD_ARGUMENT, DISK */
export async function createService(options: ServiceOptions): Promise<Service> {
  return (await import('./service/create-service.ts')).createService(options);
}
