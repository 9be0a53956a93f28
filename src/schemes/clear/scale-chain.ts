/** The canonical scales of a chain of primes: Δ_{l−1} = Δ_l² / q_l, as every CKKS evaluator here tracks them. */

const LOG_SCALE = 27.57; // mean size of the 28-bit primes

export interface ScaleChain {
  /** q_l for l = 1 … maxLevel: the divisor of the rescaling from level l to l − 1. Entry 0 is unused. */
  readonly divisors: readonly number[];
  /** Δ_l for l = 0 … maxLevel. */
  readonly scales: readonly number[];
}

/**
 * @param primes q_1 … q_L
 * @param topScale Δ_L
 */
export function scaleChain(primes: readonly number[], topScale: number): ScaleChain {
  const scales = new Array<number>(primes.length + 1);
  scales[primes.length] = topScale;
  for (let level = primes.length; level > 0; level--) scales[level - 1] = scales[level] ** 2 / primes[level - 1];
  return { divisors: [0, ...primes], scales };
}

/** A chain of `levels` divisors that are, as real primes, slightly off the scale; the scales stay near 2^27.57. */
export function syntheticScaleChain(levels: number): ScaleChain {
  const target = 2 ** LOG_SCALE;
  const primes = new Array<number>(levels);
  let scale = target;
  for (let level = levels; level > 0; level--) {
    const next = target * (1 + 1e-3 * Math.sin(17 * level));
    primes[level - 1] = scale ** 2 / next;
    scale = next;
  }
  return scaleChain(primes, target);
}
