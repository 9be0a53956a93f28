/**
 * A worker's side of a unit: fetch what the job names, compute, store. Nothing here is random, no output depends on
 * threads or on the order of units, and a unit that is done twice gives the same blobs.
 */
import { HermeticError } from '../base/errors.ts';
import type { BatchSource } from '../nn/feature-rows.ts';
import { ciphertextNames, flattenLayers, unflattenLayers } from '../nn/sealed/layer-ciphertexts.ts';
import { packForRefresh, planRefreshPacking, unpackRefreshed } from '../nn/sealed/refresh-packing.ts';
import { gradientPhases, ruleOf } from '../nn/sealed/training-step.ts';
import { updateOne } from '../nn/sealed/update.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { Bootstrapping } from '../trainer/bootstrapping.ts';
import type { TrainerKeys } from '../trainer/trainer-keys.ts';
import type { BlobStore } from './blob-store.ts';
import { ciphertextOf, encodeCiphertext, maxCiphertextBlobBytes } from './ciphertext-blob.ts';
import type { RunDescription } from './run-description.ts';
import type { GradientJob, RefreshJob, SumJob, UnitDone, UnitJob, UnitOutput, UpdateJob } from './units.ts';

/** Rows that a worker holds. */
export interface HeldShard {
  /** Fingerprint. */
  readonly rows: string;
  readonly batches: BatchSource;
}

export interface Workbench {
  readonly keys: TrainerKeys;
  readonly bootstrapping: Bootstrapping | undefined;
  readonly blobs: BlobStore;
  readonly run: RunDescription;
  /** The rows of a shard, where they are here. */
  shard(index: number): HeldShard | undefined;
}

/** @throws HermeticError BAD_FILE for blobs that are missing or no ciphertexts; BAD_DATA for rows that are not here */
export async function doUnit(bench: Workbench, job: UnitJob): Promise<UnitDone> {
  const { evaluator } = bench.keys;
  const clock = stopwatch();
  const inputs = new Inputs(bench);
  let results: readonly Ciphertext[] = [];
  try {
    await inputs.load(inputsOf(job));
    clock('fetch');
    results = compute(bench, job, inputs);
    clock('compute');
    const { outputs, stored } = await store(bench, results);
    return { outputs, ms: clock('store'), bytes: { fetched: inputs.fetched, stored } };
  } finally {
    evaluator.dispose(...results);
    inputs.dispose();
  }
}

function stopwatch(): (part: keyof UnitDone['ms']) => UnitDone['ms'] {
  const ms = { fetch: 0, compute: 0, store: 0 };
  let last = performance.now();
  return (part) => {
    const now = performance.now();
    ms[part] = now - last;
    last = now;
    return ms;
  };
}

export function inputsOf(job: UnitJob): readonly string[] {
  switch (job.kind) {
    case 'gradient':
      return job.weights;
    case 'sum':
      return job.terms.flat();
    case 'update':
      return job.items.flatMap(({ weight, velocity, gradients }) => [
        weight,
        ...(velocity ? [velocity] : []),
        ...gradients,
      ]);
    case 'refresh':
      return job.members;
  }
}

/** Fetched ciphertexts by the names of their blobs. */
class Inputs {
  readonly #bench: Workbench;
  readonly #ciphertexts: Map<string, Ciphertext> = new Map();
  fetched = 0;

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  /** A few at a time, so that a slow store is not waited for one by one. */
  async load(names: readonly string[]): Promise<void> {
    const { keys, blobs } = this.#bench;
    const most = maxCiphertextBlobBytes(keys.parameters);
    const queue = [...new Set(names)];
    const fetchOn = async (): Promise<void> => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        const bytes = await blobs.get(name, most);
        this.fetched += bytes.length;
        this.#ciphertexts.set(name, ciphertextOf(keys, bytes));
      }
    };
    await Promise.all([fetchOn(), fetchOn(), fetchOn(), fetchOn()]);
  }

  get(name: string): Ciphertext {
    const ciphertext = this.#ciphertexts.get(name);
    if (ciphertext === undefined) throw new RangeError(`the job does not name ${name}`);
    return ciphertext;
  }

  dispose(): void {
    this.#bench.keys.evaluator.dispose(...this.#ciphertexts.values());
  }
}

async function store(
  { keys, blobs }: Workbench,
  results: readonly Ciphertext[],
): Promise<{ outputs: UnitOutput[]; stored: number }> {
  let stored = 0;
  const outputs: UnitOutput[] = [];
  for (const ciphertext of results) {
    const bytes = encodeCiphertext(keys, ciphertext);
    stored += bytes.length;
    outputs.push({ blob: await blobs.put(bytes), level: ciphertext.level, scale: ciphertext.scale });
  }
  return { outputs, stored };
}

