/**
 * The polynomial activation of encrypted values, forward beside backward:
 *
 *   h = φ(z)                     forward
 *   δ = e ⊙ φ'(z), e = ∂L/∂h     backward, with the slopes that the forward pass kept
 *
 * A blocks tensor holds two units in one complex slot; a polynomial of degree 2 or more takes them apart first (free of
 * levels, the factor doubles) and joins the results. Constants are added only where units are, so that places without
 * a unit stay zero.
 */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import {
  type BlockFilling,
  type BlocksTensor,
  type CipherTensor,
  joinParts,
  type ListTensor,
  productFilling,
  settle,
  splitParts,
} from '../../tensor/cipher-tensor.ts';
import { type BlockShape, blockShape, type Packing, unitsOfPart } from '../../tensor/packing.ts';
import { unitConstant } from '../../tensor/slot-vectors.ts';
import type { Activation } from '../architecture.ts';
import { type AddConstant, evaluatePolynomialOn, type PolynomialShape, polynomialShape } from './polynomial.ts';

/** φ'(z) of every unit; [group][part] or [unit], none where the slope is a constant. */
export interface Slopes<C> {
  readonly factor: number;
  readonly filling: BlockFilling;
  readonly items: readonly (readonly C[])[] | undefined;
}

export interface ActivationForward<C> {
  readonly output: CipherTensor<C>;
  readonly slopes: Slopes<C>;
}

export function forwardActivation<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  activation: Activation,
  z: CipherTensor<C>,
  wantSlopes: boolean,
): ActivationForward<C> {
  const shape = polynomialShape(activation.coefficients);
  return evaluator.scope(() =>
    z.form === 'list'
      ? activateList(evaluator, activation, z, shape, wantSlopes)
      : activateBlocks(evaluator, packing, activation, z, shape, wantSlopes),
  );
}

function activateList<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  { coefficients }: Activation,
  z: ListTensor<C>,
  shape: PolynomialShape,
  wantSlopes: boolean,
): ActivationForward<C> {
  const add: AddConstant<C> = (x, constant) => evaluator.addPlain(x, Float64Array.of(constant));
  const results = z.items.map((item) => evaluatePolynomialOn(evaluator, item, z.factor, coefficients, add, wantSlopes));
  const output = { ...z, factor: shape.outputFactor(z.factor), items: results.map(({ value }) => value) };
  const kept = wantSlopes && shape.degree > 1;
  const items = kept ? results.map(({ slope }) => [slope as C]) : undefined;
  return { output, slopes: { factor: shape.slopeFactor(z.factor), filling: 'clean', items } };
}

function activateBlocks<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  { coefficients }: Activation,
  z: BlocksTensor<C>,
  shape: PolynomialShape,
  wantSlopes: boolean,
): ActivationForward<C> {
  const blocks = blockShape(packing, z.units);
  const { filling } = z;
  if (shape.degree === 1) {
    const constant = (coefficients[0] / coefficients[1]) * z.factor;
    const groups = z.groups.map((x, group) => addToUnits(evaluator, packing, blocks, group, x, constant));
    const slopes: Slopes<C> = { factor: shape.slopeFactor(z.factor), filling, items: undefined };
    return { output: { ...z, factor: shape.outputFactor(z.factor), groups }, slopes };
  }
  const partFactor = 2 * z.factor;
  const results = z.groups.map((x, group) =>
    splitParts(evaluator, x, partCount(blocks, group)).map((part, t) => {
      const present = unitsOfPart(blocks, group, t === 0 ? 0 : 1);
      const add: AddConstant<C> = (y, constant) =>
        evaluator.addPlain(y, unitConstant(packing, blocks, present, constant));
      return evaluatePolynomialOn(evaluator, part, partFactor, coefficients, add, wantSlopes);
    }),
  );
  const groups = results.map((parts) =>
    joinParts(
      evaluator,
      parts.map(({ value }) => value),
    ),
  );
  const items = wantSlopes ? results.map((parts) => parts.map(({ slope }) => slope as C)) : undefined;
  return {
    output: { ...z, factor: shape.outputFactor(partFactor), groups },
    slopes: { factor: shape.slopeFactor(partFactor), filling, items },
  };
}

