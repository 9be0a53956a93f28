/** A worker: joins the open runs of its keys, one after the other, and does the units that it is given until it is told to go. */
import { HermeticError } from '../../base/errors.ts';
import { batches, shardOf, type TrainingData } from '../../nn/feature-rows.ts';
import type { RefreshTransport } from '../../protocol/refresh-transport.ts';
import type { Bootstrapping } from '../../trainer/bootstrapping.ts';
import { noisyShard } from '../../trainer/privacy-run.ts';
import { refreshExchange } from '../../trainer/refresh-exchange.ts';
import { fingerprint } from '../../trainer/run-settings.ts';
import type { TrainerKeys } from '../../trainer/trainer-keys.ts';
import type { BlobStore } from '../blob-store.ts';
import { CiphertextCache } from '../ciphertext-cache.ts';
import { openNoise } from '../noise-key.ts';
import { decodeDescription, MAX_DESCRIPTION_BYTES, type RunDescription } from '../run-description.ts';
import { parseJob, type UnitJob, type UnitResult } from '../units.ts';
import { doUnit, type HeldShard, type Workbench } from '../workbench.ts';
import { prepareDatabase } from './coordinator.ts';
import { Database, newWorkerId } from './database.ts';
import { APPLICATION, loadDbos, poolUrl, queueOf, quietLogger, UNIT_WORKFLOW, UNITS_VERSION } from './dbos.ts';
import type { HeldRows, RunRow } from './rows.ts';

export interface WorkerEvents {
  readonly waiting?: () => void;
  readonly joined?: (run: string, shards: readonly number[], of: number) => void;
  readonly unit?: (job: UnitJob, ms: number) => void;
  readonly left?: (run: string) => void;
  readonly warning?: (message: string) => void;
}

export interface WorkerOptions {
  readonly database: string;
  readonly blobs: BlobStore;
  readonly keys: TrainerKeys;
  readonly bootstrapping: Bootstrapping | undefined;
  /** To the owner, for a worker that has a token of his. */
  readonly transport: RefreshTransport | undefined;
  /** The rows here, made ready with the model's feature settings. */
  readonly loadRows: (run: RunDescription) => Promise<TrainingData>;
  /** Of runs that add noise to rows. */
  readonly noiseKey?: CryptoKey;
  /** The one shard that they are, from 0, and of how many; undefined: they are all rows. */
  readonly held?: { readonly index: number; readonly shards: number };
  /** Only this run, or any under the keys. */
  readonly run?: string;
  /** A label for people. */
  readonly name: string;
  /** Of the program. */
  readonly version: string;
  /** Between two looks at the queue. */
  readonly pollMs?: number;
  readonly signal: AbortSignal;
  readonly events?: WorkerEvents;
}

const LOOK_MS = 500;
/** Of ciphertexts in the kernels' memory, beside the keys and the work. */
const CACHE_BYTES = 2 ** 29;

/** Until the signal. A unit under way is finished first. @throws HermeticError CLUSTER in quarantine, and without a database */
export async function work(options: WorkerOptions): Promise<void> {
  const { keys, run, signal, events = {} } = options;
  const database = await Database.open(options.database);
  try {
    await prepareDatabase(database);
    for (let told = false; !signal.aborted; ) {
      const row = await database.openRun(keys.keyId, run);
      if (row !== undefined) {
        await serve(options, database, row);
        told = false;
        continue;
      }
      if (!told) events.waiting?.();
      told = true;
      await pause(LOOK_MS, signal);
    }
  } finally {
    await database.close();
  }
}

