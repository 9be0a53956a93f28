/** Fixed point of the schemes with a plaintext modulus, `bfv` and `yashe`, for exclusive or. */

import type { FixedPointOptions } from '../../schemes/fixed-point/fixed-point-evaluator.ts';
import type { PartyOptions } from './party.ts';

/** Slots of exclusive or are weights up to eight times enlarged. */
export const EXACT_FIXED_POINT: Omit<FixedPointOptions, 'slots'> = { logScale: 8, freshBound: 16, constantBits: 8 };

/** As many bits as a step's scales grow to, and the masks of a refresh. */
export const EXACT_PLAIN_PRIMES = 7;

/** Levels of a step. */
const LEVELS = 7;

/** Modulo the slots in use: what lies beyond repeats them. */
export function rotationsWithin({ rotations }: PartyOptions, slots: number): number[] {
  const steps = rotations('real', slots, LEVELS).map((step) => ((step % slots) + slots) % slots);
  return [...new Set(steps)].filter((step) => step !== 0);
}
