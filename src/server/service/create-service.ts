/** The owner's service, whole: see `routes.ts` for what it answers. */
import type { Hono } from 'hono';
import { checkInteger, checkString } from '../../base/checks.ts';
import type { RefreshEvent } from '../../owner/refresh-service.ts';
import { packageVersion } from '../node/version.ts';
import { WebFiles } from '../node/web-files.ts';
import { appendAudit } from '../store/audit-log.ts';
import type { Store } from '../store/open-store.ts';
import { Flights, Sequence, Turns } from '../turns.ts';
import { Vault } from '../vault/vault.ts';
import { createApplication } from './application.ts';
import type { Pace } from './bodies.ts';
import { type ServiceContext, transact } from './context.ts';
import { Events } from './events.ts';
import { routesOf } from './routes.ts';
import { tokenHash } from './tokens.ts';

export interface ServiceOptions {
  readonly store: Store;
  /** Of the secret keys in the store: those that are there, and those to be made. */
  readonly passphrase: string;
  /** Folder of the page, with index.html. */
  readonly web?: string;
  /** The address that trainers reach, in invitations. Default: the one that the owner called. */
  readonly publicUrl?: string;
  /** Networks on insecure sets may be made: for tests. Default false. */
  readonly allowInsecure?: boolean;
  /** Of a set's engine. Default: all cores. */
  readonly threads?: number;
  /** Keys that are ready in memory at once. Default 64. */
  readonly loadedKeys?: number;
  /** Refreshes that are in memory at once. Default 4; others wait. */
  readonly maxConcurrent?: number;
  /** How slowly the body of a refresh, or a long one of JSON, may arrive. Default: 16 KiB a second, after twenty seconds of grace. */
  readonly bodyPace?: Pace;
  /** Answers to refreshes kept for each party, for requests that arrive twice. Default 16. */
  readonly keptAnswers?: number;
  /** Bytes that the uploads of each party may take up, used or not. Default 4 GB. */
  readonly uploadBytes?: number;
  /** Called after each refresh: what the owner's log shows. */
  readonly onRefresh?: (event: RefreshEvent) => void;
  /** Called with what went wrong where a caller is only told that something did: for the owner's log. */
  readonly onFault?: (error: unknown) => void;
  /** Default: the clock. */
  readonly now?: () => Date;
  /** log2 of scrypt's N; below 18 guessing is cheap: for tests only. */
  readonly insecureTestWorkFactor?: number;
}

export interface Service {
  /** `listen` gives it a port, `app.request` serves tests. */
  readonly app: Hono;
  /** Makes `token` the owner's only one. At least 32 characters; kept as a hash. */
  admitOwner(token: string): Promise<void>;
  /** Ends what listens, waits for work under way and overwrites the secrets. The store stays open. */
  close(): Promise<void>;
}

const WAITING = 512;
const LONG_BODIES = 4;

/** @throws HermeticError WRONG_PASSPHRASE where the newest key of the store does not open; BAD_ARGUMENT, DISK */
export async function createService(options: ServiceOptions): Promise<Service> {
  const vault = vaultOf(options);
  const service = contextOf(options, vault);
  try {
    await checkPassphrase(service);
  } catch (error) {
    await vault.close();
    throw error;
  }
  const { web } = options;
  const files = web === undefined ? undefined : await WebFiles.open(web);
  return {
    app: createApplication(service, routesOf(service), files),
    admitOwner: (token) => admitOwner(service, token),
    close: async () => {
      service.events.close();
      await vault.close();
    },
  };
}

function vaultOf({ store, passphrase, threads, loadedKeys, insecureTestWorkFactor }: ServiceOptions): Vault {
  return new Vault({
    folder: store.keyFolder,
    blobs: store.blobs.folder,
    passphrase: checkString('passphrase', passphrase, 4096),
    ...(threads !== undefined && { threads }),
    ...(loadedKeys !== undefined && { capacity: checkInteger('loadedKeys', loadedKeys, 1, 4096) }),
    ...(insecureTestWorkFactor !== undefined && { insecureTestWorkFactor }),
  });
}

function contextOf(options: ServiceOptions, vault: Vault): ServiceContext {
  const { store } = options;
  return {
    store,
    database: store.database,
    vault,
    events: new Events(),
    version: packageVersion(),
    publicUrl: options.publicUrl,
    allowInsecure: options.allowInsecure ?? false,
    keptAnswers: checkInteger('keptAnswers', options.keptAnswers ?? 16, 1, 2 ** 16),
    uploadBytes: checkInteger('uploadBytes', options.uploadBytes ?? 4e9, 1, Number.MAX_SAFE_INTEGER),
    onRefresh: options.onRefresh ?? (() => {}),
    onFault: options.onFault ?? (() => {}),
    now: options.now ?? (() => new Date()),
    refreshTurns: new Turns(checkInteger('maxConcurrent', options.maxConcurrent ?? 4, 1, 1024), WAITING),
    bodyPace: options.bodyPace ?? { graceMs: 20_000, bytesPerSecond: 2 ** 14 },
    bodyTurns: new Turns(LONG_BODIES, WAITING),
    sequence: new Sequence(),
    flights: new Flights(),
  };
}

/** At the start, and not when the first trainer calls. */
async function checkPassphrase({ database, vault }: ServiceContext): Promise<void> {
  const newest = await database
    .selectFrom('keys')
    .select('id')
    .orderBy('createdAt', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (newest !== undefined) await vault.run('check', newest.id);
}

const OWNER_ID = '0'.repeat(32);

async function admitOwner(service: ServiceContext, token: string): Promise<void> {
  const trimmed = checkString('token', token.trim(), 200);
  if (trimmed.length < 32) throw new RangeError('token: expected at least 32 characters');
  const [hash, now] = [tokenHash(trimmed), service.now()];
  await transact(service, async (transaction) => {
    const known = await transaction
      .selectFrom('parties')
      .select('tokenHash')
      .where('id', '=', OWNER_ID)
      .executeTakeFirst();
    if (known?.tokenHash === hash) return;
    const row = { id: OWNER_ID, name: 'owner', role: 'owner', createdAt: now, refreshBudget: 0 } as const;
    await transaction
      .insertInto('parties')
      .values({ ...row, tokenHash: hash, refreshesUsed: 0, unlockRows: 0 })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ tokenHash: hash }))
      .execute();
    await appendAudit(transaction, now, { actor: 'service', action: 'admit-owner', subject: OWNER_ID });
  });
}
