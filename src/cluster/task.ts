/** A unit and what has become of it: what a dispatcher and an inspector have before them. */
import type { Inspection } from './audit.ts';
import type { UnitDone, UnitJob } from './units.ts';

/** What an honest worker answers; 'nobody' where none can have done the unit, whoever says so; undefined: it cannot be told. */
export type Finding = UnitDone | 'nobody' | undefined;

export interface Unit {
  /** Its place: step, phase and number. */
  readonly place: string;
  readonly job: UnitJob;
  /** Fingerprint of the rows that it needs. */
  readonly rows?: string;
  readonly bootstraps?: boolean;
  /** It asks the owner. */
  readonly refreshes?: boolean;
  /** Does it in this process, where no worker can, or none whose answer can be audited. Default: workers are waited for. */
  readonly otherwise?: () => Promise<UnitDone>;
  /** Does it in this process, to find out who is right; absent where it never can. */
  readonly here?: () => Promise<Finding>;
  /** Checks an answer, to the last residue. @throws HermeticError BAD_FILE for what no honest worker gives */
  accept(done: UnitDone): Promise<void>;
}

export interface Attempt {
  readonly id: string;
  readonly task: Task;
  readonly worker: string;
  state: 'waiting' | 'running';
  /** When it was handed out, or seen running for the first time. */
  since: number;
  /** Its worker is gone or late: others may try, its answer still counts. */
  given?: 'late' | 'lost';
  /** Handed out by a coordinator before this one: what it stored may have been removed since. */
  readonly adopted: boolean;
  /** Of a unit that is done: to compare. */
  readonly inspects: boolean;
}

export interface Task {
  readonly unit: Unit;
  readonly name: string;
  readonly attempts: Set<Attempt>;
  /** Workers whose answers were refused or refusals. */
  readonly refusedBy: Set<string>;
  handedOut: number;
  done: boolean;
  /** Under way. */
  inspection?: Inspection | undefined;
}
