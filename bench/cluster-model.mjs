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

/** Seconds are CPU seconds of one thread of the machine that docs/scaling.md names; a machine here has two. */
export const MACHINES = {
  /** Bytes a second of a machine's network (1 Gbit/s) and of the store's (10 Gbit/s). */
  machine: 125 * MB,
  store: 1250 * MB,
  /** Bytes a second that a coordinator hashes and checks. */
  check: 1000 * MB,
  /** Of the coordinator and the database, a unit, one after the other; and of waiting, a phase. */
  unitSeconds: 0.006,
  phaseSeconds: 0.09,
  /** Seconds for a CPU second. */
  pace: 0.55,
};

/** A browser: one thread, 1.5 MB/s. */
export const BROWSERS = { ...MACHINES, machine: 1.5 * MB, pace: 1.5 };

/** MNIST 784-64-10, set B16, Nesterov: two layers, 12 ciphertexts and 12 of velocities, six levels a step, two steps a refresh. */
export const MNIST = {
  ciphertexts: 12,
  freshBytes: ciphertextBytes(12),
  gradientBytes: ciphertextBytes(6),
  fixedSeconds: 4.2,
  rowSeconds: 0.0057,
  updateSeconds: 0.008,
  groups: 7,
  bootstrapSeconds: 4.9,
  stepsPerRefresh: 2,
};

/** Of set B16: five limbs at level 0. */
function ciphertextBytes(level) {
  return 2 * 4 * 65_536 * (5 + level);
}

export function predict(network, site, machines, rows) {
  const { ciphertexts: K, freshBytes: w, gradientBytes: d, groups, bootstrapSeconds, stepsPerRefresh } = network;
  const rate = Math.min(site.machine, site.store / machines);
  const compute = site.pace * (network.fixedSeconds + network.rowSeconds * rows);
  const traffic = (K * (w + d)) / rate;
  const check = (machines * K * d) / site.check;
  const sum = (machines * K * d + K * w) / site.store + (site.pace * K * network.updateSeconds) / Math.min(machines, K);
  const refresh =
    (site.pace * Math.ceil(groups / machines) * bootstrapSeconds + (2 * K * w) / site.store) / stepsPerRefresh;
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
      `| ${line.machines} ${line.machines === 1 ? 'machine' : line.site} | ${line.rows} | ${shown.join(' | ')} | ${line.seconds.toFixed(1)} | ${speed} |\n`,
    );
  }
}

main();
