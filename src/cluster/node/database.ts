/**
 * What PostgreSQL keeps of runs and workers, beside the tables of DBOS. Presence is an advisory lock of a session: the
 * server lets it go when the process that holds it dies, however it dies, and no clock has to be watched.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { HermeticError } from '../../base/errors.ts';
import type { RunEnd } from '../../trainer/executor-provider.ts';
import { withPassword } from './password-file.ts';
import type { RunRow, RunState, RunSummary, WorkerRow, WorkerSummary } from './rows.ts';

/** Classes of advisory locks, arbitrary and fixed. */
const [RUN_LOCKS, WORKER_LOCKS, SCHEMA_LOCK] = [0x48_52_4d_01, 0x48_52_4d_02, 0x48_52_4d_03];

const SCHEMA = `
  create schema if not exists hermetic;
  create table if not exists hermetic.runs (
    run text primary key,
    lock integer generated always as identity,
    key_id text not null,
    model_id text not null,
    description text not null,
    state text not null,
    step integer not null,
    steps integer not null,
    shards integer not null,
    began timestamptz not null default now(),
    changed timestamptz not null default now(),
    steps_here integer not null default 0,
    seconds_here double precision not null default 0
  );
  create table if not exists hermetic.workers (
    worker text primary key,
    lock integer generated always as identity,
    run text not null,
    name text not null,
    version text not null,
    rows jsonb not null,
    bootstraps boolean not null,
    state text not null,
    reason text,
    joined timestamptz not null default now()
  );
  alter table hermetic.workers add column if not exists refreshes boolean not null default false;
  alter table hermetic.runs add column if not exists secret text;
  create index if not exists workers_of_run on hermetic.workers (run);
`;

export interface Presence {
  leave(): Promise<void>;
}

export function newWorkerId(): string {
  return randomBytes(8).toString('hex');
}

export class Database {
  /** With its password: for connections, not for eyes. */
  readonly url: string;
  readonly #pool: pg.Pool;

  /** @throws HermeticError CLUSTER where it does not answer now: only a database that was there is waited for */
  static async open(url: string): Promise<Database> {
    if (!/^postgres(ql)?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
      throw new HermeticError('BAD_ARGUMENT', 'this is no address of a PostgreSQL', {
        expected: 'postgres://user@host:port/database',
        mend: 'Check --database.',
      });
    }
    const database = new Database(await withPassword(url));
    try {
      await database.#pool.query('select 1');
      return database;
    } catch (error) {
      await database.close();
      throw databaseError(error, 'be reached');
    }
  }

  private constructor(url: string) {
    this.url = url;
    this.#pool = new pg.Pool({ connectionString: url, max: 2, application_name: 'hermetic' });
    // A connection that breaks while idle is replaced by the next query.
    this.#pool.on('error', () => {});
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /** True where the tables are there and up to date. @throws HermeticError CLUSTER */
  async isPrepared(): Promise<boolean> {
    const [{ there }] = await this.#ask<{ there: boolean }>(
      `select count(*) = 2 as there from information_schema.columns where table_schema = 'hermetic'
         and (table_name, column_name) in (('workers', 'refreshes'), ('runs', 'secret'))`,
    );
    return there;
  }

  /** Makes the tables where they are missing, and then what `more` makes: one process at a time. */
  async prepare(more: () => Promise<void>, grantTo?: string): Promise<void> {
    const client = await this.#connect();
    try {
      // Not a statement that waits: an index that is made concurrently would wait for it, and all for one another.
      const take = 'select pg_try_advisory_lock($1) as ok';
      while (!(await client.query<{ ok: boolean }>(take, [SCHEMA_LOCK])).rows[0]?.ok) await pause(100);
      await client.query(SCHEMA);
      if (grantTo !== undefined) await client.query(grants(client.escapeIdentifier(grantTo)));
      await more();
    } catch (error) {
      throw databaseError(error, 'prepare its tables');
    } finally {
      // Ends the session, and with it the lock.
      client.release(true);
    }
  }

