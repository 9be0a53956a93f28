/** A run from its first step, or its last checkpoint, to the trained file; it can be held and stopped between steps. */
import type { ServiceClient } from 'hermetic/client';
import { writeSealedModel } from 'hermetic/protocol';
import { type CheckpointStore, type FitResult, fit as fitSealed, statedPrivacy } from 'hermetic/trainer';
import type { TrainedModel, TrainProgress } from '../api.ts';
import { storedCheckpoints } from '../storage/checkpoints.ts';
import { type FileStore, noFile } from '../storage/file-store.ts';
import type { RunBook, RunEntry } from '../storage/run-book.ts';
import { clientOf, type Network } from './network.ts';
import { RunProgress } from './run-progress.ts';
import type { ReadData } from './table-data.ts';

export interface TrainingTask {
  readonly store: FileStore;
  readonly book: RunBook;
  readonly network: Network;
  readonly data: ReadData;
  readonly entry: RunEntry;
  readonly tell: (progress: TrainProgress) => void;
  readonly signal: AbortSignal;
}

export class Training {
  readonly #task: TrainingTask;
  readonly #progress: RunProgress;
  readonly #client: ServiceClient;
  #held = false;
  #release: () => void = () => {};
  #reporting = false;

  constructor(task: TrainingTask) {
    const { network, entry, tell, signal } = task;
    this.#task = task;
    this.#progress = new RunProgress(entry, entry.recipe.batch ?? network.batch, tell);
    this.#client = clientOf(network.service, this.#progress.counter);
    signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Holds the run after the step under way. */
  pause(): void {
    if (this.#held || this.#task.signal.aborted) return;
    this.#held = true;
    this.#progress.setState('pausing');
  }

  /** False where it was not held. */
  continue(): boolean {
    if (!this.#held) return false;
    this.#held = false;
    this.#release();
    this.#progress.setState('running');
    return true;
  }

  #stop(): void {
    this.#held = false;
    this.#release();
    this.#progress.setState('stopping');
  }

  /** @throws HermeticError as `fit` */
  async run(): Promise<TrainedModel> {
    const { store, book, network, data, entry, signal } = this.#task;
    const { model, keys } = network;
    const { features, targets } = data.dataset;
    const checkpoints = storedCheckpoints(store, book.folder(entry.run));
    this.#progress.update({});
    const result = await fitSealed(
      model,
      keys,
      { features, targets: targets.values },
      {
        recipe: entry.recipe,
        ...(entry.privacy && { privacy: entry.privacy }),
        refresh: this.#client.refreshTransport(),
        checkpoint: this.#observed(checkpoints),
        observer: this.#progress.observer,
        signal,
      },
    );
    return this.#keepResult(result, checkpoints);
  }

  /** A step is done when its checkpoint is safe: then it is booked and told, and the run may be held. */
  #observed(store: CheckpointStore): CheckpointStore {
    return {
      ...store,
      write: async (step, produce) => {
        await store.write(step, produce);
        this.#progress.finishStep(step);
        await this.#book({ step });
        this.#report();
        if (this.#held && step < this.#task.entry.recipe.steps) await this.#hold();
      },
    };
  }

  async #hold(): Promise<void> {
    const released = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    this.#progress.setState('paused');
    await released;
    this.#progress.startClock();
  }

  async #book(change: Partial<RunEntry>): Promise<void> {
    const { traffic, seconds, current } = this.#progress;
    const savedAt = new Date().toISOString();
    const { entry, book } = this.#task;
    await book.save({ ...entry, ownerRun: current.ownerRun, traffic, seconds, savedAt, ...change });
  }

  /** Tells the service how far the run is, one report at a time; the run does not wait for it, nor fail with it. */
  #report(): void {
    const { ownerRun, step, steps, rowsPerSecond = 0 } = this.#progress.current;
    if (!this.#task.entry.report || this.#reporting || ownerRun === undefined) return;
    this.#reporting = true;
    const done = () => {
      this.#reporting = false;
    };
    this.#client.reportProgress(ownerRun, { step, steps, rowsPerSecond }).then(done, done);
  }

  async #keepResult(fitted: FitResult, checkpoints: CheckpointStore): Promise<TrainedModel> {
    const { store, book, network, entry } = this.#task;
    this.#progress.setState('finishing');
    const { recipe, data, privacy } = fitted;
    let modelId = '';
    await store.write(book.resultPath(entry.run), async (sink) => {
      modelId = await writeSealedModel(sink, fitted.model, network.keys.parameters);
    });
    const stated = privacy && statedPrivacy(privacy);
    const result = { modelId, recipe, dataDigest: data.digest, privacy: stated };
    await this.#book({ step: recipe.steps, recipe, result });
    // The result is safe: what only a resumed run would need goes, the copy of the data first.
    await store.remove(book.dataPath(entry.run));
    for (const step of await checkpoints.steps()) await checkpoints.remove(step);
    const kept = await trainedModel(store, book, entry.run);
    if (kept === undefined) throw noFile(book.resultPath(entry.run));
    return kept;
  }
}

/** The result of a finished run, as it is kept. */
export async function trainedModel(store: FileStore, book: RunBook, run: string): Promise<TrainedModel | undefined> {
  const entry = await book.find(run);
  const file = await store.blob(book.resultPath(run));
  if (entry?.result === undefined || file === undefined) return undefined;
  const { ownerRun, result, data, seconds, traffic } = entry;
  return { run, ownerRun, ...result, file, rows: data.rows, seconds, traffic };
}
