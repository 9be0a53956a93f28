/**
 * A worker's side of a unit: fetch what the job names, compute, store. Nothing here is random, no output depends on
 * threads or on the order of units, and a unit that is done twice gives the same blobs: the owner's answers too, see
 * `owner-refresh.ts`.
 */
import { HermeticError } from '../base/errors.ts';
import type { BatchSource } from '../nn/feature-rows.ts';
import { ciphertextNames, flattenLayers, unflattenLayers } from '../nn/sealed/layer-ciphertexts.ts';
import { packForRefresh, planRefreshPacking, unpackRefreshed } from '../nn/sealed/refresh-packing.ts';
import { gradientPhases, ruleOf } from '../nn/sealed/training-step.ts';
import { updateOne } from '../nn/sealed/update.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { Bootstrapping } from '../trainer/bootstrapping.ts';
import { refreshByOwner } from '../trainer/owner-refresher.ts';
import type { RefreshExchange } from '../trainer/refresh-exchange.ts';
import type { TrainerKeys } from '../trainer/trainer-keys.ts';
import type { BlobStore } from './blob-store.ts';
import { ciphertextOf, encodeCiphertext, maxCiphertextBlobBytes } from './ciphertext-blob.ts';
import type { CiphertextCache } from './ciphertext-cache.ts';
import { callSecrets, REFRESH_SECRET_BYTES } from './owner-refresh.ts';
import type { RunDescription } from './run-description.ts';
import type {
  GradientJob,
  OwnerRefreshJob,
  RefreshJob,
  SumJob,
  UnitDone,
  UnitJob,
  UnitOutput,
  UpdateJob,
} from './units.ts';

/** Rows that a worker holds. */
export interface HeldShard {
  /** Fingerprint. */
  readonly rows: string;
  readonly batches: BatchSource;
}

export interface Workbench {
  readonly keys: TrainerKeys;
  readonly bootstrapping: Bootstrapping | undefined;
  /** The way to the owner, for those who have a token. */
  readonly exchange: RefreshExchange | undefined;
  readonly blobs: BlobStore;
  readonly run: RunDescription;
  readonly cache: CiphertextCache;
  /** The rows of a shard, where they are here. */
  shard(index: number): HeldShard | undefined;
}

/** @throws HermeticError BAD_FILE for blobs that are missing or no ciphertexts; BAD_DATA for rows that are not here */
export async function doUnit(bench: Workbench, job: UnitJob): Promise<UnitDone> {
  const clock = stopwatch();
  try {
    const fetched = await fetchInputs(bench, inputsOf(job));
    clock('fetch');
    const results = await compute(bench, job);
    clock('compute');
    const { outputs, stored } = await store(bench, results);
    return { outputs, ms: clock('store'), bytes: { fetched, stored } };
  } finally {
    bench.cache.trim();
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

function inputsOf(job: UnitJob): readonly string[] {
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
    case 'owner-refresh':
      return job.members;
  }
}

/** Those that are not in memory yet, a few at a time, so that a slow store is not waited for one by one. */
async function fetchInputs({ keys, blobs, cache }: Workbench, names: readonly string[]): Promise<number> {
  const most = maxCiphertextBlobBytes(keys.parameters);
  const queue = [...new Set(names)].filter((name) => cache.get(name) === undefined);
  let fetched = 0;
  const fetchOn = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const bytes = await blobs.get(name, most);
      fetched += bytes.length;
      cache.put(name, ciphertextOf(keys, bytes));
    }
  };
  await Promise.all([fetchOn(), fetchOn(), fetchOn(), fetchOn()]);
  return fetched;
}

function input({ cache }: Workbench, name: string): Ciphertext {
  const ciphertext = cache.get(name);
  if (ciphertext === undefined) throw new RangeError(`the job does not name ${name}`);
  return ciphertext;
}

/** Results stay in memory: the next unit may begin with them. */
async function store(
  { keys, blobs, cache }: Workbench,
  results: readonly Ciphertext[],
): Promise<{ outputs: UnitOutput[]; stored: number }> {
  let stored = 0;
  const outputs: UnitOutput[] = [];
  const left = [...results];
  try {
    for (let next = left[0]; next !== undefined; next = left[0]) {
      const bytes = encodeCiphertext(keys, next);
      stored += bytes.length;
      const { level, scale } = next;
      const blob = await blobs.put(bytes);
      outputs.push({ blob, level, scale });
      cache.put(blob, next);
      left.shift();
    }
  } finally {
    keys.evaluator.dispose(...left);
  }
  return { outputs, stored };
}

async function compute(bench: Workbench, job: UnitJob): Promise<Ciphertext[]> {
  switch (job.kind) {
    case 'gradient':
      return gradientOf(bench, job);
    case 'sum':
      return sumsOf(bench, job);
    case 'update':
      return updatesOf(bench, job);
    case 'refresh':
      return refreshOf(bench, job);
    case 'owner-refresh':
      return ownerRefreshOf(bench, job);
  }
}

function gradientOf(bench: Workbench, { step, shard, rows, weights }: GradientJob): Ciphertext[] {
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
    weights.map((name) => input(bench, name)),
  );
  const phases = gradientPhases(task, layers, held.batches.next(step));
  for (let turn = phases.next(); ; turn = phases.next()) if (turn.done) return flattenLayers(turn.value);
}

function sumsOf(bench: Workbench, { terms }: SumJob): Ciphertext[] {
  return terms.map((names) =>
    sumOf(
      bench.keys.evaluator,
      names.map((name) => input(bench, name)),
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

function updatesOf(bench: Workbench, { step, level, items }: UpdateJob): Ciphertext[] {
  const { evaluator } = bench.keys;
  const { run } = bench;
  const rule = ruleOf({ recipe: run.recipe, step });
  return items.flatMap(({ weight, velocity, gradients }) =>
    evaluator.scope(() => {
      const gradient = sumOf(
        evaluator,
        gradients.map((name) => input(bench, name)),
      );
      const parameter = {
        weight: input(bench, weight),
        velocity: velocity === null ? undefined : input(bench, velocity),
      };
      const next = updateOne(evaluator, rule, parameter, gradient, level);
      return next.velocity === undefined ? [next.weight] : [next.weight, next.velocity];
    }),
  );
}

function refreshOf(bench: Workbench, { sets, group, members }: RefreshJob): Ciphertext[] {
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
    scattered[index] = input(bench, members[i]);
  });
  return evaluator.scope(() => {
    const [packed] = packForRefresh(evaluator, one, scattered);
    const apart = unpackRefreshed(evaluator, one, [bootstrapping.bootstrap(packed)]);
    return chosen.members.map(({ index }) => evaluator.dropToLevel(apart[index], run.freshLevel));
  });
}

async function ownerRefreshOf(
  bench: Workbench,
  job: OwnerRefreshJob & { readonly run: string },
): Promise<Ciphertext[]> {
  const { keys, exchange, blobs, run } = bench;
  if (exchange === undefined) {
    throw new HermeticError('BAD_ARGUMENT', 'this worker cannot ask the owner', {
      mend: 'Start it with --refresh and --token-file, or with --joined.',
    });
  }
  const { step, members } = job;
  const secret = await blobs.get(job.secret, REFRESH_SECRET_BYTES);
  const { name, seeds } = await callSecrets(secret, job);
  const sealed = members.map((member) => input(bench, member));
  return refreshByOwner(keys, exchange, sealed, { step, level: run.freshLevel, name }, seeds);
}
