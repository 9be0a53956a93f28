/** The worker's state: one network, data to train on and to predict, and at most one run at a time. */
import { memorySink, readSealedModel, writeSealedPredictions } from 'hermetic/protocol';
import { HermeticError, planFit, predictSealed } from 'hermetic/trainer';
import type {
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
} from '../api.ts';
import { keepOnly } from '../storage/file-cache.ts';
import type { FileStore } from '../storage/file-store.ts';
import { openStore } from '../storage/opfs.ts';
import { RunBook, type RunEntry } from '../storage/run-book.ts';
import { describe, loadNetwork, type Network } from './network.ts';
import { type ReadData, readData } from './table-data.ts';
import { Training, trainedModel } from './training.ts';

/** Of a call: where its progress goes, and what stops it. */
export interface Line<Progress> {
  readonly tell: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

const MAX_THREADS = 16;

export class Session {
  readonly #store: Promise<FileStore> = openStore();
  #network: Network | undefined;
  #data: { readonly train?: ReadData; readonly predict?: ReadData } = {};
  #training: Training | undefined;
  #occupied = false;

  async environment(): Promise<Environment> {
    const isolated = globalThis.crossOriginIsolated;
    const cores = navigator.hardwareConcurrency;
    const { usage, quota } = (await navigator.storage?.estimate?.().catch(() => undefined)) ?? {};
    return {
      isolated,
      cores,
      threads: isolated ? Math.min(MAX_THREADS, cores) : 1,
      storage: (await this.#store).kind,
      storageUsed: usage,
      storageQuota: quota,
    };
  }

  async load(request: LoadRequest, { tell, signal }: Line<LoadProgress>): Promise<LoadedNetwork> {
    requireSecureContext();
    return this.#alone(async () => {
      const store = await this.#store;
      this.#network?.keys.dispose();
      this.#network = undefined;
      this.#data = {};
      const { network, downloaded } = await loadNetwork(store, request, tell, signal);
      this.#network = network;
      await this.#tidy(store, network);
      return describe(network, downloaded);
    });
  }

