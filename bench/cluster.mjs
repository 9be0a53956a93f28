/**
 * Suite `cluster`: sealed training on many machines, all of them processes of this one, on a PostgreSQL of its own. For
 * every number of workers: seconds and bytes a step, and what the engine and the blobs cost beside the computing.
 *
 *   --set B16          at 128 bits (5 GB of memory for the coordinator's twin and each worker), instead of a small insecure ring
 *   --project FOLDER   keys/, m.sealed and data.csv of a set that bootstraps, instead of what is made here
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadDataset } from '../dist/cli/data-source.js';
import { decodeCiphertext } from '../dist/cluster/ciphertext-blob.js';
import { clusterProvider } from '../dist/cluster/node/coordinator.js';
import { folderBlobs } from '../dist/cluster/node/folder-blobs.js';
import { remoteBootstrapping } from '../dist/cluster/remote-bootstrapping.js';
import { parseFeatureSettings } from '../dist/data/parse-settings.js';
import { withFileSource } from '../dist/protocol/node/file-source.js';
import {
  folderCheckpoints,
  loadBootstrappingKeys,
  loadSealedModel,
  loadTrainerKeys,
  fit as train,
} from '../dist/trainer/index.js';
import { startPostgres } from './postgres.mjs';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const quiet = { onWarning: () => {} };

/** @param {{ workers: readonly number[], steps: number, batch: number, shards: number, set: string, project: string | undefined }} options */
export async function* cluster(options) {
  const folder = await mkdtemp(join(tmpdir(), 'hermetic-bench-'));
  const postgres = await startPostgres();
  try {
    const project = options.project ?? (await makeProject(folder, options));
    const alone = await local(project, folder, options);
    yield alone;
    for (const workers of options.workers) yield await many(project, folder, postgres.url, workers, options, alone);
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true });
  }
}

export const SMALL_SET = 'insecure-b12-9-9';

/** A small ring, as small as gives times that can be told from the clock's; 60-8-1 where another set is asked for. */
async function makeProject(folder, { set, batch, shards }) {
  const hermetic = (...words) => run(process.execPath, [CLI, ...words], { cwd: folder });
  const [columns, layers, sealedFor] =
    set === SMALL_SET ? [8, '4:linear,2:lin4', 32] : [60, '8:linear,1:lin4', batch / shards];
  await writeFile(join(folder, 'data.csv'), csv(columns, Math.max(128, batch)));
  await writeFile(join(folder, 'pw'), 'a bench has nothing to hide', { mode: 0o600 });
  await hermetic('keygen', '--set', set, '--passphrase-file', 'pw', '--out', 'keys');
  const data = ['--data', 'data.csv', '--label', 'y'];
  await hermetic('init', ...data, '--layers', layers, '--seed', '1', '--out', 'm.safetensors');
  const key = ['--key', 'keys/owner.key', '--passphrase-file', 'pw'];
  await hermetic('seal', 'm.safetensors', ...key, '--batch', String(sealedFor), '--out', 'm.sealed');
  return folder;
}

function csv(columns, count) {
  let state = 7;
  const draw = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647 - 0.5;
  const names = Array.from({ length: columns }, (_, i) => `x${i}`);
  const rows = Array.from({ length: count }, (_, i) => {
    const shift = i % 2 === 0 ? 0.3 : -0.3;
    return [...names.map(() => (2 * draw() + shift).toFixed(4)), i % 2 === 0 ? 'even' : 'odd'].join(',');
  });
  return `${names.join(',')},y\n${rows.join('\n')}\n`;
}

async function open(project) {
  const keys = await loadTrainerKeys(join(project, 'keys/trainer.keys'), { ...quiet, threads: 1 });
  const model = await loadSealedModel(join(project, 'm.sealed'), keys);
  const settings = parseFeatureSettings(model.features);
  const { features, targets } = await loadDataset({ data: join(project, 'data.csv'), label: 'y' }, settings, 'train');
  return { keys, model, data: { features, targets: targets.values } };
}

function recipeOf({ steps, batch }) {
  return { steps, batch, learningRate: 0.1, momentum: 0.9, nesterov: true };
}

