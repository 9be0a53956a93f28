/** The owner's whole service as `serve --store` and the demonstrations run it: store, keys, page, port, and the owner's token. */

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HermeticError } from '../../base/errors.ts';
import { STORE_MARK } from '../../owner/node/service-keys.ts';
import type { RefreshEvent } from '../../owner/refresh-service.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import { type Listener, listen } from '../../server/node/listener.ts';
import { createService, type Service } from '../../server/service/create-service.ts';
import { openStore, type Store } from '../../server/store/open-store.ts';
import type { Console } from '../console.ts';
import { readOrMakeToken } from '../token-file.ts';

export interface ServiceRequest {
  readonly folder: string;
  /** postgres://… instead of the database in the folder. */
  readonly database?: string | undefined;
  readonly passphrase: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly hostname?: string | undefined;
  /** What invitations name, where trainers reach the service by another address. */
  readonly publicUrl?: string | undefined;
  readonly threads?: number | undefined;
  /** Where the owner's token is kept, and made where it is missing. Without one, the first start makes and gives it. */
  readonly tokenFile?: string | undefined;
  /** Makes a new token in place of one that was lost. */
  readonly newToken?: boolean;
  /** Keys that have their engine in memory at once. */
  readonly loadedKeys?: number | undefined;
  /** Bytes that the uploads of each party may take up. */
  readonly uploadBytes?: number | undefined;
  readonly allowInsecure?: boolean;
  /** log2 of scrypt's N, for tests. */
  readonly insecureTestWorkFactor?: number;
  readonly onRefresh?: (event: RefreshEvent) => void;
}

export interface RunningService {
  readonly url: string;
  readonly port: number;
  /** The owner's; undefined where it was given before, for the store keeps its hash alone. */
  readonly ownerToken: string | undefined;
  readonly hasPage: boolean;
  /** Ends what listens, waits for work under way, overwrites the secrets and closes the store. */
  close(): Promise<void>;
}

// Compiled, the page lies beside the command line; the sources have their build next door.
const PAGE: string = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../dist/web' : '../../web', import.meta.url),
);

/** True where nobody has made a store of this folder yet: its passphrase will be new. */
export function isNewStore(folder: string): boolean {
  return !existsSync(join(folder, STORE_MARK));
}

/** What an interrupted first start, or a disk of its own, leaves in a folder. */
const NOT_FOREIGN = ['db', 'keys', 'blobs', 'answers', 'uploads', 'lost+found'];

/** HermeticError BAD_ARGUMENT for a folder that holds other things than a store: it would be filled and closed to others. */
export async function requireStoreFolder(folder: string): Promise<void> {
  if (!isNewStore(folder)) return;
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw diskError(error, 'read', folder);
  });
  if (names.every((name) => NOT_FOREIGN.includes(name) || name.startsWith('.store-id.'))) return;
  throw new HermeticError('BAD_ARGUMENT', `${folder} is not empty, and no store of a service`, {
    mend: 'Name a folder that is new, empty, or was made by hermetic serve --store.',
  });
}

/** HermeticError WRONG_PASSPHRASE, DISK, BAD_ARGUMENT where the port is taken, BAD_FILE. */
export async function startService(console: Console, request: ServiceRequest): Promise<RunningService> {
  const { folder, database, port, hostname } = request;
  await requireStoreFolder(folder);
  requireDatabase(folder, database);
  if (request.tokenFile !== undefined && request.newToken) throw twoTokens();
  const store = await openStore({ folder, ...(database !== undefined && { database }) });
  let service: Service | undefined;
  try {
    const hasPage = existsSync(join(PAGE, 'index.html'));
    const onFault = (error: unknown): void => console.warn(`a request failed: ${faultText(error)}`);
    service = await createService({ store, onFault, ...optionsOf(request), ...(hasPage && { web: PAGE }) });
    const ownerToken = await admit(console, store, service, request);
    const listener = await listen(service.app, { port, ...(hostname !== undefined && { hostname }) });
    const { url } = listener;
    const opened = service;
    return { url, port: listener.port, ownerToken, hasPage, close: () => closeAll(listener, opened, store) };
  } catch (error) {
    await service?.close();
    await store.close();
    throw error;
  }
}

/** For the owner alone, whose machine it is: with the place in the code, and what was the matter beneath. */
function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? error.message;
  return error.cause === undefined ? text : `${text}\nbecause of ${faultText(error.cause)}`;
}

/** A store whose database lies elsewhere must not begin an empty one: no file of it would be named there. */
function requireDatabase(folder: string, database: string | undefined): void {
  if (database !== undefined || isNewStore(folder) || existsSync(join(folder, 'db'))) return;
  throw new HermeticError('BAD_ARGUMENT', `the database of ${folder} is not in the folder`, {
    mend: 'Name it with --database postgres://…, or restore the folder from a backup.',
  });
}

function optionsOf(request: ServiceRequest): Omit<Parameters<typeof createService>[0], 'store'> {
  const { passphrase, publicUrl, threads, loadedKeys, uploadBytes, onRefresh } = request;
  const { allowInsecure, insecureTestWorkFactor } = request;
  return {
    passphrase,
    ...(publicUrl !== undefined && { publicUrl }),
    ...(threads !== undefined && { threads }),
    ...(loadedKeys !== undefined && { loadedKeys }),
    ...(uploadBytes !== undefined && { uploadBytes }),
    ...(allowInsecure !== undefined && { allowInsecure }),
    ...(insecureTestWorkFactor !== undefined && { insecureTestWorkFactor }),
    ...(onRefresh && { onRefresh }),
  };
}

/** Streams of events end first: a listener waits for what is under way. */
async function closeAll(listener: Listener, service: Service, store: Store): Promise<void> {
  await listener.close();
  await service.close();
  await store.close();
}

/** The owner's token, where it is new or kept in a file. */
async function admit(
  console: Console,
  store: Store,
  service: Service,
  { tokenFile, newToken = false }: ServiceRequest,
): Promise<string | undefined> {
  if (tokenFile !== undefined) {
    const { token, made } = await readOrMakeToken(tokenFile);
    if (made) console.note(`made ${tokenFile}: the owner's token, for your eyes alone`);
    await service.admitOwner(token);
    return token;
  }
  const known = await store.database.selectFrom('parties').select('id').where('role', '=', 'owner').executeTakeFirst();
  if (known !== undefined && !newToken) return undefined;
  const token = randomBytes(32).toString('base64url');
  await service.admitOwner(token);
  return token;
}

function twoTokens(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'the token stands in a file, and a new one is asked for', {
    mend: 'Remove the file to have a new one made, or leave --token-file out.',
  });
}
