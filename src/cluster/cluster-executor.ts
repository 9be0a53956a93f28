/** A training loop's work as units for many workers: the coordinator's side. */
import { HermeticError } from '../base/errors.ts';
import type { PhaseClock, SealedState } from '../nn/sealed/executor.ts';
import { flattenLayers, unflattenLayers } from '../nn/sealed/layer-ciphertexts.ts';
import { refreshAll } from '../nn/sealed/local-executor.ts';
import { planRefreshPacking } from '../nn/sealed/refresh-packing.ts';
import { disposeAll } from '../nn/sealed/training-step.ts';
import { badFile } from '../protocol/bad-file.ts';
import type { CiphertextRecord } from '../protocol/ciphertext-record.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { Bootstrapping } from '../trainer/bootstrapping.ts';
import type { ProvidedExecutor, ProvidedRun, RunEnd } from '../trainer/executor-provider.ts';
import { Spoiled } from './audit.ts';
import type { BlobStore } from './blob-store.ts';
import { ciphertextBlobBytes, decodeCiphertext, encodeCiphertext } from './ciphertext-blob.ts';
import { Dispatcher, type DispatcherOptions } from './dispatcher.ts';
import { cut, Made, transpose } from './made.ts';
import { OwnBench } from './own-bench.ts';
import { KEPT_ANSWERS, REFRESH_SECRET_BYTES, type RefreshCut } from './owner-refresh.ts';
import type { Unit } from './task.ts';
import type { UnitDone, UnitJob, UnitOutput } from './units.ts';
import type { Workbench } from './workbench.ts';

/** Terms that one unit adds: more are added by units of their own first. */
const FAN_IN = 16;

export interface ClusterOptions extends Omit<DispatcherOptions, 'run' | 'signal'> {
  readonly blobs: BlobStore;
  /** Hash of the run's description. */
  readonly description: string;
  /** How many units the update is cut into; default: a ciphertext each. */
  readonly updateUnits?: () => number;
  /** Where the cut of a refresh by the owner is kept, for a coordinator that comes after this one. */
  readonly cuts: { recall(): Promise<RefreshCut | undefined>; keep(cut: RefreshCut): Promise<void> };
  /** This process as a worker: for audits, and for what no worker can. */
  readonly bench: Workbench;
  /** Its bootstrapping keys, which it loads when an audit needs them. */
  readonly bootstrapping?: () => Promise<Bootstrapping>;
}

/** A step before it is taken, as names of blobs: the ciphertexts themselves are the loop's. */
interface StepStart {
  readonly step: number;
  readonly shape: SealedState<Ciphertext>['weights'];
  readonly weights: readonly string[];
  readonly velocities: readonly string[] | undefined;
}

export class ClusterExecutor implements ProvidedExecutor {
  readonly #run: ProvidedRun;
  readonly #options: ClusterOptions;
  readonly #dispatcher: Dispatcher;
  /** Blobs of ciphertexts that are here. */
  readonly #names: WeakMap<Ciphertext, string> = new WeakMap();
  /** Blobs by the step after which nobody needs them. */
  readonly #stored: Map<string, number> = new Map();
  /** Of the step whose checkpoint is not safe yet. */
  #last: StepStart | undefined;
  readonly #own: OwnBench;

  constructor(run: ProvidedRun, options: ClusterOptions) {
    this.#run = run;
    this.#options = options;
    this.#own = new OwnBench(options.bench, options.bootstrapping);
    const { signal } = run;
    this.#dispatcher = new Dispatcher({ ...options, run: run.identity.run, ...(signal && { signal }) });
  }

  async step(state: SealedState<Ciphertext>, clock: PhaseClock): Promise<SealedState<Ciphertext>> {
    const { step } = state;
    const weights = await this.#upload(flattenLayers(state.weights), step);
    const velocities = state.velocities && (await this.#upload(flattenLayers(state.velocities), step));
    this.#last = { step, shape: state.weights, weights, velocities };
    return this.#take(this.#last, clock);
  }

  /** Again where an answer turns out to be false: what others have done is found, what its worker did is made anew. */
  async #take(start: StepStart, clock: PhaseClock): Promise<SealedState<Ciphertext>> {
    const beginning = new RegExp(`^${start.step}/(owner-)?refresh/`);
    for (;;) {
      try {
        return await this.#takeOnce(start, clock);
      } catch (error) {
        if (!(error instanceof Spoiled)) throw error;
        const before = error.places.find((place) => beginning.test(place));
        if (before !== undefined) throw lostRefresh(before);
      }
    }
  }

