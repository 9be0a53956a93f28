/** Lists of layer weights as vectors: checks, copies, and the few linear operations of the optimizers. */

import type { Architecture, LayerWeights } from './architecture.ts';

/** Kernel and bias of every layer, in order: what loops over all parameters walk through. */
export function parameterArrays(weights: readonly LayerWeights[]): Float64Array[] {
  return weights.flatMap((layer) => (layer.bias === undefined ? [layer.kernel] : [layer.kernel, layer.bias]));
}

/** Entries of all kernels and biases. */
export function parameterCount(architecture: Architecture): number {
  return architecture.layers.reduce(
    (sum, layer) => sum + layer.inputs * layer.units + (layer.useBias ? layer.units : 0),
    0,
  );
}

export function zeroWeights(architecture: Architecture): LayerWeights[] {
  return architecture.layers.map((layer) => ({
    kernel: new Float64Array(layer.inputs * layer.units),
    bias: layer.useBias ? new Float64Array(layer.units) : undefined,
  }));
}

export function copyWeights(weights: readonly LayerWeights[]): LayerWeights[] {
  return weights.map((layer) => ({ kernel: layer.kernel.slice(), bias: layer.bias?.slice() }));
}

/** RangeError unless the shapes are those of the architecture and every entry is finite. */
export function checkWeights(architecture: Architecture, weights: readonly LayerWeights[]): void {
  if (weights.length !== architecture.layers.length) {
    throw new RangeError(`weights: expected ${architecture.layers.length} layers, got ${weights.length}`);
  }
  architecture.layers.forEach((layer, i) => {
    const { kernel, bias } = weights[i];
    const biasLength = layer.useBias ? layer.units : 0;
    if (kernel.length !== layer.inputs * layer.units || (bias?.length ?? 0) !== biasLength) {
      const expected = `${layer.inputs} × ${layer.units} and ${biasLength} biases`;
      throw new RangeError(
        `weights of layer ${i}: expected ${expected}, got ${kernel.length} and ${bias?.length ?? 0}`,
      );
    }
    if (!kernel.every(Number.isFinite) || !(bias?.every(Number.isFinite) ?? true)) {
      throw new RangeError(`weights of layer ${i}: expected finite numbers`);
    }
  });
}

/** RangeError unless the layers fit one another: sizes ≥ 1, each layer's inputs the units of the one before. */
export function checkArchitecture(architecture: Architecture): void {
  const { layers } = architecture;
  if (layers.length === 0) throw new RangeError('architecture: expected at least one layer');
  layers.forEach((layer, i) => {
    if (![layer.inputs, layer.units].every((n) => Number.isInteger(n) && n >= 1)) {
      throw new RangeError(`layer ${i}: expected whole sizes of at least 1, got ${layer.inputs} × ${layer.units}`);
    }
    if (i > 0 && layer.inputs !== layers[i - 1].units) {
      throw new RangeError(`layer ${i}: expected ${layers[i - 1].units} inputs, got ${layer.inputs}`);
    }
    if (layer.activation.coefficients.length < 2 || !layer.activation.coefficients.every(Number.isFinite)) {
      throw new RangeError(`layer ${i}: expected an activation of degree at least 1`);
    }
  });
}
