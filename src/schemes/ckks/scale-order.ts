/** The order of a chain's primes that keeps its scales together. */

/**
 * Bottom first. Rescaling doubles the deviation of the scale from the primes, Δ_{l−1} = Δ_l²/q_l, so each level takes
 * the prime (or group of primes) that brings the next scale nearest to the mean of those left. Starts at the mean of all.
 */
export function orderForScales<T>(items: readonly T[], logOf: (item: T) => number): T[] {
  const left = [...items];
  const topDown: T[] = [];
  let logScale = meanLog(items, logOf);
  while (left.length > 0) {
    const mean = meanLog(left, logOf);
    const distance = (item: T): number => Math.abs(2 * logScale - logOf(item) - mean);
    left.sort((a, b) => distance(a) - distance(b));
    const next = left.shift() as T;
    topDown.push(next);
    logScale = 2 * logScale - logOf(next);
  }
  return topDown.reverse();
}

function meanLog<T>(items: readonly T[], logOf: (item: T) => number): number {
  return items.reduce((total, item) => total + logOf(item), 0) / items.length;
}
