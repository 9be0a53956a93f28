/** How results are shown: a table with the goals beside, or one JSON object a line. */
import Table from 'cli-table3';
import pc from 'picocolors';

/** @param {object} result */
export function jsonLine(result) {
  return `${JSON.stringify(result)}\n`;
}

/** @param {readonly any[]} results of one suite */
export function table(results) {
  const head = ['operation', 'set', 'log QP', 'hermetic ms', 'minimum', 'node-seal ms', 'minimum', 'ratio', 'goal'];
  const grid = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ['left', 'left', ...Array(7).fill('right')],
  });
  for (const r of results) {
    const ratio = `${r.ratio.toFixed(1)}×`;
    grid.push([
      r.about,
      r.set,
      r.logQP,
      milliseconds(r.ms),
      milliseconds(r.minimumMs),
      milliseconds(r.peerMs),
      milliseconds(r.peerMinimumMs),
      r.ratio >= r.goal ? pc.green(ratio) : pc.yellow(ratio),
      `${r.goal}×`,
    ]);
  }
  return `${grid.toString()}\n`;
}

/** What a reader must know to read the table fairly. */
export function footer(results, threads) {
  const primes = new Map(results.map((r) => [r.set, r.peerPrimeBits.join(' ')]));
  const lines = [
    threads === 1
      ? 'CPU time of the process, median and minimum of alternating slices; one thread each.'
      : `Wall time, median and minimum of alternating slices; ${threads} threads against SEAL's one.`,
    'node-seal 6.0.3 (SEAL in WebAssembly): version 7 does not load on Node 20.',
    ...[...primes].map(([set, sizes]) => `Its primes beside ${set}: ${sizes} bits.`),
    'Not the same thing bought: a level of SEAL is one prime of 40–60 bits and carries more precision than ours of 28 bits;',
    'SEAL cuts its key switching into single primes and has one special prime, ours into digits of several. --seal-bits 60',
    'gives SEAL the fewest primes, its fastest setting. N and log2(QP), hence security, are the same.',
  ];
  return `${lines.join('\n')}\n`;
}

const milliseconds = (x) => x.toFixed(x < 10 ? 2 : 1);
