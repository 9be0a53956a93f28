/** Brings the weights of the later layers, which stand at the first B positions of a block, to another batch. */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import { doublings, rotateAndAdd } from '../../tensor/cipher-tensor.ts';
import { blockMask } from '../../tensor/slot-vectors.ts';
import type { LayerCiphertexts } from './layer-ciphertexts.ts';
import { layerForm, layoutForBatch } from './layout.ts';
import type { SealedNetwork } from './sealed-network.ts';

/**
 * A smaller batch costs a level (a mask), a larger one, up to the packing's offset, rotations. The first layer and
 * biases of lists are the same for all batches. Weights that need no change are returned as they are.
 */
export function repackForBatch<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  network: SealedNetwork,
  weights: readonly LayerCiphertexts<C>[],
  batch: number,
): readonly LayerCiphertexts<C>[] {
  const from = network.layout.packing;
  const to = layoutForBatch(network.layout, batch).packing;
  if (from.batch === to.batch) return weights;
  const change = (w: C): C =>
    to.batch < from.batch
      ? evaluator.scope(() => evaluator.rescale(evaluator.multiplyPlain(w, blockMask(to, to.batch, 1))))
      : rotateAndAdd(
          evaluator,
          w,
          doublings(from.batch, to.batch).map((step) => -step),
        );
  return weights.map((layer, index) => {
    if (index === 0) return layer;
    const kernel = layer.kernel.map((row) => row.map(change));
    return { kernel, bias: layerForm(index) === 'list' ? layer.bias : layer.bias.map(change) };
  });
}
