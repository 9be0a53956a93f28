/** The error of the last layer, encrypted: δ = ŷ − y, or (ŷ − y)·φ'(z). The targets are the trainer's own, in the clear. */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import { type BlocksTensor, type CipherTensor, cleanGroup } from '../../tensor/cipher-tensor.ts';
import { blockShape, type Packing, unitPlace } from '../../tensor/packing.ts';
import type { Loss } from '../architecture.ts';
import { type ActivationForward, addImaginary, backwardList, partCount, throughSlopes } from './activation.ts';

/** δ, clean. `targets` is B × units, row-major. */
export function outputError<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  loss: Loss,
  { output, slopes }: ActivationForward<C>,
  targets: Float32Array,
): CipherTensor<C> {
  return evaluator.scope((): CipherTensor<C> => {
    if (output.form === 'list') {
      const items = output.items.map((item, k) =>
        evaluator.addPlain(item, targetColumn(packing.batch, targets, output.units, k, -output.factor)),
      );
      const difference = { ...output, items };
      return loss === 'delta' ? difference : backwardList(evaluator, slopes, difference);
    }
    const difference = subtractTargets(evaluator, packing, output, targets);
    const delta = loss === 'delta' ? difference : throughSlopes(evaluator, packing, slopes, difference);
    if (delta.filling === 'clean') return delta;
    return { ...delta, filling: 'clean', groups: delta.groups.map((x) => cleanGroup(evaluator, packing, x, 1)) };
  });
}

/** factor · targets of unit k, one slot a row. */
function targetColumn(batch: number, targets: Float32Array, units: number, k: number, factor: number): Float64Array {
  return Float64Array.from({ length: batch }, (_, b) => factor * targets[b * units + k]);
}

function subtractTargets<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  output: BlocksTensor<C>,
  targets: Float32Array,
): BlocksTensor<C> {
  const { batch, pitch } = packing;
  const shape = blockShape(packing, output.units);
  const vectors = output.groups.map(() => [new Float64Array(shape.period), new Float64Array(shape.period)]);
  for (let unit = 0; unit < output.units; unit++) {
    const { group, block, part } = unitPlace(shape, unit);
    const column = targetColumn(batch, targets, output.units, unit, -output.factor);
    for (let i = 0; i < pitch; i++) vectors[group][part][block * pitch + i] = column[i % batch];
  }
  const groups = output.groups.map((x, group) => {
    const [real, imaginary] = vectors[group];
    const difference = evaluator.addPlain(x, real);
    return partCount(shape, group) === 1 ? difference : addImaginary(evaluator, difference, imaginary);
  });
  return { ...output, groups };
}
