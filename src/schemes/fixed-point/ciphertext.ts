/** Complex slots in fixed point on a scheme of integer slots. */

import type { SlotCiphertext } from '../scheme.ts';
import type { Part } from './part.ts';

/** A part that is absent is zero. */
export interface FixedPointCiphertext<X> extends SlotCiphertext {
  readonly re: Part<X> | undefined;
  readonly im: Part<X> | undefined;
  /** scale = 2^logScale */
  readonly logScale: number;
  /** Every integer in the slots is at most so large. */
  readonly bound: number;
}

export interface ComplexSlots {
  readonly re: Float64Array;
  readonly im: Float64Array;
}
