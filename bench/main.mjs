/**
 * npm run bench -- [filter …] [--json] [--quick] [--threads N] [--seal-bits N]
 * npm run bench -- service [--trainers N] [--calls N] [--set SET] [--loaded-keys N] [--json] [--quick] [--threads N]
 * npm run bench -- cluster [--json] [--workers 1,2,4,8] [--steps N] [--batch N] [--shards N] [--set SET | --project FOLDER]
 *
 * Filters name an operation (rotate), a set (L15) or a suite (ckks, bootstrap, browser, service, cluster). Needs `npm run
 * build`. Without filters `ckks` is run alone: `bootstrap` takes minutes and 5 GB of memory, `browser` needs Chromium,
 * `service` makes a key for each of its trainers, `cluster` takes PostgreSQL.
 */
import { parseArgs } from 'node:util';
import { QUICK, THOROUGH } from './measure.mjs';
import { footer, jsonLine, table } from './report.mjs';

function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      threads: { type: 'string' },
      'seal-bits': { type: 'string', default: '50' },
      trainers: { type: 'string' },
      calls: { type: 'string', default: '10' },
      set: { type: 'string' },
      'loaded-keys': { type: 'string' },
      workers: { type: 'string', default: '1,2,4,8' },
      steps: { type: 'string', default: '9' },
      batch: { type: 'string', default: '32' },
      shards: { type: 'string', default: '8' },
      project: { type: 'string' },
    },
  });
  const number = (name, text, least, most) => {
    const x = Number(text);
    if (!Number.isInteger(x) || x < least || x > most) {
      throw new RangeError(`--${name}: expected ${least}..${most}, got ${text}`);
    }
    return x;
  };
  const integer = (name, least, most) => number(name, values[name], least, most);
  return {
    filters: positionals,
    json: values.json,
    effort: values.quick ? QUICK : THOROUGH,
    threads: values.threads === undefined ? undefined : integer('threads', 1, 64),
    sealBits: integer('seal-bits', 30, 60),
    trainers: values.trainers === undefined ? undefined : integer('trainers', 1, 1000),
    calls: integer('calls', 1, 10_000),
    set: values.set,
    loadedKeys: values['loaded-keys'] === undefined ? undefined : integer('loaded-keys', 1, 4096),
    workers: values.workers.split(',').map((text) => number('workers', text, 1, 1000)),
    steps: integer('steps', 2, 1000),
    batch: integer('batch', 1, 16_384),
    shards: integer('shards', 1, 4096),
    project: values.project,
  };
}

async function main() {
  const chosen = options();
  if (chosen.filters.includes('bootstrap')) return bootstrapSuite(chosen);
  if (chosen.filters.includes('browser')) return browserSuite(chosen);
  if (chosen.filters.includes('service')) return serviceSuite(chosen);
  if (chosen.filters.includes('cluster')) return clusterSuite(chosen);
  await ckksSuite({ ...chosen, threads: chosen.threads ?? 1 });
}

async function bootstrapSuite({ threads, json, effort }) {
  const { bootstrap, describe } = await import('./bootstrap.mjs');
  for await (const result of bootstrap({ threads, rounds: effort === QUICK ? 1 : 3 })) {
    process.stdout.write(json ? jsonLine(result) : describe([result]));
  }
}

async function browserSuite({ threads, json, effort }) {
  const { browser, describe } = await import('./browser.mjs');
  const results = [];
  for await (const result of browser({ threads, quick: effort === QUICK })) {
    results.push(result);
    if (json) process.stdout.write(jsonLine(result));
  }
  if (!json) process.stdout.write(describe(results));
}

async function serviceSuite({ threads, json, effort, trainers, calls, set = 'L13', loadedKeys }) {
  const { describe, serviceBench } = await import('./service.mjs');
  const result = await serviceBench({
    trainers: trainers ?? (effort === QUICK ? 5 : 50),
    calls,
    ciphertexts: 4,
    set,
    threads,
    loadedKeys,
    note: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(json ? jsonLine(result) : describe(result));
}

async function clusterSuite(chosen) {
  const { cluster, describe, SMALL_SET } = await import('./cluster.mjs');
  for await (const result of cluster({ ...chosen, set: chosen.set ?? SMALL_SET }))
    process.stdout.write(chosen.json ? jsonLine(result) : describe(result));
}

async function ckksSuite(chosen) {
  const { ckks } = await import('./ckks.mjs');
  const results = [];
  for await (const result of ckks(chosen)) {
    results.push(result);
    if (chosen.json) process.stdout.write(jsonLine(result));
    else process.stderr.write(`${result.set} ${result.about}: ${result.ratio}×\n`);
  }
  if (results.length === 0) throw new RangeError(`no benchmark is called ${chosen.filters.join(' or ')}`);
  if (!chosen.json) process.stdout.write(`${table(results)}${footer(results, chosen.threads)}`);
}

try {
  await main();
} catch (error) {
  const missing = error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes('/dist/');
  process.stderr.write(`${missing ? 'bench: run `npm run build` first' : `bench: ${error.message}`}\n`);
  process.exitCode = error instanceof RangeError || error.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
}
