/**
 * Suite `bootstrap`: one bootstrapping of set B16 as a trainer does it, from files of keys, in a process of its own whose
 * memory is thereby its own too. No package of the registry has a rival: docs/benchmarks.md names native libraries.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Seconds to stay below: CPU on one thread, wall on more. */
const GOALS = [
  { slots: 32_768, threads: 1, cpuSeconds: 6 },
  { slots: 32_768, threads: 2, wallSeconds: 3.5 },
  { slots: 4096, threads: 1, cpuSeconds: 4 },
];

/**
 * Yields one object for each number of slots and threads.
 * @param {{ threads: number | undefined, rounds: number }} options
 */
export async function* bootstrap({ threads, rounds }) {
  const runs = GOALS.filter((goal) => threads === undefined || goal.threads === threads);
  const chosen = runs.length > 0 ? runs : [{ slots: 32_768, threads }];
  for (const slots of new Set(chosen.map((one) => one.slots))) {
    const folder = await mkdtemp(join(tmpdir(), 'hermetic-bench-'));
    try {
      await run(process.execPath, [script('bootstrap-keys.mjs'), folder, String(slots)]);
      for (const goal of chosen.filter((one) => one.slots === slots)) {
        const words = [script('bootstrap-run.mjs'), folder, String(goal.threads), String(rounds)];
        const { stdout } = await run(process.execPath, words);
        const { slots: _, threads: __, ...goals } = goal;
        yield { ...JSON.parse(stdout), goal: goals };
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}

/** @param {readonly any[]} results */
export function describe(results) {
  const lines = results.map((r) => {
    const bits = Object.entries(r.precisionBits).map(([kind, b]) => `${kind} ${b.toFixed(1)}`);
    return [
      `${r.slots} slots, ${r.threads} thread${r.threads === 1 ? '' : 's'}: ${r.cpuSeconds.toFixed(2)} s CPU, ` +
        `${r.wallSeconds.toFixed(2)} s wall; ${r.levelsLeft} levels left`,
      `  ${Object.entries(r.stageSeconds)
        .map(([stage, seconds]) => `${stage} ${seconds.toFixed(2)} s`)
        .join(', ')}`,
      `  bits relative to slots of 2^${r.logMagnitude}: ${bits.join(', ')}`,
      `  ${(r.peakBytes / 1e9).toFixed(1)} GB peak, keys ${(r.keyBytes / 1e9).toFixed(2)} GB; ` +
        `${(1e6 * r.secondsPerSlotLevel).toFixed(2)} µs a slot and level left`,
    ].join('\n');
  });
  return `${lines.join('\n')}\n`;
}