async function local(project, folder, options) {
  const { keys, model, data } = await open(project);
  const refresh = await loadBootstrappingKeys(join(project, 'keys/bootstrapping.keys'), keys, { ...quiet, threads: 1 });
  const watch = stopwatch();
  const { plan } = await train(model, keys, data, {
    recipe: recipeOf(options),
    shards: options.shards,
    refresh,
    skipShadowRun: true,
    checkpoint: watch.timed(await folderCheckpoints(join(folder, 'local'))),
    observer: { step: watch.step },
  });
  refresh.dispose();
  keys.dispose();
  const { set } = keys.context.parameters;
  return { schema: 1, name: 'cluster', executor: 'local', set, ...shape(plan, options), ...watch.summary() };
}

function shape({ refreshPacking, ciphertexts }, { shards, batch }) {
  return { shards, batch, ciphertexts: ciphertexts.refreshed, bootstrappings: refreshPacking.groups.length };
}

async function many(project, folder, database, workers, options, alone) {
  const { keys, model, data } = await open(project);
  const blobs = join(folder, `blobs-${workers}`);
  const bootstrappingKeys = join(project, 'keys/bootstrapping.keys');
  const refresh = await withFileSource(bootstrappingKeys, (source) => remoteBootstrapping(source, keys, quiet));
  const words = ['worker', '--database', database, '--blobs', blobs, '--threads', '1', '--poll', '50'];
  const files = ['--keys', join(project, 'keys/trainer.keys'), '--bootstrapping-keys', bootstrappingKeys];
  const rows = ['--data', join(project, 'data.csv'), '--label', 'y'];
  const children = Array.from({ length: workers }, () =>
    spawn(process.execPath, [CLI, ...words, ...files, ...rows], { stdio: ['ignore', 'ignore', 'pipe'] }),
  );
  await Promise.all(children.map((child) => says(child, /waiting for a run/)));
  const units = [];
  const watch = stopwatch(() => units.splice(0));
  const store = watched(folderBlobs(blobs));
  const { plan } = await train(model, keys, data, {
    recipe: recipeOf(options),
    shards: options.shards,
    refresh,
    skipShadowRun: true,
    checkpoint: watch.timed(await folderCheckpoints(join(folder, `many-${workers}`))),
    observer: { step: watch.step },
    executor: clusterProvider({
      database,
      blobs: store,
      model,
      events: {
        done: (job, done) => units.push({ kind: job.kind, ...done }),
      },
    }),
  });
  const checkedBytesPerSecond = Math.round(checkRate(keys, store.latest()));
  for (const child of children) child.kill('SIGINT');
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  keys.dispose();
  const summary = watch.summary();
  const { set } = keys.context.parameters;
  const overhead = summary.secondsPerStep / alone.secondsPerStep - 1;
  const { secondsPerStep, computeSecondsPerStep, checkpointSecondsPerStep } = summary;
  return {
    schema: 1,
    name: 'cluster',
    executor: 'dbos',
    set,
    workers,
    ...shape(plan, options),
    ...summary,
    checkedBytesPerSecond,
    /** Beside one process: the engine, the blobs, and, with several workers on few cores, the lack of cores. */
    overhead: round(overhead, 3),
    // What a step takes beside its own computing and the checkpoint, which one process has too.
    ...(workers === 1 && {
      besideComputing: round((secondsPerStep - checkpointSecondsPerStep) / computeSecondsPerStep - 1, 3),
      // Of a bootstrapped step as it is meant: the small ring is there to see the rest large.
      ...(set !== SMALL_SET && { goal: { besideComputing: 0.1 } }),
    }),
  };
}

/** A store that keeps the blob that was fetched last. */
function watched(store) {
  let latest;
  const get = async (...words) => {
    latest = await store.get(...words);
    return latest;
  };
  return { ...store, get, latest: () => latest };
}

/** Bytes a second that a coordinator hashes and looks through. */
function checkRate(keys, bytes) {
  const began = performance.now();
  let rounds = 0;
  for (; rounds < 3 || performance.now() - began < 300; rounds++) {
    createHash('sha256').update(bytes).digest();
    decodeCiphertext(keys, bytes);
  }
  return (1000 * rounds * bytes.length) / (performance.now() - began);
}