  async putRun({ run, keyId, modelId, description, state, step, steps, shards }: RunRow): Promise<void> {
    await this.#ask(
      `insert into hermetic.runs (run, key_id, model_id, description, state, step, steps, shards)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (run) do update set description = $4, state = $5, step = $6, changed = now(),
         steps_here = 0, seconds_here = 0`,
      [run, keyId, modelId, description, state, step, steps, shards],
    );
  }

  async noteStep(run: string, step: number, seconds: number): Promise<void> {
    await this.#ask(
      `update hermetic.runs set step = $2, steps_here = steps_here + 1, seconds_here = seconds_here + $3,
         changed = now() where run = $1`,
      [run, step, seconds],
    );
  }

  /** How the refresh after a step is cut: text of `owner-refresh.ts`, with the hash of its secret and never that itself. */
  async noteRefreshCut(run: string, cut: string): Promise<void> {
    await this.#ask('update hermetic.runs set secret = $2 where run = $1', [run, cut]);
  }

  async refreshCutOf(run: string): Promise<string | undefined> {
    const rows = await this.#ask<{ secret: string | null }>('select secret from hermetic.runs where run = $1', [run]);
    return rows[0]?.secret ?? undefined;
  }

  async endRun(run: string, state: RunEnd): Promise<void> {
    await this.#ask('update hermetic.runs set state = $2, changed = now() where run = $1', [run, state]);
  }

  async removeRun(run: string): Promise<void> {
    await this.#ask('delete from hermetic.workers where run = $1', [run]);
    await this.#ask('delete from hermetic.runs where run = $1', [run]);
  }

  async stateOf(run: string): Promise<RunState | undefined> {
    const rows = await this.#ask<{ state: RunState }>('select state from hermetic.runs where run = $1', [run]);
    return rows[0]?.state;
  }

  /** The latest run under these keys that wants workers; only `run` where that is given. */
  async openRun(keyId: string, run: string | undefined): Promise<RunRow | undefined> {
    const rows = await this.#ask<RunRow>(
      `select run, key_id as "keyId", model_id as "modelId", description, state, step, steps, shards
       from hermetic.runs
       where key_id = $1 and state in ('gathering', 'running') and ($2::text is null or run = $2)
       order by changed desc limit 1`,
      [keyId, run ?? null],
    );
    return rows[0];
  }

  async runs(): Promise<RunSummary[]> {
    const rows = await this.#ask<RunSummary & { held: boolean }>(
      `select run, key_id as "keyId", model_id as "modelId", state, step, steps, shards, began, changed,
         seconds_here / nullif(steps_here, 0) as "secondsPerStep",
         ${held(RUN_LOCKS, 'r.lock')} as held,
         (select count(*)::integer from hermetic.workers w
            where w.run = r.run and w.state = 'ready' and ${held(WORKER_LOCKS, 'w.lock')}) as workers
       from hermetic.runs r order by began desc`,
    );
    return rows.map(({ held: alive, secondsPerStep, ...row }) => {
      const dead = !alive && (row.state === 'running' || row.state === 'gathering');
      return { ...row, state: dead ? 'interrupted' : row.state, secondsPerStep: secondsPerStep ?? undefined };
    });
  }

  /** Workers of a run that are there, and not in quarantine. */
  async workersOf(run: string): Promise<WorkerRow[]> {
    return this.#ask<WorkerRow>(
      `select worker, run, name, version, rows, bootstraps, refreshes from hermetic.workers w
       where run = $1 and state = 'ready' and ${held(WORKER_LOCKS, 'w.lock')} order by joined`,
      [run],
    );
  }

  /** Those that are there, of all runs, and those in quarantine. */
  async workers(): Promise<WorkerSummary[]> {
    const rows = await this.#ask<Omit<WorkerSummary, 'shards'> & Pick<WorkerRow, 'rows'>>(
      `select worker, run, name, version, rows, bootstraps, refreshes, state, reason from hermetic.workers w
       where state = 'quarantined' or (state = 'ready' and ${held(WORKER_LOCKS, 'w.lock')}) order by joined`,
    );
    return rows.map(({ rows: of, ...row }) => ({ ...row, shards: of.map(({ shard }) => shard) }));
  }

  async workerState(worker: string): Promise<{ readonly state: string; readonly reason: string | null } | undefined> {
    const rows = await this.#ask<{ state: string; reason: string | null }>(
      'select state, reason from hermetic.workers where worker = $1',
      [worker],
    );
    return rows[0];
  }

  async bannedFrom(run: string): Promise<string[]> {
    const rows = await this.#ask<{ worker: string }>(
      `select worker from hermetic.workers where run = $1 and state = 'quarantined'`,
      [run],
    );
    return rows.map(({ worker }) => worker);
  }

  async quarantine(worker: string, reason: string): Promise<void> {
    await this.#ask(`update hermetic.workers set state = 'quarantined', reason = $2 where worker = $1`, [
      worker,
      reason,
    ]);
  }

  /** Says that a worker is there, until it leaves or dies. */
  async join({ worker, run, name, version, rows, bootstraps, refreshes }: WorkerRow): Promise<Presence> {
    const [{ lock }] = await this.#ask<{ lock: number }>(
      `insert into hermetic.workers (worker, run, name, version, rows, bootstraps, refreshes, state)
       values ($1, $2, $3, $4, $5, $6, $7, 'ready') returning lock`,
      [worker, run, name, version, JSON.stringify(rows), bootstraps, refreshes],
    );
    const presence = await this.#hold(WORKER_LOCKS, lock);
    return {
      leave: async () => {
        await this.#ask(`update hermetic.workers set state = 'left' where worker = $1 and state = 'ready'`, [worker]);
        await presence?.leave();
      },
    };
  }

  /** Keeps other coordinators out of a run. @throws HermeticError CLUSTER where another is there */
  async coordinate(run: string): Promise<Presence> {
    const [{ lock }] = await this.#ask<{ lock: number }>('select lock from hermetic.runs where run = $1', [run]);
    const presence = await this.#hold(RUN_LOCKS, lock);
    if (presence !== undefined) return presence;
    throw new HermeticError('CLUSTER', 'another process coordinates this run', {
      mend: 'Wait until it has ended; hermetic runs shows its state.',
    });
  }

  /** A lock on a connection of its own, taken again whenever that breaks. Undefined where another holds it. */
  async #hold(kind: number, lock: number): Promise<Presence | undefined> {
    let left = false;
    let client: pg.Client | undefined;
    const take = async (): Promise<boolean> => {
      const fresh = new pg.Client({
        connectionString: this.url,
        application_name: 'hermetic presence',
        keepAlive: true,
      });
      fresh.on('error', () => {});
      await fresh.connect();
      const { rows } = await fresh.query<{ ok: boolean }>('select pg_try_advisory_lock($1, $2) as ok', [kind, lock]);
      if (!rows[0]?.ok || left) {
        await fresh.end();
        return false;
      }
      client = fresh;
      fresh.once('end', () => void again());
      return true;
    };
    const again = async (): Promise<void> => {
      while (!left && !(await take().catch(() => false))) await pause(500);
    };
    if (!(await patiently(take))) return undefined;
    return {
      leave: async () => {
        left = true;
        await client?.end();
      },
    };
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw databaseError(error, 'be reached');
    }
  }

  async #ask<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return await patiently(async () => (await this.#pool.query<Row>(text, [...values])).rows);
    } catch (error) {
      throw databaseError(error, 'answer');
    }
  }
}

