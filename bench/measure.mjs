/**
 * Timing of single-threaded work. CPU time of this process (user and system, all its threads), not wall time: other
 * loads on the machine then cost cache, not minutes. Two rivals are timed in turn, slice by slice, so that a change of
 * clock rate meets both.
 */

/** @typedef {{ median: number, minimum: number }} Timing milliseconds a call */
/** @typedef {{ rounds: number, sliceMs: number, warmMs: number }} Effort */

/** @type {Effort} */
export const THOROUGH = { rounds: 9, sliceMs: 60, warmMs: 400 };
/** @type {Effort} */
export const QUICK = { rounds: 3, sliceMs: 15, warmMs: 60 };

/**
 * @param {readonly (() => void)[]} rivals
 * @param {Effort} effort
 * @returns {Timing[]} one for each rival
 */
export function compare(rivals, effort) {
  const calls = rivals.map((call) => callsPerSlice(call, effort));
  const times = rivals.map(() => /** @type {number[]} */ ([]));
  for (let round = 0; round < effort.rounds; round++) {
    rivals.forEach((call, i) => {
      times[i].push(cpuMs(call, calls[i]));
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

function cpuMs(call, count) {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / count;
}

function summarise(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], minimum: sorted[0] };
}
