/** Gaussian noise where a lattice scheme has it, seeded, so that a run repeats. */

import { SeededRandom } from '../../base/seeded-random.ts';

/** Standard deviations of the real and of the imaginary part of a slot, of values at the canonical scale. */
export interface ClearNoise {
  readonly encryption: number;
  readonly rescale: number;
  /** Of a rotation, a conjugation or a relinearisation, before the division by `rescale`. */
  readonly keySwitch: number;
  /** Public. */
  readonly seed: number;
}

/** Adds noise of standard deviation σ to both arrays. */
export type NoiseAdder = (re: Float64Array, im: Float64Array, deviation: number) => void;

export function noiseAdder(noise: ClearNoise | undefined): NoiseAdder {
  if (noise === undefined) return () => {};
  const random = new SeededRandom(noise.seed);
  return (re, im, deviation) => {
    if (deviation === 0) return;
    for (let i = 0; i < re.length; i++) {
      re[i] += random.normal(0, deviation);
      im[i] += random.normal(0, deviation);
    }
  };
}
