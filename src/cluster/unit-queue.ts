/** What a dispatcher needs of an engine of queues: `node/dbos-queue.ts` is one on PostgreSQL. */
import type { UnitJob } from './units.ts';

export interface WorkerView {
  readonly id: string;
  /** A label for people. */
  readonly name: string;
  /** Fingerprints of the shards whose rows it holds. */
  readonly rows: ReadonlySet<string>;
  readonly bootstraps: boolean;
  /** It may ask the owner. */
  readonly refreshes: boolean;
}

/** One handing-out of a unit to a worker. */
export interface AttemptView {
  readonly id: string;
  readonly worker: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  /** What the worker answered, unchecked. */
  readonly answer?: unknown;
  readonly error?: string;
}

export interface UnitQueue {
  /** Those that are there now and not in quarantine. */
  workers(): Promise<readonly WorkerView[]>;
  /** Hands a job out; the same id again changes nothing. */
  submit(id: string, worker: string, job: UnitJob): Promise<void>;
  look(ids: readonly string[]): Promise<readonly AttemptView[]>;
  /** Attempts whose id begins so: what a coordinator that died had handed out. */
  find(prefix: string): Promise<readonly AttemptView[]>;
  cancel(ids: readonly string[]): Promise<void>;
  /** Removes finished attempts from the books. */
  forget(ids: readonly string[]): Promise<void>;
  /** Those in quarantine: what they answered to a coordinator before this one counts no more. */
  banned(): Promise<readonly string[]>;
  /** The worker gets no more units of any run. */
  quarantine(worker: string, reason: string): Promise<void>;
}
