/** `fit` on many machines: announces the run, hands its units out, keeps its row in the database up to date. */
import { randomBytes } from 'node:crypto';
import { HermeticError } from '../../base/errors.ts';
import type { TrainingRecipe } from '../../nn/architecture.ts';
import { constant } from '../../nn/schedules.ts';
import type { ReadSealedModel } from '../../protocol/sealed-model.ts';
import type { Bootstrapping } from '../../trainer/bootstrapping.ts';
import type { ExecutorProvider, ProvidedExecutor, ProvidedRun } from '../../trainer/executor-provider.ts';
import type { DataFingerprint } from '../../trainer/run-settings.ts';
import { networkOf } from '../../trainer/sealed-weights.ts';
import type { BlobStore } from '../blob-store.ts';
import { CiphertextCache } from '../ciphertext-cache.ts';
import { ClusterExecutor } from '../cluster-executor.ts';
import type { DispatcherEvents } from '../dispatcher.ts';
import { sealNoise } from '../noise-key.ts';
import { cutText, parseCut } from '../owner-refresh.ts';
import { encodeDescription, type RunDescription } from '../run-description.ts';
import type { WorkerView } from '../unit-queue.ts';
import type { Workbench } from '../workbench.ts';
import { Database } from './database.ts';
import { isDbosPrepared, prepareDbos } from './dbos.ts';
import { type DbosQueue, dbosQueue } from './dbos-queue.ts';
import type { HeldRows, RunRow } from './rows.ts';

export interface CoordinatorOptions {
  readonly database: string;
  readonly blobs: BlobStore;
  readonly model: ReadSealedModel;
  /** The shard, from 0, that the rows given to `fit` are; undefined: they are all. */
  readonly held?: number;
  readonly deadlineMs?: number;
  /** Share of the workers' answers that are computed twice. */
  readonly audit?: number;
  /** Loads the keys with which an audit bootstraps, where no second worker can. */
  readonly bootstrapping?: () => Promise<Bootstrapping>;
  /** Under which the seed of noise goes to the workers. */
  readonly noiseKey?: CryptoKey;
  readonly signal?: AbortSignal;
  readonly events?: DispatcherEvents;
  readonly onWarning?: (message: string) => void;
}

/** Makes the tables where they are missing, and lets `role` use them. @throws HermeticError CLUSTER */
export async function prepareDatabase(database: Database, role?: string): Promise<void> {
  if (role === undefined && (await database.isPrepared()) && (await isDbosPrepared(database.url))) return;
  await database.prepare(() => prepareDbos(database.url, role), role);
}

export function clusterProvider(options: CoordinatorOptions): ExecutorProvider {
  const { held } = options;
  return {
    ...(held !== undefined && { held }),
    noise: options.noiseKey !== undefined,
    fingerprints: (own, shards) => (held === undefined ? Promise.resolve(own) : gather(options, held, own[0], shards)),
    start: (run) => start(options, run),
  };
}

