/**
 * The dense layer in the clear, forward beside backward. For a batch X (rows × inputs):
 *
 *   z = X·W + b,  h = φ(z)                                       forward
 *   ∂L/∂W = Xᵀ·δ,  ∂L/∂b = Σ_rows δ,  ∂L/∂X = δ·Wᵀ               backward, δ = ∂L/∂z (rows × units)
 *   δ = ∂L/∂h ⊙ φ'(z)                                            through the activation
 */

import { derivative, evaluatePolynomial } from '../activations.ts';
import type { Activation, DenseLayer, LayerWeights } from '../architecture.ts';
import { type Matrix, multiplyByTransposeInto, multiplyInto, multiplyTransposedInto } from './matrix.ts';

/** What the backward pass needs of the forward pass. */
export interface DenseForward {
  readonly inputs: Matrix;
  /** rows × units. */
  readonly preactivations: Float64Array;
  /** rows × units. */
  readonly outputs: Float64Array;
}

/** Called on values a layer has just computed, before anything else uses them: adds noise, takes ranges. */
export type Observer = (values: Float64Array) => void;

export function forwardDense(
  layer: DenseLayer,
  weights: LayerWeights,
  inputs: Matrix,
  rows: number,
  observe?: { readonly preactivations?: Observer; readonly outputs?: Observer },
): DenseForward {
  const { units } = layer;
  const preactivations = new Float64Array(rows * units);
  multiplyInto(inputs, rows, layer.inputs, weights.kernel, units, preactivations);
  if (weights.bias !== undefined) addBias(preactivations, weights.bias);
  observe?.preactivations?.(preactivations);
  const { coefficients } = layer.activation;
  const outputs = preactivations.map((z) => evaluatePolynomial(coefficients, z));
  observe?.outputs?.(outputs);
  return { inputs, preactivations, outputs };
}

/** Gradients with respect to the layer's weights, summed over the rows. */
export function backwardDense(layer: DenseLayer, forward: DenseForward, delta: Float64Array): LayerWeights {
  const { inputs, units } = layer;
  const rows = delta.length / units;
  const kernel = new Float64Array(inputs * units);
  multiplyTransposedInto(forward.inputs, rows, inputs, delta, units, kernel);
  return { kernel, bias: layer.useBias ? sumRows(delta, units) : undefined };
}

/** ∂L/∂X = δ·Wᵀ (rows × inputs). */
export function inputGradient(layer: DenseLayer, weights: LayerWeights, delta: Float64Array): Float64Array {
  const rows = delta.length / layer.units;
  const gradient = new Float64Array(rows * layer.inputs);
  multiplyByTransposeInto(delta, rows, layer.units, weights.kernel, layer.inputs, gradient);
  return gradient;
}

/** δ = gradient ⊙ φ'(z). */
export function throughActivation(activation: Activation, z: Float64Array, gradient: Float64Array): Float64Array {
  const slope = derivative(activation.coefficients);
  return gradient.map((g, i) => g * evaluatePolynomial(slope, z[i]));
}

function addBias(values: Float64Array, bias: Float64Array): void {
  for (let i = 0; i < values.length; ) {
    for (let unit = 0; unit < bias.length; unit++, i++) values[i] += bias[unit];
  }
}

function sumRows(delta: Float64Array, units: number): Float64Array {
  const sums = new Float64Array(units);
  for (let i = 0; i < delta.length; ) {
    for (let unit = 0; unit < units; unit++, i++) sums[unit] += delta[i];
  }
  return sums;
}