  async #takeOnce(start: StepStart, clock: PhaseClock): Promise<SealedState<Ciphertext>> {
    const { step, weights } = start;
    const gradients = await this.#gradients(step, weights);
    const level = Math.min(...gradients[0].map((output) => output.level));
    clock('gradients', level);
    const terms = await this.#sums(step, transpose(gradients));
    if (gradients.length > FAN_IN) clock('sum', level);
    const next = await this.#update(start, level, terms);
    clock('update', level);
    return { ...next, step: step + 1 };
  }

  async refresh(state: SealedState<Ciphertext>): Promise<SealedState<Ciphertext>> {
    const { evaluator } = this.#run.keys;
    for (let current = state; ; ) {
      try {
        const fresh = await this.#refreshOnce(current);
        if (current !== state) disposeAll(evaluator, current, fresh);
        return fresh;
      } catch (error) {
        if (current !== state) disposeAll(evaluator, current, []);
        if (!(error instanceof Spoiled)) throw error;
        // The step before may rest on the same worker's answers.
        current = this.#last === undefined ? state : await this.#take(this.#last, () => {});
      }
    }
  }

  async #refreshOnce(state: SealedState<Ciphertext>): Promise<SealedState<Ciphertext>> {
    const { plan, refresher, signal } = this.#run;
    if (plan.refreshMode === 'bootstrap') return this.#bootstrap(state);
    const cut = await this.#cutFor(state);
    if (cut !== undefined) return this.#askOwner(state, cut);
    return refreshAll({ plan, refresher: refresher(), ...(signal && { signal }) }, state);
  }

  /**
   * The cut of a coordinator before this one, or a call for each worker that can ask, but no more than the owner keeps answers
   * to where they are audited; undefined where there is none.
   */
  async #cutFor({ step, weights, velocities }: SealedState<Ciphertext>): Promise<RefreshCut | undefined> {
    const { queue, blobs, cuts, audit = 0 } = this.#options;
    const kept = await cuts.recall();
    if (kept?.step === step) return kept;
    const able = (await queue.workers()).filter(({ refreshes }) => refreshes).length;
    if (able === 0) return undefined;
    const count = flattenLayers(weights).length + flattenLayers(velocities ?? []).length;
    const secret = await blobs.put(crypto.getRandomValues(new Uint8Array(REFRESH_SECRET_BYTES)));
    const cut = { step, parts: Math.min(able, count, audit > 0 ? KEPT_ANSWERS : count), secret };
    await cuts.keep(cut);
    return cut;
  }

  async #askOwner(state: SealedState<Ciphertext>, { parts, secret }: RefreshCut): Promise<SealedState<Ciphertext>> {
    const { step } = state;
    this.#keepUntil(secret, step);
    const flat = [...flattenLayers(state.weights), ...flattenLayers(state.velocities ?? [])];
    const names = await this.#upload(flat, step);
    const made = new Made(this.#run);
    const units = cut(flat.length, Math.min(parts, flat.length)).map(({ first, count }, part): Unit => {
      const members = names.slice(first, first + count);
      const job: UnitJob = { kind: 'owner-refresh', run: this.#options.description, step, secret, members };
      return {
        place: `${step}/owner-refresh/${part}`,
        job,
        refreshes: true,
        otherwise: () => this.#askHere(job, flat.slice(first, first + count)),
        accept: async (done) => {
          // Unlike a bootstrapping, it leaves the scales as they were.
          const records = await this.#check(done, count, step, ({ level, scale }, i) => {
            return level === this.#run.plan.freshLevel && scale === flat[first + i].scale;
          });
          records.forEach((record, i) => made.put(first + i, record, done.outputs[i].blob));
        },
      };
    });
    return made.whenDone(this.#have(units), (fresh, blobs) => this.#refreshed(state, fresh, blobs));
  }

  /**
   * The same call by this process. Where the owner has forgotten the answer, another one, which counts anew:
   * the answer to the first, should it still come, is dropped, for a unit is done once.
   */
  async #askHere(job: UnitJob, ciphertexts: readonly Ciphertext[]): Promise<UnitDone> {
    const { plan, keys, refresher, signal } = this.#run;
    try {
      return await this.#own.do(job);
    } catch (error) {
      if (!(error instanceof HermeticError) || error.code !== 'POLICY_DENIED' || job.kind !== 'owner-refresh')
        throw error;
      const request = { level: plan.freshLevel, step: job.step, ...(signal && { signal }) };
      const fresh = await refresher().refresh(ciphertexts, request);
      try {
        const names = await this.#upload(fresh, job.step);
        const outputs = fresh.map(({ level, scale }, i) => ({ blob: names[i], level, scale }));
        return { outputs, ms: { fetch: 0, compute: 0, store: 0 }, bytes: { fetched: 0, stored: 0 } };
      } finally {
        keys.evaluator.dispose(...fresh);
      }
    }
  }

  #refreshed(
    state: SealedState<Ciphertext>,
    fresh: readonly Ciphertext[],
    blobs: readonly (readonly [Ciphertext, string])[],
  ): SealedState<Ciphertext> {
    for (const [ciphertext, name] of blobs) this.#names.set(ciphertext, name);
    const count = flattenLayers(state.weights).length;
    return {
      weights: unflattenLayers(state.weights, fresh.slice(0, count)),
      velocities: state.velocities && unflattenLayers(state.velocities, fresh.slice(count)),
      step: state.step,
    };
  }

  /** What is older than the checkpoint before goes. */
  async kept(step: number): Promise<void> {
    this.#last = undefined;
    await this.#removeBefore(step);
    await this.#dispatcher.forget();
  }

  async close(end: RunEnd): Promise<void> {
    this.#own.dispose();
    await this.#dispatcher.close();
    if (end !== 'done') return;
    await this.#removeBefore(Number.POSITIVE_INFINITY);
    await this.#dispatcher.forget();
  }

  async #removeBefore(step: number): Promise<void> {
    for (const [name, last] of this.#stored) {
      if (last >= step) continue;
      this.#stored.delete(name);
      await this.#options.blobs.remove(name);
    }
  }

  /** Names of the ciphertexts' blobs; stored where they are not yet. */
  async #upload(ciphertexts: readonly Ciphertext[], step: number): Promise<string[]> {
    const names: string[] = [];
    for (const ciphertext of ciphertexts) {
      const known = this.#names.get(ciphertext);
      const name = known ?? (await this.#options.blobs.put(encodeCiphertext(this.#run.keys, ciphertext)));
      this.#names.set(ciphertext, name);
      this.#keepUntil(name, step);
      names.push(name);
    }
    return names;
  }

  #keepUntil(name: string, step: number): void {
    this.#stored.set(name, Math.max(step, this.#stored.get(name) ?? 0));
  }

  async #gradients(step: number, weights: readonly string[]): Promise<(readonly UnitOutput[])[]> {
    const found: (readonly UnitOutput[])[] = [];
    const units = this.#run.shards.map(
      ({ digest: rows }, shard): Unit => ({
        place: `${step}/gradient/${shard}`,
        job: { kind: 'gradient', run: this.#options.description, step, shard, rows, weights },
        rows,
        accept: async (done) => {
          const first = found.find((outputs) => outputs !== undefined) ?? done.outputs;
          await this.#check(done, weights.length, step, ({ level, scale }, i) => {
            return level === first[i].level && scale === first[i].scale;
          });
          found[shard] = done.outputs;
        },
      }),
    );
    await this.#have(units);
    return found;
  }

  /** At most FAN_IN terms for each ciphertext, sums of the given ones: a tree. */
  async #sums(step: number, given: readonly (readonly UnitOutput[])[]): Promise<(readonly UnitOutput[])[]> {
    let terms: (readonly UnitOutput[])[] = [...given];
    for (let depth = 0; terms[0].length > FAN_IN; depth++) {
      const next: UnitOutput[][] = terms.map(() => []);
      const units = cut(terms[0].length, Math.ceil(terms[0].length / FAN_IN)).map(({ first, count }, part): Unit => {
        const lists = terms.map((list) => list.slice(first, first + count));
        return {
          place: `${step}/sum-${depth}/${part}`,
          job: {
            kind: 'sum',
            run: this.#options.description,
            terms: lists.map((list) => list.map(({ blob }) => blob)),
          },
          accept: async (done) => {
            await this.#check(done, lists.length, step, ({ level, scale }, i) => {
              return level === lists[i][0].level && scale === lists[i][0].scale;
            });
            done.outputs.forEach((output, i) => {
              next[i][part] = output;
            });
          },
        };
      });
      await this.#have(units);
      terms = next;
    }
    return terms;
  }

  async #update(
    { step, shape, weights, velocities }: StepStart,
    level: number,
    terms: readonly (readonly UnitOutput[])[],
  ): Promise<Omit<SealedState<Ciphertext>, 'step'>> {
    const { recipe } = this.#run.plan;
    const moving = recipe.momentum !== 0 && step < recipe.steps - 1;
    const each = moving ? 2 : 1;
    const made = new Made(this.#run);
    const items = weights.map((weight, i) => ({
      weight,
      velocity: velocities?.[i] ?? null,
      gradients: terms[i].map(({ blob }) => blob),
    }));
    const parts = Math.min(items.length, this.#options.updateUnits?.() ?? items.length);
    const units = cut(items.length, parts).map(
      ({ first, count }, part): Unit => ({
        place: `${step}/update/${part}`,
        job: { kind: 'update', run: this.#options.description, step, level, items: items.slice(first, first + count) },
        accept: async (done) => {
          const records = await this.#check(done, each * count, step + 1, (output) => output.level === level);
          records.forEach((record, i) => {
            made.put((i % each) * items.length + first + Math.floor(i / each), record, done.outputs[i].blob);
          });
        },
      }),
    );
    return made.whenDone(this.#have(units), (flat, names) => {
      for (const [ciphertext, name] of names) this.#names.set(ciphertext, name);
      return {
        weights: unflattenLayers(shape, flat.slice(0, items.length)),
        velocities: moving ? unflattenLayers(shape, flat.slice(items.length)) : undefined,
      };
    });
  }

  async #bootstrap(state: SealedState<Ciphertext>): Promise<SealedState<Ciphertext>> {
    const { plan } = this.#run;
    const sets = state.velocities === undefined ? 1 : 2;
    const flat = [...flattenLayers(state.weights), ...flattenLayers(state.velocities ?? [])];
    const names = await this.#upload(flat, state.step);
    const { groups } = planRefreshPacking(plan, sets);
    const made = new Made(this.#run);
    const units = groups.map(
      ({ members }, group): Unit => ({
        place: `${state.step}/refresh/${group}`,
        job: {
          kind: 'refresh',
          run: this.#options.description,
          sets,
          group,
          members: members.map(({ index }) => names[index]),
        },
        bootstraps: true,
        accept: async (done) => {
          const right = (output: UnitOutput) => output.level === plan.freshLevel;
          const records = await this.#check(done, members.length, state.step, right);
          records.forEach((record, i) => made.put(members[i].index, record, done.outputs[i].blob));
        },
      }),
    );
    return made.whenDone(this.#have(units), (fresh, blobs) => this.#refreshed(state, fresh, blobs));
  }

  /** Has the units done; each of them can be done here too, where that can be. */
  #have(units: readonly Unit[]): Promise<void> {
    return this.#dispatcher.run(
      units.map((unit) => (this.#own.can(unit.job) ? { ...unit, here: () => this.#own.judge(unit.job) } : unit)),
    );
  }

  /** The records of all outputs: each blob there, hashed, of the size of its level, every residue below its prime. */
  async #check(
    { outputs }: UnitDone,
    count: number,
    step: number,
    fits: (output: UnitOutput, index: number) => boolean,
  ): Promise<CiphertextRecord[]> {
    const { keys } = this.#run;
    const { parameters } = keys;
    const top = parameters.limbsAtLevel.length - 1;
    if (outputs.length !== count || !outputs.every((output, i) => output.level <= top && fits(output, i))) {
      throw badFile('a worker answered with other ciphertexts than the unit gives');
    }
    const records: CiphertextRecord[] = [];
    for (const { blob, level, scale } of outputs) {
      const bytes = await this.#options.blobs.get(blob, ciphertextBlobBytes(parameters, level));
      const record = decodeCiphertext(keys, bytes);
      if (record.level !== level || record.scale !== scale)
        throw badFile('a blob holds another ciphertext than was said');
      this.#keepUntil(blob, step);
      records.push(record);
    }
    return records;
  }
}

function lostRefresh(place: string): HermeticError {
  return new HermeticError('CLUSTER', `a false answer went into the refresh ${place}, which began this step`, {
    mend: 'Its worker is in quarantine: the same command goes on from the last checkpoint, without it.',
  });
}
