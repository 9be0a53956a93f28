/** A stack of dense layers in the clear: predictions, and the gradients of one batch. */

import type { Architecture, LayerWeights, Loss } from './architecture.ts';
import {
  backwardDense,
  type DenseForward,
  forwardDense,
  inputGradient,
  type Observer,
  throughActivation,
} from './layers/dense.ts';
import type { Matrix } from './layers/matrix.ts';
import { lossValue, outputDelta } from './losses.ts';

/** Sees, and may change, what each layer computes, the layer's index before the values. */
export interface NetworkObservers {
  readonly preactivations?: (layer: number, values: Float64Array) => void;
  readonly outputs?: (layer: number, values: Float64Array) => void;
  /** δ of a layer, before the average over the rows. */
  readonly deltas?: (layer: number, values: Float64Array) => void;
}

export interface BatchGradients {
  /** Averaged over the rows, summed over the outputs. */
  readonly gradients: LayerWeights[];
  /** rows × outputs. */
  readonly outputs: Float64Array;
  /** `lossValue` of the batch. */
  readonly loss: number;
}

export function inputSize(architecture: Architecture): number {
  return architecture.layers[0].inputs;
}

export function outputSize(architecture: Architecture): number {
  return architecture.layers[architecture.layers.length - 1].units;
}

/** The passes of every layer, first to last. `features` is rows × inputs. */
export function forwardNetwork(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  features: Matrix,
  rows: number,
  observers: NetworkObservers = {},
): DenseForward[] {
  const passes: DenseForward[] = [];
  architecture.layers.forEach((layer, i) => {
    const inputs = i === 0 ? features : passes[i - 1].outputs;
    passes.push(forwardDense(layer, weights[i], inputs, rows, layerObservers(observers, i)));
  });
  return passes;
}

/** ŷ, rows × outputs. */
export function predictRows(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  features: Matrix,
  rows: number,
): Float64Array {
  return forwardNetwork(architecture, weights, features, rows).at(-1)!.outputs;
}

/** Forward, loss, backward. `targets` is rows × outputs. */
export function batchGradients(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  features: Matrix,
  targets: Matrix,
  rows: number,
  loss: Loss,
  observers: NetworkObservers = {},
): BatchGradients {
  const { layers } = architecture;
  const passes = forwardNetwork(architecture, weights, features, rows, observers);
  const gradients = new Array<LayerWeights>(layers.length);
  const last = layers.length - 1;
  const { preactivations, outputs } = passes[last];
  let delta = outputDelta(loss, layers[last].activation, preactivations, outputs, targets);
  for (let i = last; i >= 0; i--) {
    if (i < last) {
      const gradient = inputGradient(layers[i + 1], weights[i + 1], delta);
      delta = throughActivation(layers[i].activation, passes[i].preactivations, gradient);
    }
    observers.deltas?.(i, delta);
    gradients[i] = average(backwardDense(layers[i], passes[i], delta), rows);
  }
  return { gradients, outputs, loss: lossValue(outputs, targets, rows) };
}

function average(sums: LayerWeights, rows: number): LayerWeights {
  const divide = (values: Float64Array) => {
    for (let i = 0; i < values.length; i++) values[i] /= rows;
  };
  divide(sums.kernel);
  if (sums.bias !== undefined) divide(sums.bias);
  return sums;
}

function layerObservers(
  observers: NetworkObservers,
  layer: number,
): { readonly preactivations?: Observer; readonly outputs?: Observer } {
  const { preactivations, outputs } = observers;
  return {
    ...(preactivations && { preactivations: (values: Float64Array) => preactivations(layer, values) }),
    ...(outputs && { outputs: (values: Float64Array) => outputs(layer, values) }),
  };
}
