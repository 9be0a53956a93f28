/** What the clear scheme computes on, and the names of what it does. */

import type { SlotCiphertext } from '../scheme.ts';

/** Slots in the clear. `product`: awaits `rescale`. */
export interface ClearCiphertext extends SlotCiphertext {
  readonly product: boolean;
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Slots of a plaintext; each length divides n and the values repeat. */
export interface ComplexSlots {
  readonly re: Float64Array;
  readonly im?: Float64Array | undefined;
}

export type ClearOperation =
  | 'encrypt'
  | 'add'
  | 'addPlain'
  | 'multiply'
  | 'relinearize'
  | 'multiplyPlain'
  | 'multiplyScalar'
  | 'rescale'
  | 'dropToLevel'
  | 'rotate'
  | 'conjugate'
  | 'prepareDiagonals'
  | 'diagonalForward'
  | 'diagonalTransposed';
