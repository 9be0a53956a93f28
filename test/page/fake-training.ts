/**
 * Stands in for the training worker in tests of the page: the same interface, steps of a few milliseconds, nothing
 * encrypted. Built into the page in place of `web/src/trainer/training.ts`. What it reads from a CSV is real.
 */

import { RefreshUnavailable } from 'hermetic/client';
import { parseCsv } from 'hermetic/data';
import { HermeticError } from 'hermetic/trainer';
import type {
  DataReport,
  Environment,
  Estimate,
  KeptRun,
  LoadedNetwork,
  Predictions,
  Recipe,
  TrainedModel,
  TrainingApi,
  TrainProgress,
} from '../../web/src/trainer/training-api.ts';

const STEP_MS = 60;
/** What a test has put into the storage as the time that a step takes. */
const PACE = 'fake.pace';
const KEPT = 'fake.run';
const FAULT = 'fake.fault';
const COLUMNS = ['age', 'stay', 'visits'];

interface StoredRun {
  readonly run: string;
  readonly recipe: Recipe;
  readonly modelId: string;
  readonly name: string;
  readonly rows: number;
  readonly step: number;
  readonly epsilon?: number | undefined;
}

type Options = { readonly onProgress?: (progress: TrainProgress) => void; readonly signal?: AbortSignal };

export function createTraining(): TrainingApi {
  return new FakeTraining();
}

class FakeTraining implements TrainingApi {
  #network: LoadedNetwork | undefined;
  #data: DataReport | undefined;
  #paused = false;
  #trained: TrainedModel | undefined;

  async environment(): Promise<Environment> {
    const isolated = globalThis.crossOriginIsolated;
    return { isolated, cores: 2, threads: isolated ? 2 : 1, storage: 'disk', storageUsed: 0, storageQuota: 1e9 };
  }