  /** Keeps what this network and the runs that are not finished need. In memory, nothing is worth its room. */
  async #tidy(store: FileStore, { files }: Network): Promise<void> {
    if (store.kind === 'memory') return keepOnly(store, new Set());
    const runs = (await new RunBook(store).entries()).filter(({ result }) => result === undefined);
    await keepOnly(store, new Set([...files, ...runs.flatMap((run) => run.files)]));
  }

  async data(request: DataRequest): Promise<DataReport> {
    const { settings, batch } = this.#requireNetwork();
    const data = await readData(request, settings, batch);
    this.#data = { ...this.#data, [request.purpose]: data };
    return data.report;
  }

  async features(rows: readonly number[]): Promise<number[][]> {
    const { features } = this.#requireData('predict').dataset;
    return rows.map((row) => {
      const out = new Float32Array(features.columns);
      features.densify([row], out);
      return [...out];
    });
  }

  async estimate(recipe: TrainRequest['recipe']): Promise<Estimate> {
    const { model, keys } = this.#requireNetwork();
    const { rows } = this.#requireData('train').report;
    const plan = planFit(model, keys, rows, recipe, 'owner');
    const { steps, batch, levelsPerStep, maxLevel, stepsPerRefresh, refreshes, ciphertexts, sizes } = plan;
    return {
      ...{ steps, batch, levelsPerStep, maxLevel, stepsPerRefresh, refreshes, ciphertexts, sizes },
      epochs: (steps * batch) / rows,
      sends: refreshes * sizes.refreshUp,
      receives: refreshes * sizes.refreshDown,
      memory: sizes.memory,
      secondsPerStep: await this.#measured(batch),
    };
  }

  /** Of the latest run with this model and batch that took a step. */
  async #measured(batch: number): Promise<number | undefined> {
    const { model, batch: largest } = this.#requireNetwork();
    const entries = await new RunBook(await this.#store).entries();
    const like = entries.find(
      ({ modelId, recipe, step }) => modelId === model.modelId && (recipe.batch ?? largest) === batch && step > 0,
    );
    return like && like.seconds / like.step;
  }

  async train({ recipe, privacy, report = true }: TrainRequest, line: Line<TrainProgress>): Promise<TrainedModel> {
    this.#requireIdle();
    const network = this.#requireNetwork();
    const data = this.#requireData('train');
    // Refused before anything is stored.
    planFit(network.model, network.keys, data.report.rows, recipe, 'owner');
    const { name, csv, label } = data.request;
    const run = newName();
    const now = new Date().toISOString();
    const entry: RunEntry = {
      version: 1,
      run,
      ownerRun: undefined,
      modelId: network.model.modelId,
      files: network.files,
      data: { name, rows: data.report.rows, label },
      recipe,
      privacy,
      report,
      step: 0,
      startedAt: now,
      savedAt: now,
      seconds: 0,
      traffic: { sent: 0, received: 0, refreshes: 0 },
      result: undefined,
    };
    return this.#run(entry, data, line, async (store, book) => {
      const bytes = new Uint8Array(await csv.arrayBuffer());
      await store.write(book.dataPath(run), (sink) => sink.write(bytes));
      await book.save(entry);
    });
  }

  async resume(run: string, line: Line<TrainProgress>): Promise<TrainedModel> {
    this.#requireIdle();
    const network = this.#requireNetwork();
    const store = await this.#store;
    const book = new RunBook(store);
    const finished = await trainedModel(store, book, run);
    if (finished !== undefined) return finished;
    const entry = await book.find(run);
    const csv = await store.blob(book.dataPath(run));
    if (entry === undefined || csv === undefined) throw unknownRun();
    if (entry.modelId !== network.model.modelId) throw otherModel(entry.modelId, network.model.modelId);
    const { name, label } = entry.data;
    const request = { name, csv, purpose: 'train', ...(label !== undefined && { label }) } as const;
    const data = await readData(request, network.settings, network.batch);
    this.#data = { ...this.#data, train: data };
    return this.#run(entry, data, line);
  }

  async #run(
    entry: RunEntry,
    data: ReadData,
    { tell, signal }: Line<TrainProgress>,
    prepare?: (store: FileStore, book: RunBook) => Promise<void>,
  ): Promise<TrainedModel> {
    return this.#alone(async () => {
      const network = this.#requireNetwork();
      const store = await this.#store;
      const book = new RunBook(store);
      await prepare?.(store, book);
      this.#training = new Training({ store, book, network, data, entry, tell, signal });
      return this.#training.run().finally(() => {
        this.#training = undefined;
      });
    });
  }

  async pause(): Promise<boolean> {
    this.#training?.pause();
    return this.#training !== undefined;
  }

  async continue(): Promise<boolean> {
    return this.#training?.continue() ?? false;
  }

  async runs(): Promise<readonly KeptRun[]> {
    return new RunBook(await this.#store).kept();
  }

  async trained(run: string): Promise<TrainedModel | undefined> {
    const store = await this.#store;
    return trainedModel(store, new RunBook(store), run);
  }

  async discard(run: string): Promise<undefined> {
    const book = new RunBook(await this.#store);
    const kept = (await book.kept()).find((entry) => entry.run === run);
    if (kept?.busy) throw busy();
    await book.remove(run);
  }

  async forget(): Promise<undefined> {
    this.#requireIdle();
    const store = await this.#store;
    if ((await new RunBook(store).kept()).some((run) => run.busy)) throw busy();
    for (const folder of ['runs', 'files']) await store.remove(folder);
  }

  async predict({ run }: PredictRequest, { tell, signal }: Line<PredictProgress>): Promise<Predictions> {
    return this.#alone(async () => {
      const { model: loaded, keys, settings } = this.#requireNetwork();
      const { dataset } = this.#requireData('predict');
      const model = run === undefined ? loaded : await this.#resultOf(run);
      const predictions = await predictSealed(model, keys, dataset.features, {
        signal,
        classNames: settings.label.classes,
        onProgress: (done, rows) => tell({ done, rows }),
      });
      const sink = memorySink();
      const predictionsId = await writeSealedPredictions(sink, predictions, keys.parameters);
      const file = new Blob([sink.bytes() as Uint8Array<ArrayBuffer>]);
      return { predictionsId, modelId: model.modelId, rows: predictions.rows, file };
    });
  }

  async #resultOf(run: string): Promise<Network['model']> {
    const store = await this.#store;
    const path = new RunBook(store).resultPath(run);
    if ((await store.size(path)) === undefined) throw unknownRun();
    const { parameters } = this.#requireNetwork().keys;
    return store.read(path, (source) => readSealedModel(source, { parametersFor: () => parameters, onWarning() {} }));
  }

  /** One thing at a time: they share an engine. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#requireIdle();
    this.#occupied = true;
    try {
      return await work();
    } finally {
      this.#occupied = false;
    }
  }

  #requireIdle(): void {
    if (this.#training !== undefined) throw busy();
    if (this.#occupied)
      throw new HermeticError('BAD_ARGUMENT', 'the worker is at work', { mend: 'Wait until it is done.' });
  }

  #requireNetwork(): Network {
    if (this.#network !== undefined) return this.#network;
    throw new HermeticError('BAD_ARGUMENT', 'no network is loaded', { mend: 'Load one first.' });
  }

  #requireData(purpose: 'train' | 'predict'): ReadData {
    const data = this.#data[purpose];
    if (data !== undefined) return data;
    const summary = purpose === 'train' ? 'there are no data to train on' : 'there are no data to predict';
    throw new HermeticError('BAD_ARGUMENT', summary, { mend: 'Choose a CSV first.' });
  }
}

/** Elsewhere browsers give neither digests nor storage nor threads. */
function requireSecureContext(): void {
  if (globalThis.isSecureContext) return;
  throw new HermeticError('BAD_ARGUMENT', 'this page came over a connection that browsers do not trust', {
    expected: 'https, or this very machine',
    mend: 'Ask the owner for an https address.',
  });
}

/** 128 random bits. */
function newName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function busy(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'a run is under way', {
    mend: 'Stop it first, or wait until it has ended.',
  });
}

function unknownRun(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'this browser does not keep that run', { mend: 'Start a new one.' });
}

function otherModel(expected: string, got: string): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'the run began with another sealed model', {
    expected: `${expected.slice(0, 16)}…`,
    got: `${got.slice(0, 16)}…`,
    mend: 'Discard the run and start a new one; the owner has sealed the model anew since.',
  });
}