function compute(bench: Workbench, job: UnitJob, inputs: Inputs): Ciphertext[] {
  switch (job.kind) {
    case 'gradient':
      return gradientOf(bench, job, inputs);
    case 'sum':
      return sumsOf(bench, job, inputs);
    case 'update':
      return updatesOf(bench, job, inputs);
    case 'refresh':
      return refreshOf(bench, job, inputs);
  }
}

function gradientOf(bench: Workbench, { step, shard, rows, weights }: GradientJob, inputs: Inputs): Ciphertext[] {
  const { keys, run } = bench;
  const held = bench.shard(shard);
  if (held === undefined || held.rows !== rows) {
    throw new HermeticError('BAD_DATA', `the rows of shard ${shard + 1} are not here, or are others`, {
      mend: 'Give the worker the file that the run was begun with.',
    });
  }
  const { network, recipe } = run;
  const task = { evaluator: keys.evaluator, network, recipe, step };
  const names = ciphertextNames(network.architecture, network.layout);
  const layers = unflattenLayers(
    names,
    weights.map((name) => inputs.get(name)),
  );
  const phases = gradientPhases(task, layers, held.batches.next(step));
  for (let turn = phases.next(); ; turn = phases.next()) if (turn.done) return flattenLayers(turn.value);
}

function sumsOf({ keys: { evaluator } }: Workbench, { terms }: SumJob, inputs: Inputs): Ciphertext[] {
  return terms.map((names) =>
    sumOf(
      evaluator,
      names.map((name) => inputs.get(name)),
    ),
  );
}

/** Pair by pair, exactly: residues are added modulo their primes. A copy where there is one term. */
function sumOf(evaluator: TrainerKeys['evaluator'], terms: readonly Ciphertext[]): Ciphertext {
  const [first] = terms;
  if (terms.some(({ level, scale }) => level !== first.level || scale !== first.scale)) {
    throw new HermeticError('BAD_FILE', 'the terms of a gradient do not have one level and scale', {
      mend: 'Use the same version of Hermetic on all machines.',
    });
  }
  return evaluator.scope(() => {
    let row = terms.map((term) => evaluator.dropToLevel(term, term.level));
    while (row.length > 1) {
      const half = Math.ceil(row.length / 2);
      const [left, right] = [row.slice(0, half), row.slice(half)];
      row = left.map((term, i) => (right[i] === undefined ? term : evaluator.add(term, right[i])));
    }
    return row[0];
  });
}

function updatesOf(
  { keys: { evaluator }, run }: Workbench,
  { step, level, items }: UpdateJob,
  inputs: Inputs,
): Ciphertext[] {
  const rule = ruleOf({ recipe: run.recipe, step });
  return items.flatMap(({ weight, velocity, gradients }) =>
    evaluator.scope(() => {
      const gradient = sumOf(
        evaluator,
        gradients.map((name) => inputs.get(name)),
      );
      const parameter = { weight: inputs.get(weight), velocity: velocity === null ? undefined : inputs.get(velocity) };
      const next = updateOne(evaluator, rule, parameter, gradient, level);
      return next.velocity === undefined ? [next.weight] : [next.weight, next.velocity];
    }),
  );
}

function refreshOf(bench: Workbench, { sets, group, members }: RefreshJob, inputs: Inputs): Ciphertext[] {
  const { keys, bootstrapping, run } = bench;
  const { evaluator } = keys;
  const packing = planRefreshPacking(run.network, sets);
  const chosen = packing.groups[group];
  if (bootstrapping === undefined || chosen === undefined || chosen.members.length !== members.length) {
    throw new HermeticError('BAD_ARGUMENT', 'this worker cannot bootstrap that', {
      mend: 'Start it with --bootstrapping-keys.',
    });
  }
  const one = { ...packing, groups: [chosen] };
  const scattered: Ciphertext[] = [];
  chosen.members.forEach(({ index }, i) => {
    scattered[index] = inputs.get(members[i]);
  });
  return evaluator.scope(() => {
    const [packed] = packForRefresh(evaluator, one, scattered);
    const apart = unpackRefreshed(evaluator, one, [bootstrapping.bootstrap(packed)]);
    return chosen.members.map(({ index }) => evaluator.dropToLevel(apart[index], run.freshLevel));
  });
}
