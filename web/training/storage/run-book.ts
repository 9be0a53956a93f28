/** The runs that this browser keeps: what they train, how far they are, and their copy of the data. */
import type { TrainingRecipe } from 'hermetic/nn';
import type { FitRecipe, PrivacyWish } from 'hermetic/trainer';
import type { KeptRun, StatedPrivacy, Traffic } from '../api.ts';
import { runLock } from './checkpoints.ts';
import { type FileStore, readText, writeText } from './file-store.ts';
import { heldLocks } from './locks.ts';

const FOLDER = 'runs';

/** `run.json`: all that a resumed run needs beside its checkpoints and its data. */
export interface RunEntry {
  readonly version: 1;
  readonly run: string;
  readonly ownerRun: string | undefined;
  readonly modelId: string;
  /** SHA-256 of the files of the service that it needs. */
  readonly files: readonly string[];
  readonly data: { readonly name: string; readonly rows: number; readonly label: string | undefined };
  readonly recipe: FitRecipe;
  readonly privacy: PrivacyWish | undefined;
  readonly report: boolean;
  readonly step: number;
  readonly startedAt: string;
  readonly savedAt: string;
  /** Of the steps so far. */
  readonly seconds: number;
  readonly traffic: Traffic;
  /** Once the run is finished. */
  readonly result: RunResult | undefined;
}

export interface RunResult {
  /** Identity of the trained file. */
  readonly modelId: string;
  readonly recipe: TrainingRecipe;
  readonly dataDigest: string;
  readonly privacy: StatedPrivacy | undefined;
}

export class RunBook {
  readonly #store: FileStore;

  constructor(store: FileStore) {
    this.#store = store;
  }

  folder(run: string): string {
    return `${FOLDER}/${run}`;
  }

  dataPath(run: string): string {
    return `${this.folder(run)}/data.csv`;
  }

  resultPath(run: string): string {
    return `${this.folder(run)}/trained.sealed`;
  }

  async save(entry: RunEntry): Promise<void> {
    await writeText(this.#store, `${this.folder(entry.run)}/run.json`, JSON.stringify(entry));
  }

  /** Undefined where there is no such run, or its entry cannot be read. */
  async find(run: string): Promise<RunEntry | undefined> {
    try {
      const entry = JSON.parse(await readText(this.#store, `${this.folder(run)}/run.json`)) as RunEntry;
      return entry.version === 1 && entry.run === run ? entry : undefined;
    } catch {
      return undefined;
    }
  }

  /** Newest first. */
  async entries(): Promise<RunEntry[]> {
    const found = await Promise.all((await this.#store.list(FOLDER)).map((run) => this.find(run)));
    const entries = found.filter((entry) => entry !== undefined);
    return entries.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt));
  }

  async kept(): Promise<KeptRun[]> {
    const [entries, held] = await Promise.all([this.entries(), heldLocks()]);
    return entries.map(({ run, ownerRun, modelId, data, recipe, step, startedAt, savedAt, result }) => ({
      run,
      ownerRun,
      modelId,
      data: { name: data.name, rows: data.rows },
      recipe,
      step,
      steps: recipe.steps,
      startedAt,
      savedAt,
      finished: result !== undefined,
      busy: held.has(runLock(this.folder(run))),
    }));
  }

  async remove(run: string): Promise<void> {
    await this.#store.remove(this.folder(run));
  }
}
