/**
 * A later layer: encrypted inputs x and encrypted weights, either from blocks to a list (z_k = Σ_u x_u·w_uk, a
 * contraction) or from a list to blocks (an expansion).
 *
 *   z = x·W + b                       forward: one level
 *   e = δ·Wᵀ                          backward: one level; the expansion where forward contracts, and vice versa
 *   ∂L/∂W = xᵀ·δ, ∂L/∂b = Σ_rows δ    two levels; x is attenuated beforehand, by a level that δ has spent long since
 */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import {
  type BlocksTensor,
  type CipherTensor,
  contract,
  expand,
  type ListTensor,
  outerSum,
  scaledClean,
  settle,
  sumCopies,
  sumRows,
} from '../../tensor/cipher-tensor.ts';
import { blockShape, type Packing } from '../../tensor/packing.ts';
import { blockMask } from '../../tensor/slot-vectors.ts';
import { deltaFactor, matrixThroughSlopes, type Slopes } from './activation.ts';
import type { LayerCiphertexts } from './layer-ciphertexts.ts';

export interface HiddenDense {
  readonly packing: Packing;
  readonly inputs: number;
  readonly units: number;
  readonly weightScale: number;
  readonly biasScale: number;
}

/** Factor of z where the weights are multiplied by `scalar`. */
export function forwardFactor(layer: HiddenDense, x: CipherTensor<unknown>, scalar: number): number {
  return x.factor * layer.weightScale * scalar * (x.form === 'blocks' ? 2 : 1);
}

/** Factor of e = δ·Wᵀ, the same way round. */
export const backwardFactor: typeof forwardFactor = forwardFactor;

export function forwardHidden<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  layer: HiddenDense,
  weights: LayerCiphertexts<C>,
  x: CipherTensor<C>,
  scalar: number,
): CipherTensor<C> {
  const { packing, units, biasScale } = layer;
  const factor = forwardFactor(layer, x, scalar);
  const withBias = (product: C, index: number): C => {
    const bias = weights.bias[index];
    if (bias === undefined) return product;
    const lowered = evaluator.dropToLevel(bias, product.level);
    return evaluator.add(product, evaluator.multiplyScalar(lowered, factor / biasScale));
  };
  return evaluator.scope((): CipherTensor<C> => {
    const matrix = scaledMatrix(evaluator, weights.kernel, levelOf(x), scalar);
    if (x.form === 'blocks') {
      const products = contract(evaluator, packing, x, matrix).map(withBias);
      return { form: 'list', units, factor, items: products.map((product) => evaluator.rescale(product)) };
    }
    const products = expand(evaluator, x, matrix).map(withBias);
    return { form: 'blocks', units, factor, filling: 'clean', groups: settle(evaluator, packing, products, 'padded') };
  });
}

/** e of the layer before, where that is a list: rescaled. */
export function errorOfList<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  layer: HiddenDense,
  weights: LayerCiphertexts<C>,
  delta: BlocksTensor<C>,
  scalar: number,
): ListTensor<C> {
  const items = evaluator.scope(() => {
    const matrix = scaledMatrix(evaluator, weights.kernel, levelOf(delta), scalar);
    return contract(evaluator, layer.packing, delta, matrix).map((product) => evaluator.rescale(product));
  });
  return { form: 'list', units: layer.inputs, factor: backwardFactor(layer, delta, scalar), items };
}

/** e of the layer before, where that is blocks: padded products that await their rescaling. */
export function errorOfBlocks<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  layer: HiddenDense,
  weights: LayerCiphertexts<C>,
  delta: ListTensor<C>,
  scalar: number,
): BlocksTensor<C> {
  const groups = evaluator.scope(() =>
    expand(evaluator, delta, scaledMatrix(evaluator, weights.kernel, levelOf(delta), scalar)),
  );
  const factor = backwardFactor(layer, delta, scalar);
  return { form: 'blocks', units: layer.inputs, factor, filling: 'padded', groups };
}

