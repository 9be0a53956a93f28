/** What the trainer's views share: who they are, what is loaded in this tab, and the run under way. */

import { isAborted, isSignedOut, isUnavailable } from '../lib/problem.ts';
import { serviceAddress, serviceClient } from '../lib/service.ts';
import { session } from '../lib/session.svelte.ts';
import type { Me, ServedModel } from '../lib/types.ts';
import type { RunSample } from '../owner/run-history.ts';
import { runProblem } from './run-problem.ts';
import { forgetSigningKey, keptSigningKey, type Receipt, signRun } from './signing.ts';
import { createTraining } from './training.ts';
import type {
  DataReport,
  Environment,
  KeptRun,
  LoadedNetwork,
  LoadProgress,
  Recipe,
  TrainedModel,
  TrainingApi,
  TrainProgress,
} from './training-api.ts';

export interface Submission {
  readonly model: ServedModel;
  readonly receipt: Receipt;
  /** Not where another was accepted meanwhile. */
  readonly isHead: boolean;
}

type Start = (options: { signal: AbortSignal; onProgress: (progress: TrainProgress) => void }) => Promise<TrainedModel>;

const WAIT_MS = 10_000;
/** The service answers, and the run breaks off all the same before its next step: so often it is tried. */
const VAIN_ATTEMPTS = 4;

export class TrainerData {
  readonly client: ReturnType<typeof serviceClient>;
  readonly training: TrainingApi = createTraining();
  readonly #token: string;

  me: Me | undefined = $state.raw();
  environment: Environment | undefined = $state.raw();
  kept: readonly KeptRun[] = $state.raw([]);
  error: unknown = $state.raw();

  loading: LoadProgress | undefined = $state.raw();
  network: LoadedNetwork | undefined = $state.raw();
  loadError: unknown = $state.raw();

  report: DataReport | undefined = $state.raw();

  progress: TrainProgress | undefined = $state.raw();
  /** Speed after each step of this stay. */
  curve: readonly RunSample[] = $state.raw([]);
  running: boolean = $state(false);
  /** The connection was lost: the run goes on by itself when the service answers again. */
  waiting: boolean = $state(false);
  trained: TrainedModel | undefined = $state.raw();
  trainError: unknown = $state.raw();
  /** Stopped on purpose at this step. */
  stoppedAt: number | undefined = $state();

  submitting: { readonly sent: number; readonly bytes: number } | 'checking' | undefined = $state.raw();
  submission: Submission | undefined = $state.raw();
  submitError: unknown = $state.raw();

  #stopping: AbortController | undefined;
  /** Ends the waiting: with true to try at once, with false for good. */
  #wake: ((again: boolean) => void) | undefined;
  #loading: AbortController | undefined;

  constructor(token: string) {
    this.#token = token;
    this.client = serviceClient(token);
  }

