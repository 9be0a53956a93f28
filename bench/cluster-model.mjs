/**
 * node bench/cluster-model.mjs [--json]: the cost model of docs/scaling.md, with its constants, as a table. Time of a step
 * on M machines, each with one shard of b rows:
 *
 *   T = fetch(K·w) + g0 + g1·b + send(K·d)      every machine, at its own rate or at its part of the store's
 *     + M·K·d / check                           the coordinator looks at every residue
 *     + (M·K·d + K·w) / store + K·update / M    sums and update, cut by ciphertext
 *     + (⌈q/M⌉·beta + q·w/store) / R            a refresh every R steps, cut by group
 *     + (M + ⌈M/16⌉ + min(M, K) + q/R)·e + 3·l  units and phases of the queue
 */
import { parseArgs } from 'node:util';

const MB = 1e6;

/** Measured on two cores (docs/scaling.md says how), and a network of 1 Gbit/s a machine, 10 Gbit/s for the store. */
export const MACHINES = {
  machine: 125 * MB,
  store: 1250 * MB,
  check: 600 * MB,
  unitSeconds: 0.006,
  phaseSeconds: 0.1,
  slow: 1,
};

/** A browser: one thread, 50 Mbit/s down and 10 up, taken as 12; it computes three times as long. */
export const BROWSERS = { ...MACHINES, machine: 1.5 * MB, slow: 3, unitSeconds: 0.006 };

/** MNIST 784-64-10 of set B16: see docs/results.md; bytes of a ciphertext at the fresh level and after a backward pass. */
export const MNIST = {
  ciphertexts: 22,
  freshBytes: 10.0 * MB,
  gradientBytes: 7.3 * MB,
  fixedSeconds: 2.2,
  rowSeconds: 0.0117,
  updateSeconds: 0.03,
  groups: 7,
  bootstrapSeconds: 2.6,
  stepsPerRefresh: 2,
};

export function predict(network, site, machines, rows) {
  const { ciphertexts: K, freshBytes: w, gradientBytes: d, groups, bootstrapSeconds, stepsPerRefresh } = network;
  const rate = Math.min(site.machine, site.store / machines);
  const compute = site.slow * (network.fixedSeconds + network.rowSeconds * rows);
  const traffic = (K * (w + d)) / rate;
  const check = (machines * K * d) / site.check;
  const sum = (machines * K * d + K * w) / site.store + (site.slow * K * network.updateSeconds) / Math.min(machines, K);
  const refresh =
    (site.slow * Math.ceil(groups / machines) * bootstrapSeconds + (2 * K * w) / site.store) / stepsPerRefresh;
  const units = machines + Math.ceil(machines / 16) + Math.min(machines, K) + groups / stepsPerRefresh;
  const engine = units * site.unitSeconds + 3 * site.phaseSeconds;
  const seconds = compute + traffic + check + sum + refresh + engine;
  return { machines, rows: machines * rows, seconds, compute, traffic, check, sum, refresh, engine };
}

function main() {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
  const cases = [
    ...[1, 2, 4, 8, 100, 1000].map((machines) => ({ site: 'machines', ...predict(MNIST, MACHINES, machines, 256) })),
    { site: 'browsers', ...predict(MNIST, BROWSERS, 100_000, 16) },
  ];
  if (values.json) return process.stdout.write(cases.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const parts = ['compute', 'traffic', 'check', 'sum', 'refresh', 'engine'];
  process.stdout.write(`| | rows a step | ${parts.join(' | ')} | s a step | rows/s |\n|${'---|'.repeat(10)}\n`);
  for (const line of cases) {
    const shown = parts.map((part) => line[part].toFixed(line[part] < 100 ? 1 : 0));
    const speed = (line.rows / line.seconds).toFixed(0);
    process.stdout.write(
      `| ${line.machines} ${line.site} | ${line.rows} | ${shown.join(' | ')} | ${line.seconds.toFixed(1)} | ${speed} |\n`,
    );
  }
}

main();
