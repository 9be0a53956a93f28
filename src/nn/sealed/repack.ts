/** Brings the weights of the later layers, which stand at the first B positions of a block, to another batch. */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import { doublings, rotateAndAdd } from '../../tensor/cipher-tensor.ts';
import { blockMask } from '../../tensor/slot-vectors.ts';
import { type LayerCiphertexts, mapLayers } from './layer-ciphertexts.ts';
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
  const changed = mapLayers(weights, (w, layer) => (layer === 0 ? w : change(w)));
  return changed.map((layer, index) =>
    layerForm(index) === 'list' ? { kernel: layer.kernel, bias: weights[index].bias } : layer,
  );
}
