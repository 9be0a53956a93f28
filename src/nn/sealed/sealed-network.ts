/** A stack of dense layers on encrypted weights: forward, and the gradients of one batch, layer by layer. */

import type { Evaluator, PreparedDiagonals, SlotCiphertext } from '../../schemes/scheme.ts';
import type { BlocksTensor, CipherTensor } from '../../tensor/cipher-tensor.ts';
import { blockShape, type Packing } from '../../tensor/packing.ts';
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
  deltaOfBlocks,
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

/** Up to so many outputs, W ⊙ φ'(z) costs little more than δ·Wᵀ ⊙ φ'(z), and a level less. */
const FUSED_OUTPUTS = 2;

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

function isLast({ architecture }: SealedNetwork, index: number): boolean {
  return index === architecture.layers.length - 1;
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
      const scalar = forwardScalar(activation, layerForm(index), isLast(network, index), forwardFactor(layer, x, 1));
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
  const factor = firstFactor(network.architecture.layers[0].activation, isLast(network, 0));
  return forwardInput(evaluator, inputLayer(network), weights, rows, factor);
}

/** What the gradients are multiplied by, the batch mean included. */
export interface GradientRate {
  readonly rate: number;
  /** Of the first step of the run: the scale of factors, the same in all steps. */
  readonly nominalRate: number;
}

/** rate · gradients of every layer as scaled weights. `delta` is the clean error of the last layer. */
export function backwardSealed<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  network: SealedNetwork,
  weights: readonly LayerCiphertexts<C>[],
  rows: PreparedDiagonals,
  passes: readonly ActivationForward<C>[],
  delta: CipherTensor<C>,
  { rate, nominalRate }: GradientRate,
): LayerCiphertexts<C>[] {
  const { layers } = network.architecture;
  return evaluator.scope(() => {
    const gradients = new Array<LayerCiphertexts<C>>(layers.length);
    let error = delta;
    for (let index = layers.length - 1; index > 0; index--) {
      const layer = hiddenLayer(network, index);
      const x = passes[index - 1].output;
      gradients[index] = gradientsOfHidden(evaluator, layer, x, error, layers[index].useBias, rate);
      const { slopes } = passes[index - 1];
      const form = layerForm(index - 1);
      const natural = deltaFactor(slopes, form, backwardFactor(layer, error, 1));
      const { pitch, slots } = layer.packing;
      const copies = form === 'blocks' ? slots / blockShape(layer.packing, layer.inputs).period : 1;
      const weightScale = network.layout.weightScales[index - 1];
      const scalar = backwardScalar(natural, nominalRate / copies, weightScale, Math.max(32, pitch));
      error = errorBefore(evaluator, layer, weights[index], error, slopes, scalar);
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
  scalar: number,
): CipherTensor<C> {
  return evaluator.scope((): CipherTensor<C> => {
    if (delta.form === 'blocks') {
      return backwardList(evaluator, slopes, errorOfList(evaluator, layer, weights, delta, scalar));
    }
    if (slopes.items !== undefined && delta.units <= FUSED_OUTPUTS) {
      return deltaOfBlocks(evaluator, layer, weights, delta, slopes, scalar);
    }
    const error = errorOfBlocks(evaluator, layer, weights, delta, scalar);
    return backwardBlocks(evaluator, layer.packing, slopes, error, error.groups);
  });
}
