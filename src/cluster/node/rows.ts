/** Runs and workers as the tables of `database.ts` have them, and as `hermetic runs` shows them. */
import type { RunEnd } from '../../trainer/executor-provider.ts';
import type { DataFingerprint } from '../../trainer/run-settings.ts';

export type RunState = 'gathering' | 'running' | RunEnd;

export interface RunRow {
  readonly run: string;
  readonly keyId: string;
  readonly modelId: string;
  readonly description: string;
  readonly state: RunState;
  readonly step: number;
  readonly steps: number;
  readonly shards: number;
}

/** A run as `hermetic runs` shows it: 'interrupted' where its coordinator has died. */
export interface RunSummary extends Omit<RunRow, 'state' | 'description'> {
  readonly state: RunState | 'interrupted';
  readonly workers: number;
  readonly secondsPerStep: number | undefined;
  readonly began: Date;
  readonly changed: Date;
}

export interface HeldRows extends DataFingerprint {
  readonly shard: number;
}

export interface WorkerRow {
  readonly worker: string;
  readonly run: string;
  /** A label for people. */
  readonly name: string;
  /** Of the program and its engine: the same bits are promised for the same versions. */
  readonly version: string;
  readonly rows: readonly HeldRows[];
  readonly bootstraps: boolean;
  readonly refreshes: boolean;
}

/** A worker as `hermetic runs` shows it. */
export interface WorkerSummary
  extends Pick<WorkerRow, 'worker' | 'run' | 'name' | 'version' | 'bootstraps' | 'refreshes'> {
  readonly state: 'ready' | 'quarantined';
  /** Why it is in quarantine. */
  readonly reason: string | null;
  /** From 0. */
  readonly shards: readonly number[];
}