/** 1 where a group has real units only, else 2. */
export function partCount(shape: BlockShape, group: number): number {
  return unitsOfPart(shape, group, 1) > 0 ? 2 : 1;
}

/** x + constant · (1 + i) at the places of units. */
function addToUnits<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  shape: BlockShape,
  group: number,
  x: C,
  constant: number,
): C {
  if (constant === 0) return x;
  const [real, imaginary] = ([0, 1] as const).map((part) => unitsOfPart(shape, group, part));
  const vector = (present: number) => unitConstant(packing, shape, present, constant);
  const sum = evaluator.addPlain(x, vector(real));
  return imaginary === 0 ? sum : addImaginary(evaluator, sum, vector(imaginary));
}

/** x + i·values: i·(−i·x + values), free of levels. */
export function addImaginary<C extends SlotCiphertext>(evaluator: Evaluator<C>, x: C, values: Float64Array): C {
  return evaluator.scope(() => {
    const turned = evaluator.negate(evaluator.timesI(x));
    return evaluator.timesI(evaluator.addPlain(turned, values));
  });
}

/** Factor that δ gets out of ∂L/∂h of factor `factor`. */
export function deltaFactor<C>(slopes: Slopes<C>, form: 'list' | 'blocks', factor: number): number {
  const split = form === 'blocks' && slopes.items !== undefined ? 2 : 1;
  return factor * slopes.factor * split;
}

/** δ of a list: one level, none where the slope is a constant. */
export function backwardList<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  slopes: Slopes<C>,
  error: ListTensor<C>,
): ListTensor<C> {
  const factor = deltaFactor(slopes, 'list', error.factor);
  const { items } = slopes;
  if (items === undefined) return { ...error, factor };
  const deltas = error.items.map((e, k) =>
    evaluator.scope(() => evaluator.rescale(evaluator.multiply(e, items[k][0]))),
  );
  return { ...error, factor, items: deltas };
}

/** δ of blocks, clean. `products` await their rescaling and hold ∂L/∂h with `error.factor` and `error.filling`. */
export function backwardBlocks<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  slopes: Slopes<C>,
  error: Omit<BlocksTensor<C>, 'groups'>,
  products: readonly C[],
): BlocksTensor<C> {
  const factor = deltaFactor(slopes, 'blocks', error.factor);
  if (slopes.items === undefined) {
    return { ...error, factor, filling: 'clean', groups: settle(evaluator, packing, products, error.filling) };
  }
  const rescaled = products.map((product) => evaluator.rescale(product));
  return throughSlopes(evaluator, packing, slopes, { ...error, groups: rescaled });
}

/** The same for ∂L/∂h that was rescaled before: the error of the last layer. */
export function throughSlopes<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  slopes: Slopes<C>,
  error: BlocksTensor<C>,
): BlocksTensor<C> {
  const { items } = slopes;
  const factor = deltaFactor(slopes, 'blocks', error.factor);
  if (items === undefined) return { ...error, factor };
  const groups = error.groups.map((e, group) =>
    evaluator.scope(() => {
      const parts = splitParts(evaluator, e, items[group].length);
      const product = joinParts(
        evaluator,
        parts.map((part, t) => evaluator.multiply(part, items[group][t])),
      );
      return settle(evaluator, packing, [product], productFilling(error.filling, slopes.filling))[0];
    }),
  );
  return { ...error, factor, filling: 'clean', groups };
}

/**
 * W ⊙ φ'(z), rescaled, for a matrix in the layout of `packUnits`: with it e = δ·Wᵀ is δ of the layer before at once. Off
 * the critical path, where it saves a level; the factor is that of `deltaFactor`.
 */
export function matrixThroughSlopes<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  slopes: readonly (readonly C[])[],
  matrix: readonly (readonly C[])[],
): C[][] {
  return matrix.map((row) =>
    row.map((w, group) =>
      evaluator.scope(() => {
        const lowered = evaluator.dropToLevel(w, Math.min(w.level, slopes[group][0].level));
        const parts = splitParts(evaluator, lowered, slopes[group].length);
        const products = parts.map((part, t) => evaluator.multiply(part, slopes[group][t]));
        return evaluator.rescale(joinParts(evaluator, products));
      }),
    ),
  );
}