function says(child, pattern) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (part) => {
      text += part;
      if (pattern.test(text)) resolve();
    });
    child.once('exit', () => reject(new Error(`a worker ended: ${text}`)));
  });
}

/** Steps by the wall, from one report to the next, checkpoints included; the first, with its warming up, apart. */
function stopwatch(takeUnits = () => []) {
  let last = performance.now();
  let checkpoint = 0;
  const steps = [];
  return {
    step: () => {
      const now = performance.now();
      steps.push({ seconds: (now - last) / 1000, checkpoint, cpuMs: cpuMs(), units: takeUnits() });
      last = now;
      checkpoint = 0;
    },
    /** The store, its writing timed. */
    timed: (store) => ({
      ...store,
      write: async (...words) => {
        const began = performance.now();
        await store.write(...words);
        checkpoint += (performance.now() - began) / 1000;
      },
    }),
    summary: () => {
      const counted = steps.slice(1);
      const mean = (f) => counted.reduce((sum, step) => sum + f(step), 0) / counted.length;
      const total = (f) => mean(({ units }) => units.reduce((sum, unit) => sum + f(unit), 0));
      const kinds = [...new Set(counted.flatMap(({ units }) => units.map(({ kind }) => kind)))];
      const of = (kind, f) => {
        const all = counted.flatMap(({ units }) => units.filter((unit) => unit.kind === kind));
        return all.reduce((sum, unit) => sum + f(unit), 0) / all.length;
      };
      return {
        steps: counted.length,
        secondsPerStep: round(
          mean(({ seconds }) => seconds),
          3,
        ),
        checkpointSecondsPerStep: round(
          mean((step) => step.checkpoint),
          3,
        ),
        ...(kinds.length > 0 && {
          // Of this process, with all that it checks and keeps.
          coordinatorCpuMsPerUnit: round(
            (steps[steps.length - 1].cpuMs - steps[0].cpuMs) / (counted.length * total(() => 1)),
            2,
          ),
          unitsPerStep: round(
            total(() => 1),
            1,
          ),
          fetchedBytesPerStep: Math.round(total(({ bytes }) => bytes.fetched)),
          storedBytesPerStep: Math.round(total(({ bytes }) => bytes.stored)),
          computeSecondsPerStep: round(total(({ ms }) => ms.compute) / 1000, 3),
          blobSecondsPerStep: round(total(({ ms }) => ms.fetch + ms.store) / 1000, 3),
          units: Object.fromEntries(
            kinds.map((kind) => [
              kind,
              {
                computeMs: round(
                  of(kind, ({ ms }) => ms.compute),
                  1,
                ),
                blobMs: round(
                  of(kind, ({ ms }) => ms.fetch + ms.store),
                  1,
                ),
              },
            ]),
          ),
        }),
      };
    },
  };
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}

/** @param {any} result */
export function describe(result) {
  const { executor, workers, set, secondsPerStep, overhead } = result;
  const who = executor === 'local' ? 'one process' : `${workers} worker${workers === 1 ? '' : 's'}`;
  const line = `${set}, ${who}: ${secondsPerStep.toFixed(2)} s a step`;
  if (executor === 'local')
    return `${line} (${result.shards} shards, ${result.bootstrappings} bootstrappings a refresh)\n`;
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  return (
    `${line} (${(100 * overhead).toFixed(0)} % more than one process); ${result.unitsPerStep} units, computing ` +
    `${result.computeSecondsPerStep.toFixed(2)} s, blobs ${result.blobSecondsPerStep.toFixed(2)} s, fetched ` +
    `${megabytes(result.fetchedBytesPerStep)}, stored ${megabytes(result.storedBytesPerStep)}\n` +
    `  coordinator ${result.coordinatorCpuMsPerUnit} ms of CPU a unit, checks ${megabytes(result.checkedBytesPerSecond)} a second` +
    `${besideWords(result)}\n`
  );
}

function besideWords({ besideComputing, goal }) {
  if (besideComputing === undefined) return '';
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  return `; beside computing ${percent(besideComputing)}${goal ? ` (goal: at most ${percent(goal.besideComputing)})` : ''}`;
}
