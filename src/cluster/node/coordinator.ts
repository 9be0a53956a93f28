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
import { Database, type HeldRows } from './database.ts';
import { isDbosPrepared, prepareDbos } from './dbos.ts';
import { dbosQueue } from './dbos-queue.ts';

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
  const { blobs, deadlineMs, audit, bootstrapping, events = {}, onWarning = () => {} } = options;
  const database = await Database.open(options.database);
  try {
    await prepareDatabase(database);
    const { identity, plan, keys, model, step } = run;
    const { run: name } = identity;
    const described = await describe(run, options.noiseKey);
    const description = await blobs.put(encodeDescription(described));
    const { modelId } = model;
    const { steps } = plan.recipe;
    const row = { run: name, keyId: keys.keyId, modelId, description, step, steps, shards: run.shards.length };
    await database.putRun({ ...row, state: 'running' });
    const presence = await database.coordinate(name);
    const queue = await dbosQueue(database, name, onWarning);
    let began = performance.now();
    let workers = 1;
    const executor = new ClusterExecutor(run, {
      queue: {
        ...queue,
        workers: async () => {
          const there = await queue.workers();
          workers = Math.max(1, there.length);
          return there;
        },
      },
      blobs,
      description,
      events,
      cuts: {
        recall: async () => parseCut(await database.secretOf(name)),
        keep: (cut) => database.noteSecret(name, cutText(cut)),
      },
      bench: {
        keys,
        blobs,
        run: described,
        bootstrapping: undefined,
        exchange: run.exchange,
        cache: new CiphertextCache(0),
        shard: (index) => {
          const batches = run.batches.get(index);
          return batches && { rows: run.shards[index].digest, batches };
        },
      },
      ...(audit !== undefined && { audit }),
      ...(bootstrapping && { bootstrapping }),
      // A unit costs the queue some milliseconds, an update hardly more: no more of them than keep everyone busy.
      updateUnits: () => workers,
      ...(deadlineMs !== undefined && { deadlineMs }),
    });
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
  const { blobs, model, events = {}, signal } = options;
  const run = randomBytes(16).toString('hex');
  const database = await Database.open(options.database);
  try {
    await prepareDatabase(database);
    const { keyId, modelId, features } = model;
    const network = networkOf(model);
    const asked: RunDescription = {
      run,
      keyId,
      modelId,
      network,
      features,
      recipe: IDLE,
      shards,
      refreshMode: 'none',
      freshLevel: 0,
    };
    const description = await blobs.put(encodeDescription(asked));
    await database.putRun({ run, keyId, modelId, description, state: 'gathering', step: 0, steps: 0, shards });
    const presence = await database.coordinate(run);
    try {
      for (let told = false; ; told = true) {
        if (signal?.aborted) throw new HermeticError('ABORTED', 'stopped while workers were waited for');
        const prints = join(
          (await database.workersOf(run)).flatMap(({ rows }) => rows),
          held,
          own,
          shards,
        );
        const missing = prints.flatMap((print, shard) => (print === undefined ? [shard + 1] : []));
        if (missing.length === 0) return prints as DataFingerprint[];
        if (!told) events.waiting?.(`waiting for workers that hold ${missing.map((i) => `${i}/${shards}`).join(', ')}`);
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    } finally {
      await database.removeRun(run);
      await presence.leave();
      await blobs.remove(description);
    }
  } finally {
    await database.close();
  }
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