/** From joining a run to its end. */
async function serve(options: WorkerOptions, database: Database, row: RunRow): Promise<void> {
  const { keys, blobs, bootstrapping, transport, name, version, signal, events = {} } = options;
  const bytes = await blobs.get(row.description, MAX_DESCRIPTION_BYTES).catch(async (error: unknown) => {
    // The run may have ended meanwhile and taken its description with it.
    const state = await database.stateOf(row.run);
    if (state === 'running' || state === 'gathering') throw error;
    return undefined;
  });
  if (bytes === undefined) return;
  const run = decodeDescription(bytes);
  const shards = await holdShards(options, run);
  const worker = newWorkerId();
  const rows = [...shards.values()].map(({ print }) => print);
  const cache = new CiphertextCache(CACHE_BYTES);
  const { parameters, keyId } = keys;
  const exchange = transport && refreshExchange({ parameters, keyId, run: run.run, transport });
  const bench: Workbench = { keys, bootstrapping, exchange, blobs, run, cache, shard: (index) => shards.get(index) };
  const stop = await listen(options, { worker, url: database.url, description: row.description, bench });
  try {
    const abilities = { bootstraps: bootstrapping !== undefined, refreshes: exchange !== undefined };
    const presence = await database.join({ worker, run: row.run, name, version, rows, ...abilities });
    try {
      events.joined?.(row.run, [...shards.keys()], run.shards);
      await untilEnd(database, row.run, worker, signal);
    } finally {
      await stop();
      cache.clear();
      await presence.leave();
      events.left?.(row.run);
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @throws HermeticError CLUSTER in quarantine */
async function untilEnd(database: Database, run: string, worker: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const state = await database.stateOf(run);
    if (state !== 'running' && state !== 'gathering') return;
    const own = await database.workerState(worker);
    if (own?.state === 'quarantined') {
      throw new HermeticError('CLUSTER', `the coordinator trusts this worker no more: ${own.reason ?? ''}`, {
        mend: 'Check its memory, its disk and its version of Hermetic before it joins again.',
      });
    }
    await pause(LOOK_MS, signal);
  }
}

interface KeptShard extends HeldShard {
  readonly print: HeldRows;
}

async function holdShards(options: WorkerOptions, run: RunDescription): Promise<Map<number, KeptShard>> {
  const { held, noiseKey, loadRows } = options;
  if (held !== undefined && held.shards !== run.shards) {
    throw new HermeticError('BAD_ARGUMENT', 'the run is dealt into other shards than this worker holds', {
      expected: `a shard of ${run.shards}`,
      got: `one of ${held.shards}`,
      mend: 'Begin the run with --shards of that number, or give the worker its shard anew.',
    });
  }
  const seed = run.noise && (await openNoise(noiseKey, run.run, run.noise));
  const data = await loadRows(run);
  const mine = held === undefined ? Array.from({ length: run.shards }, (_, i) => i) : [held.index];
  const shards = new Map<number, KeptShard>();
  const batch = Math.max(1, run.recipe.batch / run.shards);
  for (const shard of mine) {
    const own = held === undefined ? shardOf(data, shard, run.shards) : data;
    const print = { shard, ...(await fingerprint(own)) };
    const place = { digest: print.digest, shard, shards: run.shards };
    const rows = run.noise && seed ? (await noisyShard(own, place, run.noise, seed)).data : own;
    shards.set(shard, { rows: print.digest, print, batches: batches(rows, { batch, seed: run.recipe.seed }) });
  }
  return shards;
}

interface Listening {
  readonly url: string;
  readonly worker: string;
  readonly description: string;
  readonly bench: Workbench;
}

/** Takes units from the worker's queue, one at a time, until the function that it gives is called. */
async function listen(
  options: WorkerOptions,
  { url, worker, description, bench }: Listening,
): Promise<() => Promise<void>> {
  const { pollMs = 50, events = {} } = options;
  const { DBOS } = await loadDbos();
  DBOS.setConfig({
    name: APPLICATION,
    systemDatabaseUrl: poolUrl(url),
    systemDatabasePoolSize: 3,
    applicationVersion: UNITS_VERSION,
    executorID: worker,
    listenQueues: [queueOf(worker)],
    maxConcurrentQueueDispatches: 1,
    useListenNotify: false,
    runMigrations: false,
    enableOTLP: false,
    tracingEnabled: false,
    logger: quietLogger((message) => events.warning?.(`DBOS: ${message}`)),
  });
  DBOS.registerWorkflow(
    // Deterministic: all that may differ or fail is in the step, and the step may be done twice.
    async (job: unknown) => {
      const once = () => answer(bench, description, job, events);
      return await DBOS.runStep(once, { name: 'compute', retriesAllowed: true, maxAttempts: 5, intervalSeconds: 1 });
    },
    { name: UNIT_WORKFLOW },
  );
  await DBOS.launch();
  await DBOS.registerQueue(queueOf(worker), { workerConcurrency: 1, minPollingIntervalMs: pollMs });
  let stopped = false;
  return async () => {
    if (stopped) return;
    stopped = true;
    await DBOS.shutdown({ workflowCompletionTimeoutMS: 120_000, deregister: true });
  };
}

/** What cannot be done is an answer; what may be done later (a store that is away) throws, and is tried again. */
async function answer(
  bench: Workbench,
  description: string,
  given: unknown,
  events: WorkerEvents,
): Promise<UnitResult> {
  const began = performance.now();
  const job = parseJob(given);
  if (job === undefined) return { refused: 'this is no unit' };
  if (job.run !== description) return { refused: 'the unit belongs to another run' };
  try {
    const done = await doUnit(bench, job);
    events.unit?.(job, performance.now() - began);
    return done;
  } catch (error) {
    if (error instanceof HermeticError && error.code !== 'CLUSTER') return { refused: error.summary };
    throw error;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
