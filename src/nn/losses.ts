/**
 * Losses, as the error δ = ∂L/∂z they send back from the last layer. For targets y and outputs ŷ = φ(z):
 *
 *   'squaredError':  L = ½·Σ(ŷ − y)²,  δ = (ŷ − y)·φ'(z)
 *   'delta':         δ = ŷ − y, the gradient of the cross-entropy behind a true sigmoid or softmax, and of
 *                    ½·Σ(ŷ − y)² for a linear output; one multiplication cheaper
 *
 * All sums run over the outputs; the average over the rows is taken where the gradient is formed.
 */

import type { Activation, Loss } from './architecture.ts';
import { throughActivation } from './layers/dense.ts';
import type { Matrix } from './layers/matrix.ts';

/** The losses by the names that Keras knows them under. Its mean squared error is ours times 2/outputs. */
export type LossName =
  | Loss
  | 'meanSquaredError'
  | 'binaryCrossentropy'
  | 'categoricalCrossentropy'
  // As in Python.
  | 'mse'
  | 'mean_squared_error'
  | 'binary_crossentropy'
  | 'categorical_crossentropy';

const BY_NAME: Readonly<Record<LossName, Loss>> = {
  delta: 'delta',
  squaredError: 'squaredError',
  meanSquaredError: 'squaredError',
  binaryCrossentropy: 'delta',
  categoricalCrossentropy: 'delta',
  mse: 'squaredError',
  mean_squared_error: 'squaredError',
  binary_crossentropy: 'delta',
  categorical_crossentropy: 'delta',
};

export function lossByName(name: LossName): Loss {
  const loss = BY_NAME[name];
  if (loss === undefined)
    throw new RangeError(`loss: expected one of ${Object.keys(BY_NAME).join(', ')}, got '${name}'`);
  return loss;
}

/** δ of the last layer, rows × outputs, not averaged. */
export function outputDelta(
  loss: Loss,
  activation: Activation,
  preactivations: Float64Array,
  outputs: Float64Array,
  targets: Matrix,
): Float64Array {
  const difference = outputs.map((y, i) => y - targets[i]);
  return loss === 'delta' ? difference : throughActivation(activation, preactivations, difference);
}

/** ½·Σ(ŷ − y)² summed over the outputs, averaged over the rows: the figure of every loss curve, whatever the loss. */
export function lossValue(outputs: Matrix, targets: Matrix, rows: number): number {
  let sum = 0;
  for (let i = 0; i < outputs.length; i++) {
    const difference = outputs[i] - targets[i];
    sum += difference * difference;
  }
  return sum / (2 * rows);
}
