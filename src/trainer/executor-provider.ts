/** How `fit` gets an executor other than its own threads: `src/cluster` provides one of many machines. */
import type { BatchSource } from '../nn/feature-rows.ts';
import type { Executor } from '../nn/sealed/executor.ts';
import type { TrainingPlan } from '../nn/sealed/plan.ts';
import type { ReadSealedModel } from '../protocol/sealed-model.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { Refresher } from '../schemes/refresher.ts';
import type { RefreshExchange } from './refresh-exchange.ts';
import type { RunIdentity } from './run-checkpoint.ts';
import type { DataFingerprint } from './run-settings.ts';
import type { TrainerKeys } from './trainer-keys.ts';

export interface ProvidedRun {
  readonly model: ReadSealedModel;
  readonly keys: TrainerKeys;
  readonly plan: TrainingPlan;
  readonly identity: RunIdentity;
  /** Steps taken before. */
  readonly step: number;
  /** Of each shard. */
  readonly shards: readonly DataFingerprint[];
  /** Rows that are here, by their shard from 0. */
  readonly batches: ReadonlyMap<number, BatchSource>;
  /** A refresh by the owner that this process asks for alone. Not used where the machines bootstrap. */
  readonly refresher: () => Refresher<Ciphertext>;
  /** Its way to the owner; undefined where levels come back otherwise. */
  readonly exchange: RefreshExchange | undefined;
  readonly signal?: AbortSignal;
}

/** How a run ended: 'stopped' can be gone on with. */
export type RunEnd = 'done' | 'stopped' | 'failed';

export interface ProvidedExecutor extends Executor<Ciphertext> {
  /** After each step, when its checkpoint is safe. */
  kept?(step: number): Promise<void>;
  close(end: RunEnd): Promise<void>;
}

export interface ExecutorProvider {
  /** The shard, from 0, that the data given to `fit` are; undefined: they are all rows. */
  readonly held?: number;
  /** Machines that hold rows can add a run's noise to them. */
  readonly noise?: boolean;
  /** Fingerprints of all shards: those of the rows here are given. */
  fingerprints(own: readonly DataFingerprint[], shards: number): Promise<readonly DataFingerprint[]>;
  start(run: ProvidedRun): Promise<ProvidedExecutor>;
}
