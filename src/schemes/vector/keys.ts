/** What the owner publishes: matrices that switch keys. All of it is plain data, and the secret key follows from it. */

import type { VectorParameters } from './parameters.ts';
import { foldedLength } from './products.ts';
import type { SwitchingMatrix } from './switching-matrix.ts';

/** The public key: it encrypts, and it is all an attacker needs. */
export interface OneWayKeys {
  readonly parameters: VectorParameters;
  /** n, a power of two. */
  readonly slots: number;
  /** From the identity. */
  readonly oneWay: SwitchingMatrix;
}

export interface VectorKeys extends OneWayKeys {
  /** From the folded products (`products.ts`): slot by slot. */
  readonly elementwise: SwitchingMatrix;
  /** By steps, 1 … n − 1. */
  readonly rotations: ReadonlyMap<number, SwitchingMatrix>;
}

/** Entries of the vector that each kind of matrix switches. */
export interface MatrixInputs {
  readonly oneWay: number;
  readonly elementwise: number;
  readonly rotation: number;
}

export function matrixInputs(slots: number, { columns }: VectorParameters): MatrixInputs {
  return { oneWay: slots, elementwise: foldedLength(slots, columns), rotation: slots + columns };
}