function held(kind: number, lock: string): string {
  return `exists (select 1 from pg_locks l where l.locktype = 'advisory' and l.granted and l.classid = ${kind}
    and l.objid = ${lock}::oid and l.database = (select oid from pg_database where datname = current_database()))`;
}

function grants(role: string): string {
  return `
    grant usage on schema hermetic to ${role};
    grant select, insert, update, delete on all tables in schema hermetic to ${role};`;
}

/** For how long a database that restarts is waited for. */
const PATIENCE_MS = 120_000;

/** Tries again while the server is away. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (let delay = 100; ; delay = Math.min(2000, 2 * delay)) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error) || performance.now() > end) throw error;
      await pause(delay);
    }
  }
}

/** Broken connections, and servers that start or stop (SQLSTATE 08, 57P). A first connection that is refused counts too. */
function isAway(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return (
    /^(08|57P)/.test(code) ||
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes(code) ||
    /Connection terminated|timeout expired/.test(message)
  );
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function databaseError(error: unknown, what: string): HermeticError {
  if (error instanceof HermeticError) return error;
  const { code, message } = error as { code?: string; message?: string };
  const denied = code === '42501';
  return new HermeticError('CLUSTER', `the database cannot ${what} (${message || code || 'no reason given'})`, {
    mend: denied
      ? 'Let a role that may create schemas run `hermetic runs --database … --prepare ROLE` once.'
      : 'Check --database, the password file (~/.pgpass), and that PostgreSQL runs and lets this machine in.',
    cause: error,
  });
}