async function start(options: CoordinatorOptions, run: ProvidedRun): Promise<ProvidedExecutor> {
  const { blobs, onWarning = () => {} } = options;
  const { run: name } = run.identity;
  const database = await Database.open(options.database);
  try {
    await prepareDatabase(database);
    const described = await describe(run, options.noiseKey);
    const description = await blobs.put(encodeDescription(described));
    await database.putRun({ ...rowOf(run, description), state: 'running' });
    const presence = await database.coordinate(name);
    const queue = await dbosQueue(database, name, onWarning);
    const executor = executorOf(options, run, { database, queue, description, described });
    let began = performance.now();
    return {
      step: (state, clock) => executor.step(state, clock),
      refresh: (state) => executor.refresh(state),
      kept: async (done) => {
        await database.noteStep(name, done, (performance.now() - began) / 1000);
        began = performance.now();
        await executor.kept(done);
      },
      close: async (end) => {
        try {
          await executor.close(end);
          if (end === 'done') await blobs.remove(description);
        } finally {
          await database.endRun(name, end).finally(() => shut(presence, queue, database));
        }
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

function rowOf({ identity, plan, keys, model, step, shards }: ProvidedRun, description: string): Omit<RunRow, 'state'> {
  const { modelId } = model;
  const { steps } = plan.recipe;
  return { run: identity.run, keyId: keys.keyId, modelId, description, step, steps, shards: shards.length };
}

/** What a run has once it is announced. */
interface Announced {
  readonly database: Database;
  readonly queue: DbosQueue;
  /** Hash of what workers read of the run, and that itself. */
  readonly description: string;
  readonly described: RunDescription;
}

function executorOf(
  options: CoordinatorOptions,
  run: ProvidedRun,
  { database, queue, description, described }: Announced,
): ClusterExecutor {
  const { blobs, deadlineMs, audit, bootstrapping, events = {} } = options;
  const { run: name } = run.identity;
  let count = 1;
  const names = new Map<string, string>();
  const workers = async (): Promise<readonly WorkerView[]> => {
    const there = await queue.workers();
    for (const worker of there) names.set(worker.id, worker.name);
    count = Math.max(1, there.length);
    return there;
  };
  return new ClusterExecutor(run, {
    queue: { ...queue, workers },
    blobs,
    description,
    events: withNames(events, names),
    cuts: {
      recall: async () => parseCut(await database.refreshCutOf(name)),
      keep: (cut) => database.noteRefreshCut(name, cutText(cut)),
    },
    bench: benchOf(blobs, run, described),
    ...(audit !== undefined && { audit }),
    ...(bootstrapping && { bootstrapping }),
    // A unit costs the queue some milliseconds, an update hardly more: no more of them than keep everyone busy.
    updateUnits: () => count,
    ...(deadlineMs !== undefined && { deadlineMs }),
  });
}

/** Events that call workers as people do: by the name they gave, and enough of their identity to tell two of a machine apart. */
function withNames(events: DispatcherEvents, names: ReadonlyMap<string, string>): DispatcherEvents {
  const call = (worker: string): string => `${names.get(worker) ?? 'of before'} (${worker.slice(0, 6)})`;
  return {
    ...events,
    again: (place, worker, reason) => events.again?.(place, call(worker), reason),
    quarantined: (worker, reason) => events.quarantined?.(call(worker), reason),
    lied: (worker, place, redone, earlier) => events.lied?.(call(worker), place, redone, earlier),
  };
}

/** This process as a worker of its own run. */
function benchOf(blobs: BlobStore, { keys, exchange, batches, shards }: ProvidedRun, run: RunDescription): Workbench {
  return {
    keys,
    blobs,
    run,
    bootstrapping: undefined,
    exchange,
    cache: new CiphertextCache(0),
    shard: (index) => {
      const own = batches.get(index);
      return own && { rows: shards[index].digest, batches: own };
    },
  };
}

async function shut(...parts: readonly ({ leave(): Promise<void> } | { close(): Promise<void> })[]): Promise<void> {
  for (const part of parts) await ('leave' in part ? part.leave() : part.close());
}

async function describe(
  { identity, plan, keys, model, shards }: ProvidedRun,
  key: CryptoKey | undefined,
): Promise<RunDescription> {
  const { architecture, layout, recipe, refreshMode, freshLevel } = plan;
  const { features, modelId } = model;
  const network = { architecture, layout };
  const { run, settings } = identity;
  const { keyId } = keys;
  const noise = settings.privacy && key && (await sealNoise(key, run, settings.privacy));
  const told = { run, keyId, modelId, network, features, recipe, shards: shards.length, refreshMode, freshLevel };
  return { ...told, ...(noise && { noise }) };
}

/** Workers tell a run that is only announced which rows they hold; no row moves. */
async function gather(
  options: CoordinatorOptions,
  held: number,
  own: DataFingerprint,
  shards: number,
): Promise<DataFingerprint[]> {
  const { blobs, model } = options;
  const run = randomBytes(16).toString('hex');
  const database = await Database.open(options.database);
  try {
    await prepareDatabase(database);
    const { keyId, modelId } = model;
    const asked = inquiry(run, model, shards);
    const description = await blobs.put(encodeDescription(asked));
    await database.putRun({ run, keyId, modelId, description, state: 'gathering', step: 0, steps: 0, shards });
    const presence = await database.coordinate(run);
    try {
      const look = async () =>
        join(
          (await database.workersOf(run)).flatMap(({ rows }) => rows),
          held,
          own,
          shards,
        );
      return await untilWhole(look, options);
    } finally {
      await database.removeRun(run);
      await presence.leave();
      await blobs.remove(description);
    }
  } finally {
    await database.close();
  }
}

/** Looks again and again until every shard is with somebody. @throws HermeticError ABORTED */
async function untilWhole(
  look: () => Promise<readonly (DataFingerprint | undefined)[]>,
  { events = {}, signal }: CoordinatorOptions,
): Promise<DataFingerprint[]> {
  for (let told = false; ; told = true) {
    if (signal?.aborted) throw new HermeticError('ABORTED', 'stopped while workers were waited for');
    const prints = await look();
    const missing = prints.flatMap((print, shard) => (print === undefined ? [`${shard + 1}/${prints.length}`] : []));
    if (missing.length === 0) return prints as DataFingerprint[];
    if (!told) events.waiting?.(`waiting for workers that hold ${missing.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

const LOOK_MS = 300;

/** A description of a run that takes no step. */
function inquiry(run: string, model: ReadSealedModel, shards: number): RunDescription {
  const { keyId, modelId, features } = model;
  const network = networkOf(model);
  return { run, keyId, modelId, network, features, recipe: IDLE, shards, refreshMode: 'none', freshLevel: 0 };
}

/** A recipe that nobody follows: a description has one. */
const IDLE: TrainingRecipe = {
  loss: 'delta',
  learningRate: 1,
  momentum: 0,
  nesterov: false,
  weightDecay: 0,
  schedule: constant(),
  batch: 1,
  steps: 0,
  firstStep: 0,
  seed: 0,
};

/** @throws HermeticError BAD_DATA where two machines hold different rows of one shard, or rows of another shape */
function join(
  rows: readonly HeldRows[],
  held: number,
  own: DataFingerprint,
  shards: number,
): (DataFingerprint | undefined)[] {
  const prints = new Array<DataFingerprint | undefined>(shards).fill(undefined);
  prints[held] = own;
  for (const { shard, ...print } of rows) {
    const known = prints[shard];
    const fits = print.columns === own.columns && print.outputs === own.outputs && shard < shards;
    if (!fits || (known !== undefined && known.digest !== print.digest)) {
      throw new HermeticError('BAD_DATA', `two machines hold different rows of shard ${shard + 1} of ${shards}`, {
        mend: 'Give each shard to the machines that hold it, prepared alike: --shard I/N.',
      });
    }
    prints[shard] = print;
  }
  return prints;
}
