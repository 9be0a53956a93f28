/**
 * The page's side of training: every method asks the worker and returns a promise, so the page never waits. Errors are
 * `HermeticError`s with a code and a mend, as everywhere.
 */
import { HermeticError } from 'hermetic/trainer';
import type {
  CallOptions,
  DataReport,
  DataRequest,
  Environment,
  Estimate,
  KeptRun,
  LoadedNetwork,
  LoadProgress,
  LoadRequest,
  Predictions,
  PredictProgress,
  PredictRequest,
  TrainedModel,
  TrainProgress,
  TrainRequest,
} from './api.ts';
import { type Calls, type FromWorker, fromWire, type Method, type ToWorker } from './wire.ts';

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((progress: unknown) => void) | undefined;
}

export class TrainingWorker {
  readonly #worker: Worker;
  readonly #pending: Map<number, Pending> = new Map();
  #calls = 0;
  #closed = false;

  /** Starts the worker; nothing is fetched yet. */
  constructor() {
    this.#worker = new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module', name: 'training' });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    this.#worker.onerror = ({ message }) => this.#fail(crash(message));
  }

  /** Threads and storage that this browser gives the page. */
  environment(): Promise<Environment> {
    return this.#call('environment', undefined);
  }

  /**
   * Fetches keys and model (once: they are kept by their SHA-256), checks and reads them. Replaces what was loaded.
   * @throws HermeticError BAD_FILE, WRONG_KEY, OUT_OF_MEMORY, ABORTED; of the service as `ServiceClient`
   */
  load(request: LoadRequest, options: CallOptions<LoadProgress> = {}): Promise<LoadedNetwork> {
    return this.#call('load', request, options);
  }

  /** Reads a CSV as the loaded model sees it, and keeps it to train on or to predict. @throws HermeticError BAD_DATA */
  data(request: DataRequest): Promise<DataReport> {
    return this.#call('data', request);
  }

  /** Features of the given rows of the data to predict: what an unlock in verified mode shows the owner. */
  features(rows: readonly number[]): Promise<number[][]> {
    return this.#call('features', rows);
  }

  /** What a run would take. @throws HermeticError PLAN_REFUSED with what would fit */
  estimate(recipe: TrainRequest['recipe']): Promise<Estimate> {
    return this.#call('estimate', recipe);
  }

  /**
   * A new run on the loaded model and data, from its first step to the trained file. `signal` stops it after the step
   * under way: ABORTED, and `resume` goes on from there.
   */
  train(request: TrainRequest, options: CallOptions<TrainProgress> = {}): Promise<TrainedModel> {
    void navigator.storage?.persist?.().catch(() => false);
    return this.#call('train', request, options);
  }

  /** Goes on with a run that was stopped, or cut off by a reload, from its last checkpoint. The model must be loaded. */
  resume(run: string, options: CallOptions<TrainProgress> = {}): Promise<TrainedModel> {
    return this.#call('resume', run, options);
  }

  /** Holds the run after the step under way. False where none is running. */
  pause(): Promise<boolean> {
    return this.#call('pause', undefined);
  }

  /** Lets a held run go on. False where none is held. */
  continue(): Promise<boolean> {
    return this.#call('continue', undefined);
  }

  /** Runs that this browser keeps, newest first. */
  runs(): Promise<readonly KeptRun[]> {
    return this.#call('runs', undefined);
  }

  /** The result of a finished run, until it is discarded. */
  trained(run: string): Promise<TrainedModel | undefined> {
    return this.#call('trained', run);
  }

  /** Deletes a run with its checkpoints, its copy of the data and its result. */
  discard(run: string): Promise<undefined> {
    return this.#call('discard', run);
  }

  /** Deletes everything that this page has stored in the browser. */
  forget(): Promise<undefined> {
    return this.#call('forget', undefined);
  }

  /** Sealed predictions for the data read with purpose 'predict'; only the owner can open them. */
  predict(request: PredictRequest = {}, options: CallOptions<PredictProgress> = {}): Promise<Predictions> {
    return this.#call('predict', request, options);
  }

  /** Ends the worker at once; a run under way can be resumed from its last checkpoint. */
  close(): void {
    this.#worker.terminate();
    this.#fail(new HermeticError('ABORTED', 'the training worker was closed'));
  }

  #call<M extends Method>(
    method: M,
    argument: Calls[M]['argument'],
    { onProgress, signal }: CallOptions<Calls[M]['progress']> = {},
  ): Promise<Calls[M]['result']> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new HermeticError('ABORTED', 'the training worker was closed'));
      const stop = () => this.#post({ stop: id });
      const ended =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', stop);
          then(value);
        };
      const told = onProgress as Pending['onProgress'];
      this.#pending.set(id, { resolve: ended(resolve as Pending['resolve']), reject: ended(reject), onProgress: told });
      this.#post({ id, method, argument });
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted) stop();
    });
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    const call = this.#pending.get(message.id);
    if (call === undefined) return;
    if ('progress' in message) {
      call.onProgress?.(message.progress);
      return;
    }
    this.#pending.delete(message.id);
    if ('error' in message) call.reject(fromWire(message.error));
    else call.resolve(message.result);
  }

  #fail(error: Error): void {
    this.#closed = true;
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of calls) reject(error);
  }
}

/** What ended the worker; browsers say nothing of a script that did not load. */
function crash(message: string | undefined): HermeticError {
  if (message === undefined || message === '') {
    return new HermeticError('REFRESH_FAILED', 'the part of this page that trains could not be loaded', {
      mend: "Check that the owner's service can be reached, and load the page again.",
    });
  }
  const code = /memory|allocation/i.test(message) ? 'OUT_OF_MEMORY' : 'ABORTED';
  return new HermeticError(code, `training in this tab has failed (${message})`, {
    mend: 'Load the page again: a run goes on from its last finished step. Close other tabs if it fails again.',
  });
}
