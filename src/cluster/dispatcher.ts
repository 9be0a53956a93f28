/**
 * Who computes what, and again where it must be. Units go to the workers that can do them, one running and one waiting
 * each; a unit whose worker is gone or late is handed out once more, and the first answer that is valid counts. All valid
 * answers to a unit are the same bytes, so it does not matter which.
 *
 * Attempts have names that follow from run, step, place and job. A coordinator that died finds what it had handed out,
 * and what came of it, under those names.
 */
import { HermeticError } from '../base/errors.ts';
import { Spoiled } from './audit.ts';
import { Inspector, type InspectorEvents, type InspectorOptions } from './inspector.ts';
import type { Attempt, Task, Unit } from './task.ts';
import type { AttemptView, UnitQueue, WorkerView } from './unit-queue.ts';
import { jobTag, parseResult, type UnitDone, type UnitJob, type UnitKind } from './units.ts';

export interface DispatcherEvents extends InspectorEvents {
  /** Nobody can do what is to be done. */
  readonly waiting?: (reason: string) => void;
  readonly again?: (place: string, worker: string, reason: 'late' | 'lost') => void;
  readonly quarantined?: (worker: string, reason: string) => void;
  /** `worker`: undefined where this process did it. */
  readonly done?: (unit: UnitJob, done: UnitDone, worker: string | undefined) => void;
}

export interface DispatcherOptions extends Omit<InspectorOptions, 'events'> {
  readonly run: string;
  readonly queue: UnitQueue;
  readonly signal?: AbortSignal;
  /** After which a running unit is handed out again. Default: several times what such units took. */
  readonly deadlineMs?: number;
  /** How long a worker may be out of sight before its units go to others. */
  readonly graceMs?: number;
  readonly events?: DispatcherEvents;
}

