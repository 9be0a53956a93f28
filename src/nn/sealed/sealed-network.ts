/** A stack of dense layers on encrypted weights: forward, and the gradients of one batch, layer by layer. */

import type { Evaluator, PreparedDiagonals, SlotCiphertext } from '../../schemes/scheme.ts';
import type { BlocksTensor, CipherTensor } from '../../tensor/cipher-tensor.ts';
import type { Packing } from '../../tensor/packing.ts';
import type { Architecture } from '../architecture.ts';
import {
  type ActivationForward,
  backwardBlocks,
  backwardList,
  deltaFactor,
  forwardActivation,
  type Slopes,
} from './activation.ts';
import {
  backwardFactor,
  errorOfBlocks,
  errorOfList,
  forwardFactor,
  forwardHidden,
  gradientsOfHidden,
  type HiddenDense,
} from './hidden-dense.ts';
import { backwardInput, forwardInput, type InputDense } from './input-dense.ts';
import type { LayerCiphertexts } from './layer-ciphertexts.ts';
import { layerForm, type SealedLayout } from './layout.ts';
import { backwardScalar, firstFactor, forwardScalar } from './scaling.ts';

export interface SealedNetwork {
  readonly architecture: Architecture;
  readonly layout: SealedLayout;
}

function packingOf(network: SealedNetwork): Packing {
  return network.layout.packing;
}

function inputLayer({ architecture, layout }: SealedNetwork): InputDense {
  return { packing: layout.packing, units: architecture.layers[0].units, weightScale: layout.weightScales[0] };
}

function hiddenLayer({ architecture, layout }: SealedNetwork, index: number): HiddenDense {
  const { inputs, units } = architecture.layers[index];
  return {
    packing: layout.packing,
    inputs,
    units,
    weightScale: layout.weightScales[index],
    biasScale: layout.biasScales[index],
  };
}

/** The passes of every layer, first to last. */
export function forwardSealed<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  network: SealedNetwork,
  weights: readonly LayerCiphertexts<C>[],
  rows: PreparedDiagonals,
  wantSlopes: boolean,
): ActivationForward<C>[] {
  return evaluator.scope(() => {
    const passes: ActivationForward<C>[] = [];
    network.architecture.layers.forEach((layer, index) => {
      const z = index === 0 ? forwardFirst(evaluator, network, weights[0], rows) : forwardLater(index);
      passes.push(forwardActivation(evaluator, packingOf(network), layer.activation, z, wantSlopes));
    });
    return passes;

    function forwardLater(index: number): CipherTensor<C> {
      const layer = hiddenLayer(network, index);
      const { activation } = network.architecture.layers[index];
      const x = passes[index - 1].output;
      const scalar = forwardScalar(activation, layerForm(index), forwardFactor(layer, x, 1));
      return forwardHidden(evaluator, layer, weights[index], x, scalar);
    }
  });
}

function forwardFirst<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  network: SealedNetwork,
  weights: LayerCiphertexts<C>,
  rows: PreparedDiagonals,
): BlocksTensor<C> {
  const factor = firstFactor(network.architecture.layers[0].activation);
  return forwardInput(evaluator, inputLayer(network), weights, rows, factor);
}

/**
 * rate · gradients of every layer as scaled weights. `delta` is the clean error of the last layer, the factors of the
 * batch mean and of the learning rate are in `rate`.
 */
export function backwardSealed<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  network: SealedNetwork,
  weights: readonly LayerCiphertexts<C>[],
  rows: PreparedDiagonals,
  passes: readonly ActivationForward<C>[],
  delta: CipherTensor<C>,
  rate: number,
): LayerCiphertexts<C>[] {
  const { layers } = network.architecture;
  return evaluator.scope(() => {
    const gradients = new Array<LayerCiphertexts<C>>(layers.length);
    let error = delta;
    for (let index = layers.length - 1; index > 0; index--) {
      const layer = hiddenLayer(network, index);
      const x = passes[index - 1].output;
      gradients[index] = gradientsOfHidden(evaluator, layer, x, error, layers[index].useBias, rate);
      error = errorBefore(evaluator, layer, weights[index], error, passes[index - 1].slopes);
    }
    if (error.form !== 'blocks') throw new RangeError('the first layer has an error in blocks');
    gradients[0] = backwardInput(evaluator, inputLayer(network), rows, error, rate);
    return gradients;
  });
}

/** δ of the layer before, clean. */
function errorBefore<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  layer: HiddenDense,
  weights: LayerCiphertexts<C>,
  delta: CipherTensor<C>,
  slopes: Slopes<C>,
): CipherTensor<C> {
  const form = delta.form === 'list' ? 'blocks' : 'list';
  const scalar = backwardScalar(deltaFactor(slopes, form, backwardFactor(layer, delta, 1)));
  return evaluator.scope((): CipherTensor<C> => {
    if (delta.form === 'blocks') {
      return backwardList(evaluator, slopes, errorOfList(evaluator, layer, weights, delta, scalar));
    }
    const error = errorOfBlocks(evaluator, layer, weights, delta, scalar);
    return backwardBlocks(evaluator, layer.packing, slopes, error, error.groups);
  });
}
