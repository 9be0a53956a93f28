/**
 * The first layer: plaintext rows X (B × d, the bias a column of ones) and encrypted weights.
 *
 *   z = X·W            forward: one level; slots hold factor · z, dirty unless one block makes a group
 *   ∂L/∂W = Xᵀ·δ       backward: one level, in the layout of W
 */

import type { Evaluator, PreparedDiagonals, SlotCiphertext } from '../../schemes/scheme.ts';
import { type BlocksTensor, foldBlock, sumCopies } from '../../tensor/cipher-tensor.ts';
import { blockShape, type Packing } from '../../tensor/packing.ts';
import type { LayerCiphertexts } from './layer-ciphertexts.ts';

export interface InputDense {
  readonly packing: Packing;
  readonly units: number;
  readonly weightScale: number;
}

export function forwardInput<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  layer: InputDense,
  weights: LayerCiphertexts<C>,
  rows: PreparedDiagonals,
  factor: number,
): BlocksTensor<C> {
  const { packing, units, weightScale } = layer;
  const groups = evaluator.scope(() =>
    evaluator
      .multiplyDiagonals(weights.kernel, rows, factor / weightScale)
      .map((product) => evaluator.rescale(foldBlock(evaluator, packing, product))),
  );
  const filling = blockShape(packing, units).blocks === 1 ? 'clean' : 'dirty';
  return { form: 'blocks', units, factor, filling, groups };
}

/** rate · Xᵀ·δ as scaled weights; `delta` is clean. */
export function backwardInput<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  layer: InputDense,
  rows: PreparedDiagonals,
  delta: BlocksTensor<C>,
  rate: number,
): LayerCiphertexts<C> {
  const { period } = blockShape(layer.packing, layer.units);
  const constant = ((rate * layer.weightScale) / delta.factor) * (period / evaluator.slots);
  const kernel = evaluator.scope(() =>
    evaluator
      .multiplyDiagonalsTransposed(delta.groups, rows, constant)
      .map((group) => group.map((product) => evaluator.rescale(sumCopies(evaluator, period, product)))),
  );
  return { kernel, bias: [] };
}
