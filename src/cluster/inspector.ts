/** Has answers computed by somebody else too, says who lies, and what rests on it: see `audit.ts`. */
import { HermeticError } from '../base/errors.ts';
import { anyOf, Deeds, Inspection, Spoiled, type Verdict, type WorkRecord } from './audit.ts';
import type { Task } from './task.ts';
import type { UnitDone } from './units.ts';

export interface InspectorEvents {
  /** A valid answer that is false; how many of the worker's answers are made anew, and what it did in steps before. */
  readonly lied?: (worker: string, place: string, redone: number, earlier: WorkRecord) => void;
  /** An answer that was to be audited, and that nobody else can compute. */
  readonly unaudited?: (place: string) => void;
  /** An answer that could not be audited, and gave way to one of this process's own. */
  readonly replaced?: (place: string) => void;
}

/** What an inspector asks of its dispatcher. */
export interface InspectedWork {
  /** Workers that can do the unit, but for some, and are not late; and of those the ones that have room for it now. */
  others(task: Task, but: ReadonlySet<string>): { readonly able: readonly string[]; readonly free: readonly string[] };
  handOut(task: Task, worker: string): Promise<void>;
  ban(worker: string, reason: string): Promise<void>;
}

export interface InspectorOptions {
  /** Share of answers, 0 … 1, that are computed twice. Default 0. */
  readonly audit?: number;
  /** Uniform in [0, 1). Default: the system's generator. */
  readonly draw?: () => number;
  readonly events?: InspectorEvents;
}

export class Inspector {
  readonly #work: InspectedWork;
  readonly #events: InspectorEvents;
  readonly #deeds: Deeds;

  constructor(work: InspectedWork, { audit = 0, draw, events = {} }: InspectorOptions) {
    this.#work = work;
    this.#events = events;
    this.#deeds = new Deeds(audit, draw);
  }

  /** Notes an answer that has been accepted; maybe it is to be audited. */
  note(task: Task, worker: string, answer: UnitDone): void {
    if (this.#deeds.note(task.name, task.unit.place, worker)) task.inspection = new Inspection(worker, answer);
  }

  /** What was answered before is safe. */
  endStep(): void {
    this.#deeds.endStep();
  }

  /**
   * Takes audits a step on: they go to whoever can do the unit and has not had it, and to this process where there is none, or
   * a dispute. @throws Spoiled where answers of this step are a liar's
   */
  async inspect(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) if (task.inspection !== undefined) await this.#goOn(task, task.inspection);
  }

  async #goOn(task: Task, inspection: Inspection): Promise<void> {
    const verdict = inspection.verdict();
    if (verdict?.wrong.length === 0) return this.#conclude(task, verdict);
    const { able, free } = this.#work.others(task, inspection.asked);
    const judge = task.unit.here !== undefined && !inspection.helpless;
    if (inspection.disputed && judge) return this.#decide(task, inspection, able.length);
    if (verdict !== undefined) return this.#conclude(task, verdict);
    if ([...task.attempts].some(({ inspects, given }) => inspects && given === undefined)) return;
    if (able.length === 0) return this.#decide(task, inspection, 0);
    if (free.length === 0) return;
    const worker = anyOf(free);
    inspection.asked.add(worker);
    await this.#work.handOut(task, worker);
  }

  /**
   * By this process, whose word counts; where it cannot, by others that are left, or by what most say. What cannot be told at
   * all is done here, where that can be.
   */
  async #decide(task: Task, inspection: Inspection, others: number): Promise<void> {
    const { place, here, otherwise } = task.unit;
    const truth = inspection.helpless ? undefined : await here?.();
    inspection.helpless = truth === undefined;
    const verdict = inspection.verdict(truth);
    if (verdict !== undefined) return this.#conclude(task, verdict);
    if (others > 0) return;
    if (otherwise !== undefined) return this.#replace(task, otherwise);
    if (inspection.disputed) {
      const sides = [...inspection.asked].join(' and ');
      throw new HermeticError('CLUSTER', `workers ${sides} give different answers to ${place}, and nobody else can`, {
        mend: 'Give the rows of that shard to one more machine; the same command goes on from the last checkpoint.',
      });
    }
    task.inspection = undefined;
    this.#events.unaudited?.(place);
  }

  async #replace(task: Task, work: () => Promise<UnitDone>): Promise<void> {
    await task.unit.accept(await work());
    this.#deeds.replace(task.name);
    task.inspection = undefined;
    this.#events.replaced?.(task.unit.place);
  }

  async #conclude(task: Task, { right, wrong }: Verdict): Promise<void> {
    const { place } = task.unit;
    task.inspection = undefined;
    this.#deeds.verify(task.name, right);
    const spoiled: string[] = [];
    for (const worker of wrong) {
      const redone = this.#deeds.unverified(worker);
      spoiled.push(...redone);
      await this.#work.ban(worker, `it gave a false answer to ${place}`);
      this.#events.lied?.(worker, place, redone.length, this.#deeds.earlier(worker));
    }
    if (spoiled.length > 0) throw new Spoiled(spoiled);
  }
}
