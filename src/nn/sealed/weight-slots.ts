/**
 * Plain weights ↔ slot vectors: what the owner encrypts when it seals a network, and decodes when it opens one. Runs on
 * plain numbers only; encryption is the caller's.
 */

import {
  mean,
  packFirstKernel,
  packUnits,
  type SlotVector,
  unpackFirstKernel,
  unpackUnits,
} from '../../tensor/slot-vectors.ts';
import type { Architecture, DenseLayer, LayerWeights } from '../architecture.ts';
import { flattenLayers, type LayerCiphertexts, nameCiphertexts } from './layer-ciphertexts.ts';
import { featureColumns, layerForm, type SealedLayout } from './layout.ts';

export interface NamedSlots {
  readonly name: string;
  readonly slots: SlotVector;
  /** The layout leaves the imaginary parts zero. */
  readonly real: boolean;
}

/** Slot vectors of all parameters, in the order of `ciphertextNames`; lengths divide the slots, values repeat. */
export function packWeights(
  architecture: Architecture,
  layout: SealedLayout,
  weights: readonly LayerWeights[],
): NamedSlots[] {
  const packed = architecture.layers.map((layer, i) => packLayer(layout, layer, i, weights[i]));
  const real = flattenLayers(
    packed.map(({ kernel, bias }, i) => ({
      kernel: kernel.map((row) => row.map(() => layout.packing.real === true)),
      bias: bias.map(() => layout.packing.real === true || layerForm(i) === 'list'),
    })),
  );
  return nameCiphertexts(architecture, layout, packed).map(({ name, ciphertext }, i) => ({
    name,
    slots: ciphertext,
    real: real[i],
  }));
}

/** The inverse of `packWeights`, from decoded slots in the same order and shape. */
export function unpackWeights(
  architecture: Architecture,
  layout: SealedLayout,
  slots: readonly LayerCiphertexts<SlotVector>[],
): LayerWeights[] {
  if (flattenLayers(slots).some(({ re, im }) => re.length < 1 || re.length !== im.length)) {
    throw new RangeError('slots: expected real and imaginary parts of one length');
  }
  return architecture.layers.map((layer, i) => unpackLayer(layout, layer, i, slots[i]));
}

function packLayer(
  layout: SealedLayout,
  layer: DenseLayer,
  index: number,
  { kernel, bias }: LayerWeights,
): LayerCiphertexts<SlotVector> {
  const { packing } = layout;
  const { units, inputs } = layer;
  const scale = layout.weightScales[index];
  if (index === 0) {
    const whole = bias === undefined ? kernel : joined(kernel, bias);
    return { kernel: packFirstKernel(packing, featureColumns(layer), units, whole, scale), bias: [] };
  }
  const biasScale = layout.biasScales[index];
  if (layerForm(index) === 'blocks') {
    const rows = Array.from({ length: inputs }, (_, k) => kernel.subarray(k * units, (k + 1) * units));
    return {
      kernel: rows.map((row) => packUnits(packing, row, scale)),
      bias: bias === undefined ? [] : packUnits(packing, bias, biasScale),
    };
  }
  const columns = Array.from({ length: units }, (_, k) => column(kernel, units, k));
  return {
    kernel: columns.map((values) => packUnits(packing, values, scale)),
    bias: Array.from(bias ?? [], (b) => ({ re: Float64Array.of(b * biasScale), im: new Float64Array(1) })),
  };
}

function unpackLayer(
  layout: SealedLayout,
  layer: DenseLayer,
  index: number,
  slots: LayerCiphertexts<SlotVector>,
): LayerWeights {
  const { packing } = layout;
  const { units, inputs, useBias } = layer;
  const scale = layout.weightScales[index];
  if (index === 0) {
    const whole = unpackFirstKernel(packing, featureColumns(layer), units, slots.kernel, scale);
    return {
      kernel: whole.slice(0, inputs * units),
      bias: useBias ? whole.slice(inputs * units) : undefined,
    };
  }
  const biasScale = layout.biasScales[index];
  const kernel = new Float64Array(inputs * units);
  if (layerForm(index) === 'blocks') {
    slots.kernel.forEach((row, k) => {
      kernel.set(unpackUnits(packing, units, row, scale), k * units);
    });
    return { kernel, bias: useBias ? unpackUnits(packing, units, slots.bias, biasScale) : undefined };
  }
  slots.kernel.forEach((row, k) => {
    unpackUnits(packing, inputs, row, scale).forEach((w, j) => {
      kernel[j * units + k] = w;
    });
  });
  const biases = Float64Array.from(slots.bias, ({ re }) => mean(re) / biasScale);
  return { kernel, bias: useBias ? biases : undefined };
}

function joined(kernel: Float64Array, bias: Float64Array): Float64Array {
  const whole = new Float64Array(kernel.length + bias.length);
  whole.set(kernel);
  whole.set(bias, kernel.length);
  return whole;
}

function column(kernel: Float64Array, units: number, k: number): Float64Array {
  return Float64Array.from({ length: kernel.length / units }, (_, j) => kernel[j * units + k]);
}
