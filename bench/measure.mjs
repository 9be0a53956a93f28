/**
 * Timing of rivals in turn, slice by slice, so that a change of clock rate meets both. Single-threaded work is timed in
 * CPU time of this process (user and system), not wall time: other loads on the machine then cost cache, not minutes.
 * Work on several threads is timed by the wall.
 */

/** @typedef {{ median: number, minimum: number }} Timing milliseconds a call */
/** @typedef {{ rounds: number, sliceMs: number, warmMs: number }} Effort */
/** @typedef {'cpu' | 'wall'} Clock */

/** @type {Effort} */
export const THOROUGH = { rounds: 9, sliceMs: 60, warmMs: 400 };
/** @type {Effort} */
export const QUICK = { rounds: 3, sliceMs: 15, warmMs: 60 };

/**
 * @param {readonly (() => void)[]} rivals
 * @param {Effort} effort
 * @param {Clock} clock
 * @returns {Timing[]} one for each rival
 */
export function compare(rivals, effort, clock) {
  const calls = rivals.map((call) => callsPerSlice(call, effort));
  const times = rivals.map(() => /** @type {number[]} */ ([]));
  for (let round = 0; round < effort.rounds; round++) {
    rivals.forEach((call, i) => {
      times[i].push(elapsed[clock](call, calls[i]));
    });
  }
  return times.map(summarise);
}

/** Warms up, so that the compilers of V8 are done, and fits the number of calls to a slice. */
function callsPerSlice(call, { warmMs, sliceMs }) {
  let best = Number.POSITIVE_INFINITY;
  const start = performance.now();
  for (let done = 0; done < 3 || performance.now() - start < warmMs; done++) {
    const before = performance.now();
    call();
    best = Math.min(best, performance.now() - before);
  }
  return Math.max(1, Math.ceil(sliceMs / Math.max(best, 1e-3)));
}

const elapsed = {
  cpu(call, count) {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i++) call();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / count;
  },
  wall(call, count) {
    const before = performance.now();
    for (let i = 0; i < count; i++) call();
    return (performance.now() - before) / count;
  },
};

function summarise(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], minimum: sorted[0] };
}