  async load(
    { files, service }: Parameters<TrainingApi['load']>[0],
    options: Parameters<TrainingApi['load']>[1] = {},
  ): Promise<LoadedNetwork> {
    const me = (await (
      await fetch(`${service.url}v1/me`, { headers: { authorization: `Bearer ${service.token}` } })
    ).json()) as {
      readonly model: { readonly id: string; readonly keyId: string; readonly round: number };
    };
    for (let part = 1; part <= 4; part++) {
      await pause(30);
      if (options.signal?.aborted) throw new HermeticError('ABORTED', 'stopped');
      options.onProgress?.({
        file: 'keys',
        stage: 'download',
        done: (files.keys.bytes * part) / 4,
        total: files.keys.bytes,
      });
    }
    this.#network = {
      modelId: me.model.id,
      keyId: me.model.keyId,
      set: 'L14',
      securityBits: 128,
      insecure: false,
      layers: [],
      batch: 512,
      round: me.model.round,
      level: 14,
      maxLevel: 14,
      input: { kind: 'numeric', columns: COLUMNS },
      features: 3,
      label: { column: 'readmitted', classes: ['no', 'yes'] },
      threads: globalThis.crossOriginIsolated ? 2 : 1,
      downloaded: files.keys.bytes + files.model.bytes,
    };
    return this.#network;
  }

  async data({ csv, name, purpose }: Parameters<TrainingApi['data']>[0]): Promise<DataReport> {
    const table = parseCsv(new Uint8Array(await csv.arrayBuffer()), { source: name });
    const missing = COLUMNS.find((column) => !table.columns.includes(column));
    if (missing !== undefined) {
      throw new HermeticError('BAD_DATA', `${name} has no column '${missing}'`, {
        mend: `Give a CSV with the columns ${COLUMNS.join(', ')}.`,
      });
    }
    const use = (column: string) =>
      (COLUMNS.includes(column) ? 'feature' : column === 'readmitted' && purpose === 'train' ? 'label' : 'ignored') as
        | 'feature'
        | 'label'
        | 'ignored';
    const labels = table.cells[table.columns.indexOf('readmitted')] ?? [];
    const count = (label: string) => labels.filter((cell) => cell === label).length;
    const report: DataReport = {
      name,
      purpose,
      rows: table.rows,
      columns: table.columns.map((column) => ({ name: column, use: use(column) })),
      head: Array.from({ length: Math.min(5, table.rows) }, (_, row) => table.cells.map((cells) => cells[row])),
      features: 3,
      classes:
        purpose === 'train'
          ? [
              { name: 'no', rows: count('no') },
              { name: 'yes', rows: count('yes') },
            ]
          : [],
      batches: [32, 64, 128, 256, 512].filter((size) => size <= table.rows),
      warnings: table.columns.some((column) => use(column) === 'ignored')
        ? ["the model does not know the column 'ward': ignored"]
        : [],
    };
    this.#data = report;
    return report;
  }

  async features(rows: readonly number[]): Promise<number[][]> {
    return rows.map((row) => [row, 0, 1]);
  }

  async estimate({ steps, batch = 32 }: Recipe): Promise<Estimate> {
    if (steps > 5000)
      throw new HermeticError('PLAN_REFUSED', 'this takes more memory than a browser gives', {
        mend: 'Take at most 5,000 steps.',
      });
    const rows = this.#data?.rows ?? 1;
    return {
      steps,
      batch,
      epochs: (steps * batch) / rows,
      levelsPerStep: 7,
      maxLevel: 14,
      stepsPerRefresh: 1,
      refreshes: steps,
      ciphertexts: 3,
      sends: steps * 2_600_000,
      receives: steps * 4_400_000,
      memory: 410_000_000,
      sizes: {} as Estimate['sizes'],
      secondsPerStep: 0.7,
    };
  }

  train({ recipe, privacy }: Parameters<TrainingApi['train']>[0], options: Options = {}): Promise<TrainedModel> {
    return this.#run(
      {
        run: 'run-1',
        recipe,
        modelId: this.#network?.modelId ?? '',
        name: this.#data?.name ?? '',
        rows: this.#data?.rows ?? 0,
        step: 0,
        epsilon: privacy?.epsilon,
      },
      options,
    );
  }

  resume(_run: string, options: Options = {}): Promise<TrainedModel> {
    return this.#run(stored() as StoredRun, options);
  }

  async pause(): Promise<boolean> {
    this.#paused = true;
    return true;
  }

  async continue(): Promise<boolean> {
    this.#paused = false;
    return true;
  }

  async runs(): Promise<readonly KeptRun[]> {
    const kept = stored();
    if (kept === undefined) return [];
    const at = new Date().toISOString();
    return [
      {
        run: kept.run,
        ownerRun: 'owner-run',
        modelId: kept.modelId,
        data: { name: kept.name, rows: kept.rows },
        recipe: kept.recipe,
        step: kept.step,
        steps: kept.recipe.steps,
        startedAt: at,
        savedAt: at,
        finished: kept.step === kept.recipe.steps,
        busy: false,
      },
    ];
  }

  async trained(): Promise<TrainedModel | undefined> {
    return this.#trained;
  }

  async discard(): Promise<undefined> {
    localStorage.removeItem(KEPT);
  }

  async forget(): Promise<undefined> {
    localStorage.removeItem(KEPT);
  }

  async predict(
    _request: unknown,
    options: { readonly onProgress?: (progress: { readonly done: number; readonly rows: number }) => void } = {},
  ): Promise<Predictions> {
    const rows = this.#data?.rows ?? 0;
    options.onProgress?.({ done: rows, rows });
    await pause(30);
    return {
      predictionsId: 'ab'.repeat(16),
      modelId: this.#network?.modelId ?? '',
      rows,
      file: new Blob([new Uint8Array(90_000)]),
    };
  }

  close(): void {}

  async #run(start: StoredRun, { onProgress, signal }: Options): Promise<TrainedModel> {
    const { steps } = start.recipe;
    const tell = (state: TrainProgress['state'], step: number): void =>
      onProgress?.({
        state,
        run: start.run,
        ownerRun: 'owner-run',
        step,
        steps,
        phase: step % 2 === 0 ? 'forward' : 'refresh',
        level: 7,
        freshLevel: 14,
        rowsPerSecond: 731,
        secondsPerStep: 0.7,
        secondsLeft: (steps - step) * 0.7,
        learningRate: 0.012,
        traffic: { sent: step * 2_600_000, received: step * 4_400_000, refreshes: step },
        note: undefined,
      });
    tell('checking', start.step);
    await pause(stepMs());
    for (let step = start.step; step < steps; ) {
      tell('running', step);
      await pause(stepMs());
      step++;
      localStorage.setItem(KEPT, JSON.stringify({ ...start, step }));
      tell('running', step);
      const fault = faultAfter(step);
      if (fault !== undefined) throw fault;
      while (this.#paused && !signal?.aborted) {
        tell('paused', step);
        await pause(20);
      }
      if (signal?.aborted && step < steps) throw new HermeticError('ABORTED', `stopped after step ${step}`);
    }
    this.#paused = false;
    const base = { loss: 'delta', weightDecay: 0, firstStep: 0, seed: 1, learningRate: 0.05 } as const;
    const recipe = { ...base, ...start.recipe } as TrainedModel['recipe'];
    const privacy =
      start.epsilon === undefined ? undefined : { epsilon: start.epsilon, delta: 1e-5, mechanism: 'none: a fake' };
    this.#trained = {
      run: start.run,
      ownerRun: 'owner-run',
      modelId: 'cd'.repeat(16),
      file: new Blob([new Uint8Array(300_000)]),
      recipe,
      rows: start.rows,
      seconds: steps * 0.7,
      traffic: { sent: steps * 2_600_000, received: steps * 4_400_000, refreshes: steps },
      dataDigest: 'ef'.repeat(32),
      privacy,
    };
    return this.#trained;
  }
}

/** What a test has put into the storage to go wrong after this step, once. */
function faultAfter(step: number): Error | undefined {
  const text = localStorage.getItem(FAULT);
  if (text === null) return undefined;
  const fault = JSON.parse(text) as {
    step: number;
    code?: 'POLICY_DENIED' | 'WRONG_KEY';
    summary: string;
    got?: string;
  };
  if (fault.step !== step) return undefined;
  localStorage.removeItem(FAULT);
  const { code, summary, got } = fault;
  return code === undefined
    ? new RefreshUnavailable(summary)
    : new HermeticError(code, summary, { ...(got !== undefined && { got }) });
}

function stored(): StoredRun | undefined {
  const text = localStorage.getItem(KEPT);
  return text === null ? undefined : (JSON.parse(text) as StoredRun);
}

function stepMs(): number {
  return Number(localStorage.getItem(PACE) ?? STEP_MS);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