/** One running, one waiting: none is idle between two units. */
const CAPACITY = 2;
const MAX_REFUSALS = 3;
const LATE_FACTOR = 4;
const MIN_DEADLINE_MS = 5000;
const FIRST_DEADLINE_MS = 900_000;
/** Between two looks at the queue: often where things happen, seldom where they do not. */
const [MIN_POLL_MS, MAX_POLL_MS] = [10, 40];
const WORKERS_EVERY_MS = 250;
const COMPLAIN_AFTER_MS = 5000;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #durations: Map<UnitKind, number[]> = new Map();
  /** Seen last, by the clock of this process. */
  readonly #seen: Map<string, number> = new Map();
  /** Late ones, until they answer. */
  readonly #late: Set<string> = new Set();
  /** Whose answers count no more. */
  readonly #banned: Set<string> = new Set();
  readonly #inspector: Inspector;
  /** In flight, those of tasks that are done elsewhere included. */
  readonly #attempts: Map<string, Attempt> = new Map();
  #workers: readonly WorkerView[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;
  #complainAt = Number.POSITIVE_INFINITY;
  readonly #finished: string[] = [];
  #changes = 0;
  #knowsBanned = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#inspector = new Inspector(
      {
        others: (task, but) => this.#others(task, but),
        handOut: (task, worker) => this.#handOut(task, worker, true),
        ban: (worker, reason) => this.#ban(worker, reason),
      },
      options,
    );
  }

  /**
   * Has all units done; returns when each has been accepted, and audited where that was drawn.
   * @throws HermeticError CLUSTER, ABORTED; Spoiled where answers of this step, to these units or to others, are false:
   *   their worker is in quarantine, and the same units again find what the others have done
   */
  async run(units: readonly Unit[]): Promise<void> {
    const { signal } = this.#options;
    const tasks = await Promise.all(units.map((unit) => this.#task(unit)));
    await this.#adopt(tasks);
    this.#complainAt = performance.now() + COMPLAIN_AFTER_MS;
    for (let pause = MIN_POLL_MS; ; ) {
      if (signal?.aborted) throw new HermeticError('ABORTED', 'stopped while workers were at it');
      const before = this.#changes;
      await this.#look();
      if (tasks.every(({ done, inspection }) => done && inspection === undefined)) break;
      await this.#findWorkers();
      await this.#judge();
      await this.#assign(tasks);
      await this.#inspect(tasks);
      pause = this.#changes === before ? Math.min(MAX_POLL_MS, 1.5 * pause) : MIN_POLL_MS;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Ends a step: removes what is finished from the books of the queue. */
  async forget(): Promise<void> {
    this.#inspector.endStep();
    await this.#options.queue.forget(this.#finished.splice(0));
  }

  /** Takes back what nobody needs any more. */
  async close(): Promise<void> {
    const ids = [...this.#attempts.keys()];
    if (ids.length > 0) await this.#options.queue.cancel(ids);
    this.#attempts.clear();
  }

  async #task(unit: Unit): Promise<Task> {
    const name = `${this.#options.run}/${unit.place}/${await jobTag(unit.job)}`;
    return { unit, name, attempts: new Set(), refusedBy: new Set(), handedOut: 0, done: false };
  }

  /** What a coordinator before this one had handed out. */
  async #adopt(tasks: readonly Task[]): Promise<void> {
    if (tasks.length === 0) return;
    if (!this.#knowsBanned) for (const worker of await this.#options.queue.banned()) this.#banned.add(worker);
    this.#knowsBanned = true;
    const byName = new Map(tasks.map((task) => [task.name, task]));
    const prefix = commonPrefix(tasks.map(({ name }) => name));
    for (const { id, worker, state } of await this.#options.queue.find(prefix)) {
      const task = byName.get(id.slice(0, id.lastIndexOf('/')));
      if (task === undefined) continue;
      task.handedOut = Math.max(task.handedOut, Number(id.slice(id.lastIndexOf('/') + 1)) + 1);
      if (state === 'failed' || this.#banned.has(worker)) continue;
      this.#track({ id, task, worker, state: 'waiting', since: performance.now(), adopted: true, inspects: false });
    }
  }

  #track(attempt: Attempt): void {
    this.#changes++;
    this.#attempts.set(attempt.id, attempt);
    attempt.task.attempts.add(attempt);
  }

  #drop(attempt: Attempt): void {
    this.#changes++;
    this.#attempts.delete(attempt.id);
    attempt.task.attempts.delete(attempt);
    this.#finished.push(attempt.id);
  }

  async #look(): Promise<void> {
    if (this.#attempts.size === 0) return;
    for (const view of await this.#options.queue.look([...this.#attempts.keys()])) {
      const attempt = this.#attempts.get(view.id);
      if (attempt === undefined) continue;
      if (view.state === 'done' || view.state === 'failed') await this.#settle(attempt, view);
      else if (view.state === 'running' && attempt.state === 'waiting') {
        attempt.state = 'running';
        attempt.since = performance.now();
      }
    }
  }

  async #settle(attempt: Attempt, view: AttemptView): Promise<void> {
    const { task, worker } = attempt;
    const tookMs = performance.now() - attempt.since;
    this.#drop(attempt);
    this.#late.delete(worker);
    if (this.#banned.has(worker)) return;
    const answer = view.state === 'done' ? parseResult(view.answer) : { refused: view.error ?? 'the unit failed' };
    if (attempt.inspects && answer !== undefined && 'outputs' in answer) task.inspection?.add(worker, answer);
    if (task.done) return;
    if (answer !== undefined && 'refused' in answer) {
      this.#refuse(task, worker, answer.refused);
      return;
    }
    try {
      if (answer === undefined) throw new HermeticError('BAD_FILE', 'the answer is no answer to a unit');
      await task.unit.accept(answer);
    } catch (error) {
      if (!(error instanceof HermeticError) || error.code !== 'BAD_FILE') throw error;
      if (attempt.adopted) return;
      task.refusedBy.add(worker);
      await this.#ban(worker, error.summary);
      return;
    }
    task.done = true;
    this.#inspector.note(task, worker, answer);
    this.#note(task.unit.job.kind, attempt.state === 'running' ? tookMs : totalMs(answer));
    this.#options.events?.done?.(task.unit.job, answer, worker);
    await this.#callOff(task);
  }

  async #ban(worker: string, reason: string): Promise<void> {
    this.#banned.add(worker);
    await this.#options.queue.quarantine(worker, reason);
    this.#workers = this.#workers.filter(({ id }) => id !== worker);
    this.#options.events?.quarantined?.(worker, reason);
  }

  async #inspect(tasks: readonly Task[]): Promise<void> {
    try {
      await this.#inspector.inspect(tasks);
    } catch (error) {
      if (!(error instanceof Spoiled)) throw error;
      // Left to their workers: the same units find them, those of the banned apart.
      for (const attempt of this.#attempts.values()) this.#finished.push(attempt.id);
      this.#attempts.clear();
      this.#late.clear();
      throw error;
    }
  }

  #others(task: Task, but: ReadonlySet<string>): { able: string[]; free: string[] } {
    const able = this.#canDo(task).flatMap(({ id }) => (but.has(id) || this.#late.has(id) ? [] : [id]));
    return { able, free: able.filter((id) => this.#load(id) < CAPACITY) };
  }

  /** The others at a unit that is done. Those that are late stay in sight: their answer says that they are back. */
  async #callOff(task: Task): Promise<void> {
    const others = [...task.attempts].filter(({ given }) => given !== 'late');
    if (others.length === 0) return;
    await this.#options.queue.cancel(others.map(({ id }) => id));
    for (const attempt of others) this.#drop(attempt);
  }

  #refuse(task: Task, worker: string, reason: string): void {
    task.refusedBy.add(worker);
    if (task.unit.otherwise !== undefined) return;
    if (task.refusedBy.size < MAX_REFUSALS && this.#canDo(task).length > 0) return;
    throw new HermeticError('CLUSTER', `the workers cannot do ${task.unit.place} (${reason})`, {
      mend: 'See what the workers say; the same command goes on from the last checkpoint.',
    });
  }

  #note(kind: UnitKind, ms: number): void {
    const list = this.#durations.get(kind) ?? [];
    list.push(ms);
    this.#durations.set(kind, list.slice(-32));
  }

  #deadline(kind: UnitKind): number {
    if (this.#options.deadlineMs !== undefined) return this.#options.deadlineMs;
    const known = (this.#durations.get(kind) ?? []).toSorted((a, b) => a - b);
    const median = known[known.length >> 1];
    return median === undefined ? FIRST_DEADLINE_MS : Math.max(MIN_DEADLINE_MS, LATE_FACTOR * median);
  }

  async #findWorkers(): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt < WORKERS_EVERY_MS) return;
    this.#lookedAt = now;
    this.#workers = await this.#options.queue.workers();
    for (const { id } of this.#workers) this.#seen.set(id, now);
  }

  /** Gives attempts up that are late, or whose worker has gone. */
  async #judge(): Promise<void> {
    const now = performance.now();
    const { graceMs = 3000 } = this.#options;
    for (const attempt of this.#attempts.values()) {
      const { worker, task } = attempt;
      const gone = this.#banned.has(worker) || now - (this.#seen.get(worker) ?? attempt.since) > graceMs;
      if (!gone && attempt.state === 'waiting' && this.#isBusy(worker)) attempt.since = now;
      const late = now - attempt.since > this.#deadline(task.unit.job.kind);
      if (gone && task.done) {
        this.#drop(attempt);
        await this.#options.queue.cancel([attempt.id]);
      }
      if (attempt.given !== undefined || !(gone || late)) continue;
      attempt.given = gone ? 'lost' : 'late';
      if (!gone) this.#late.add(worker);
      if (!task.done && !this.#banned.has(worker))
        this.#options.events?.again?.(task.unit.place, worker, attempt.given);
    }
  }

  /** At a unit that is not late: what waits behind it may wait. */
  #isBusy(worker: string): boolean {
    for (const attempt of this.#attempts.values()) {
      if (attempt.worker === worker && attempt.state === 'running' && attempt.given === undefined) return true;
    }
    return false;
  }

  async #assign(tasks: readonly Task[]): Promise<void> {
    const open = tasks.filter(({ done, attempts }) => !done && [...attempts].every(({ given }) => given !== undefined));
    let served = 0;
    for (const task of open) {
      if (task.unit.otherwise !== undefined && this.#canDo(task).every(({ id }) => this.#late.has(id))) {
        await this.#doHere(task, task.unit.otherwise);
        served++;
        continue;
      }
      const chosen = this.#choose(task, CAPACITY);
      if (chosen === undefined) continue;
      await this.#handOut(task, chosen.id);
      served++;
    }
    if (open.length === 0) await this.#level(tasks);
    this.#complain(open, served);
  }

  async #doHere(task: Task, work: () => Promise<UnitDone>): Promise<void> {
    const done = await work();
    await task.unit.accept(done);
    this.#changes++;
    task.done = true;
    this.#options.events?.done?.(task.unit.job, done, undefined);
    await this.#callOff(task);
  }

  /** What waits for a busy worker goes to one that is idle. */
  async #level(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) {
      const [attempt, ...more] = task.attempts;
      if (task.done || attempt === undefined || more.length > 0 || attempt.state !== 'waiting') continue;
      if (!this.#isBusy(attempt.worker)) continue;
      const idle = this.#choose(task, 1);
      if (idle === undefined) continue;
      await this.#options.queue.cancel([attempt.id]);
      this.#drop(attempt);
      await this.#handOut(task, idle.id);
    }
  }

  async #handOut(task: Task, worker: string, inspects = false): Promise<void> {
    const id = `${task.name}/${task.handedOut++}`;
    this.#track({ id, task, worker, state: 'waiting', since: performance.now(), adopted: false, inspects });
    await this.#options.queue.submit(id, worker, task.unit.job);
  }

  #canDo({ unit, refusedBy }: Task): WorkerView[] {
    return this.#workers.filter(
      ({ id, rows, bootstraps, refreshes }) =>
        !refusedBy.has(id) &&
        (unit.rows === undefined || rows.has(unit.rows)) &&
        (!unit.bootstraps || bootstraps) &&
        (!unit.refreshes || refreshes),
    );
  }

  #load(worker: string): number {
    let load = 0;
    for (const attempt of this.#attempts.values()) if (attempt.worker === worker) load++;
    return load;
  }

  /** The least loaded of those that can and are not late, with fewer than `most` units. */
  #choose(task: Task, most: number): WorkerView | undefined {
    const load = ({ id }: WorkerView) => this.#load(id);
    const free = this.#canDo(task).filter((worker) => load(worker) < most && !this.#late.has(worker.id));
    const fresh = free.filter(({ id }) => ![...task.attempts].some((attempt) => attempt.worker === id));
    return fresh.toSorted((a, b) => load(a) - load(b))[0];
  }

  #complain(open: readonly Task[], served: number): void {
    const now = performance.now();
    if (open.length === 0 || served > 0 || this.#attempts.size > 0) {
      this.#complainAt = now + COMPLAIN_AFTER_MS;
      return;
    }
    if (now < this.#complainAt) return;
    this.#complainAt = now + 12 * COMPLAIN_AFTER_MS;
    const [{ unit }] = open;
    const there = this.#workers.length;
    const able = there === 0 ? 'there is none' : `none of the ${there} that are there ${whatIsWanting(unit)}`;
    this.#options.events?.waiting?.(`waiting for workers: ${able}`);
  }
}

/** What a worker would have that could do the unit, for people. */
function whatIsWanting({ job, place, bootstraps, refreshes }: Unit): string {
  if (job.kind === 'gradient') return `holds the rows of shard ${job.shard + 1}`;
  if (bootstraps) return 'has bootstrapping keys: start one with --bootstrapping-keys';
  if (refreshes) return 'may ask the owner: start one with --refresh and --token-file';
  return `can do ${place}`;
}

function totalMs({ ms }: UnitDone): number {
  return ms.fetch + ms.compute + ms.store;
}

function commonPrefix(names: readonly string[]): string {
  let [prefix] = names;
  for (const name of names) while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}