  /** Asks who one is, and what this browser keeps. */
  async begin(): Promise<void> {
    this.error = undefined;
    try {
      [this.me, this.environment, this.kept] = await Promise.all([
        this.client.me(),
        this.training.environment(),
        this.training.runs(),
      ]);
    } catch (error) {
      this.#failed(error, (caught) => {
        this.error = caught;
      });
    }
  }

  /** Fetches keys and model, which are kept: the next time nothing is fetched. */
  async load(): Promise<boolean> {
    const { me } = this;
    if (me === undefined) return false;
    if (this.network?.modelId === me.model.id) return true;
    this.loadError = undefined;
    this.#loading = new AbortController();
    this.loading = { file: 'keys', stage: 'download', done: 0, total: me.files.keys.bytes };
    try {
      this.network = await this.training.load(
        {
          service: { url: serviceAddress(), token: this.#token },
          files: { keys: me.files.keys, model: me.files.model },
        },
        {
          signal: this.#loading.signal,
          onProgress: (progress) => {
            this.loading = progress;
          },
        },
      );
      return true;
    } catch (error) {
      if (!isAborted(error)) {
        this.#failed(error, (caught) => {
          this.loadError = caught;
        });
      }
      return false;
    } finally {
      this.loading = undefined;
    }
  }

  stopLoading(): void {
    this.#loading?.abort();
  }

  train(recipe: Recipe, epsilon?: number): Promise<void> {
    const request = { recipe, ...(epsilon !== undefined && { privacy: { epsilon } }) };
    return this.#run((options) => this.training.train(request, options));
  }

  async resume(run: string): Promise<void> {
    if (await this.load()) await this.#run((options) => this.training.resume(run, options));
  }

  /** The result of a run that was finished before the page was loaded anew. */
  async takeUp(run: string): Promise<void> {
    if (await this.load()) this.trained = await this.training.trained(run);
  }

  async discard(run: string): Promise<void> {
    await this.training.discard(run);
    this.kept = await this.training.runs();
    if (this.trained?.run === run) this.trained = undefined;
  }

  stop(): void {
    this.#stopping?.abort();
    this.#wake?.(false);
  }

  /** Does not wait for the service any longer, and tries. */
  tryNow(): void {
    this.#wake?.(true);
  }

  /** Sends the sealed result with a signed record of the run; the owner's gates decide. */
  async handBack(): Promise<void> {
    const { me, network, trained } = this;
    if (me === undefined || network === undefined || trained === undefined) return;
    this.submitError = undefined;
    this.submitting = { sent: 0, bytes: trained.file.size };
    try {
      const key = await keptSigningKey();
      if (key === undefined)
        throw new Error('the signing key of this browser is gone; ask the owner to invite you again');
      const receipt = await signRun(key, me, network, trained);
      const upload = await this.client.upload('model', trained.file, {
        onProgress: (sent: number) => {
          this.submitting = { sent, bytes: trained.file.size };
        },
      });
      this.submitting = 'checking';
      const { record, signature } = receipt;
      const model = await this.client.submit({ uploadId: upload.id, record, signature });
      // Which model leads now, and how many refreshes are left: no reason to doubt the answer where that cannot be told.
      this.me = await this.client.me().catch(() => this.me);
      this.submission = { model, receipt, isHead: this.me?.network.headId === model.id };
    } catch (error) {
      this.#failed(error, (caught) => {
        this.submitError = caught;
      });
    } finally {
      this.submitting = undefined;
    }
  }

  /** Ready for another round: what was handed back is not needed here any more. */
  async another(): Promise<void> {
    const { trained } = this;
    this.submission = undefined;
    this.progress = undefined;
    this.report = undefined;
    this.network = undefined;
    this.trained = undefined;
    if (trained !== undefined) await this.discard(trained.run);
    await this.begin();
  }

  /** Deletes everything of this trainer in this browser. */
  async leave(): Promise<void> {
    await this.training.forget();
    await forgetSigningKey();
    session.leave();
  }

  close(): void {
    this.#wake?.(false);
    this.training.close();
  }

  /** A run to its end: where the connection is lost it waits for the service, and goes on from the last step. */
  async #run(start: Start): Promise<void> {
    this.trainError = undefined;
    this.stoppedAt = undefined;
    this.progress = undefined;
    this.curve = [];
    let next: Start | undefined = start;
    for (let vain = 0; next !== undefined && vain < VAIN_ATTEMPTS; vain++) {
      const before = this.#step;
      const run: string | undefined = await this.#attempt(next);
      if (run === undefined || !(await this.#serviceIsBack())) return;
      if (this.#step > before) vain = 0;
      next = (options) => this.training.resume(run, options);
    }
  }

  get #step(): number {
    return this.progress?.step ?? 0;
  }

  /** The name of the run where it was cut off and can be gone on with. */
  async #attempt(start: Start): Promise<string | undefined> {
    const stopping = new AbortController();
    this.#stopping = stopping;
    this.trainError = undefined;
    this.running = true;
    let step = this.#step;
    const onProgress = (progress: TrainProgress): void => {
      this.progress = progress;
      if (progress.step > step && progress.rowsPerSecond !== undefined) {
        this.curve = [...this.curve, { at: Date.now(), step: progress.step, rowsPerSecond: progress.rowsPerSecond }];
      }
      step = progress.step;
    };
    try {
      this.trained = await start({ signal: stopping.signal, onProgress });
    } catch (error) {
      if (isAborted(error)) this.stoppedAt = step;
      else this.trainError = runProblem(error);
    } finally {
      this.running = false;
      this.kept = await this.training.runs();
    }
    const run = this.progress?.run;
    const kept = this.kept.some((one) => one.run === run && !one.finished);
    return isUnavailable(this.trainError) && kept ? run : undefined;
  }

  /** Waits until the service answers; false where that is no longer wanted. */
  async #serviceIsBack(): Promise<boolean> {
    this.waiting = true;
    try {
      for (;;) {
        if ((await this.#pause(WAIT_MS)) === false) return false;
        if (await this.#answers()) return true;
      }
    } finally {
      this.waiting = false;
    }
  }

  async #answers(): Promise<boolean> {
    try {
      await this.client.health();
      return true;
    } catch (error) {
      // A refusal is an answer too; what it means, the run will say.
      return !isUnavailable(error);
    }
  }

  /** Undefined when the time is over. A network that is found again, as by a laptop that wakes up, ends it with true. */
  #pause(ms: number): Promise<boolean | undefined> {
    return new Promise((resolve) => {
      const done = (again: boolean | undefined): void => {
        clearTimeout(timer);
        window.removeEventListener('online', online);
        this.#wake = undefined;
        resolve(again);
      };
      const online = (): void => done(true);
      const timer = setTimeout(() => done(undefined), ms);
      window.addEventListener('online', online);
      this.#wake = done;
    });
  }

  #failed(error: unknown, keep: (error: unknown) => void): void {
    keep(isSignedOut(error) ? new Ended() : error);
  }
}

/** The owner ended it. */
class Ended extends Error {
  readonly mend = 'Your invitation has expired or was revoked. Ask the owner for another one.';

  constructor() {
    super('the service does not know you any more');
  }
}