/** δ of the layer before, clean, where that is blocks with slopes, by W ⊙ φ'(z). */
export function deltaOfBlocks<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  layer: HiddenDense,
  weights: LayerCiphertexts<C>,
  delta: ListTensor<C>,
  slopes: Slopes<C>,
  scalar: number,
): BlocksTensor<C> {
  const { packing, inputs } = layer;
  const items = slopes.items ?? [];
  const groups = evaluator.scope(() => {
    const scaled = scaledMatrix(evaluator, weights.kernel, lowestLevel(items), scalar);
    const matrix = matrixThroughSlopes(evaluator, items, scaled);
    return settle(evaluator, packing, expand(evaluator, delta, matrix), 'padded');
  });
  const factor = deltaFactor(slopes, 'blocks', backwardFactor(layer, delta, scalar));
  return { form: 'blocks', units: inputs, factor, filling: 'clean', groups };
}

/** rate · gradients as scaled weights and biases; `delta` is clean. */
export function gradientsOfHidden<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  layer: HiddenDense,
  x: CipherTensor<C>,
  delta: CipherTensor<C>,
  useBias: boolean,
  rate: number,
): LayerCiphertexts<C> {
  const { packing } = layer;
  return evaluator.scope(() => {
    // Half of the constant here and half in the mask, so that neither is too small to be encoded well.
    const attenuated = scaledClean(evaluator, packing, x, attenuation(packing, blocksUnits(layer, delta)));
    const constant = (rate * layer.weightScale) / (attenuated.factor * delta.factor);
    const [list, blocks] = listAndBlocks(attenuated, delta);
    const kernel = outerSum(evaluator, packing, list, blocks, constant);
    return { kernel, bias: useBias ? biasGradients(evaluator, layer, delta, rate) : [] };
  });
}

function biasGradients<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  layer: HiddenDense,
  delta: CipherTensor<C>,
  rate: number,
): C[] {
  const { packing, biasScale } = layer;
  const units = blocksUnits(layer, delta);
  const { period } = blockShape(packing, units);
  const share = attenuation(packing, units);
  const constant = ((rate * biasScale) / (delta.factor * share)) * (period / packing.slots);
  const mask = blockMask(packing, packing.batch, constant);
  return (delta.form === 'list' ? delta.items : delta.groups).map((item) =>
    evaluator.scope(() => {
      const rows = sumRows(evaluator, packing, evaluator.multiplyScalar(item, share));
      const sum = evaluator.rescale(sumCopies(evaluator, period, rows));
      return evaluator.rescale(
        delta.form === 'list' ? evaluator.multiplyScalar(sum, constant) : evaluator.multiplyPlain(sum, mask),
      );
    }),
  );
}

/** Units of the side of a layer that lies in blocks. */
function blocksUnits({ inputs, units }: HiddenDense, delta: CipherTensor<SlotCiphertext>): number {
  return delta.form === 'list' ? inputs : units;
}

/** 1/√(terms of a gradient's sum): over the rows and over the copies of a group. */
function attenuation(packing: Packing, units: number): number {
  return 1 / Math.sqrt((packing.batch * packing.slots) / blockShape(packing, units).period);
}

function listAndBlocks<C>(a: CipherTensor<C>, b: CipherTensor<C>): [ListTensor<C>, BlocksTensor<C>] {
  if (a.form === 'list' && b.form === 'blocks') return [a, b];
  if (a.form === 'blocks' && b.form === 'list') return [b, a];
  throw new RangeError(`expected a list and blocks, got twice ${a.form}`);
}

function levelOf(x: CipherTensor<SlotCiphertext>): number {
  return lowestLevel([x.form === 'list' ? x.items : x.groups]);
}

function lowestLevel(ciphertexts: readonly (readonly SlotCiphertext[])[]): number {
  return Math.min(...ciphertexts.flat().map(({ level }) => level));
}

/** scalar · W at the level of what it will meet; W itself where the scalar is 1. */
function scaledMatrix<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  matrix: readonly (readonly C[])[],
  level: number,
  scalar: number,
): readonly (readonly C[])[] {
  if (scalar === 1) return matrix;
  return matrix.map((row) =>
    row.map((w) =>
      evaluator.scope(() => evaluator.rescale(evaluator.multiplyScalar(evaluator.dropToLevel(w, level + 1), scalar))),
    ),
  );
}
