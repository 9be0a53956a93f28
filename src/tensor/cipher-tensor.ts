/**
 * Encrypted values of a batch (rows × units) and the moves between their two forms. Every tensor knows the public
 * `factor` between slots and values: slot = factor · value.
 */

import type { Evaluator, SlotCiphertext } from '../schemes/scheme.ts';
import { type BlockShape, blockShape, type Packing } from './packing.ts';
import { blockMask } from './slot-vectors.ts';

/** What stands in a block outside its first B positions: zeros, the same again and again, or junk. */
export type BlockFilling = 'padded' | 'clean' | 'dirty';

export interface BlocksTensor<C> {
  readonly form: 'blocks';
  readonly units: number;
  readonly factor: number;
  readonly filling: BlockFilling;
  /** One ciphertext a group: pairs of units as complex numbers. */
  readonly groups: readonly C[];
}

export interface ListTensor<C> {
  readonly form: 'list';
  readonly units: number;
  readonly factor: number;
  /** One real ciphertext a unit, period B. */
  readonly items: readonly C[];
}

export type CipherTensor<C> = BlocksTensor<C> | ListTensor<C>;

/** The filling of a product of two tensors. */
export function productFilling(a: BlockFilling, b: BlockFilling): BlockFilling {
  if (a === 'padded' || b === 'padded') return 'padded';
  return a === 'clean' && b === 'clean' ? 'clean' : 'dirty';
}

/** first, 2·first, … below `end`: the steps of a rotate-and-add over `end` slots. */
export function doublings(first: number, end: number): number[] {
  const steps: number[] = [];
  for (let step = first; step < end; step *= 2) steps.push(step);
  return steps;
}

/** x ← x + rotate(x, step) for each step. */
export function rotateAndAdd<C extends SlotCiphertext>(evaluator: Evaluator<C>, x: C, steps: readonly number[]): C {
  return evaluator.scope(() => steps.reduce((sum, step) => evaluator.add(sum, evaluator.rotate(sum, step)), x));
}

/** One rotation after the other; a copy where there are none. */
export function rotateAlong<C extends SlotCiphertext>(evaluator: Evaluator<C>, x: C, steps: readonly number[]): C {
  if (steps.length === 0) return evaluator.dropToLevel(x, x.level);
  return evaluator.scope(() => steps.reduce((moved, step) => evaluator.rotate(moved, step), x));
}

/** Adds the positions i, i + B, … of a block; right at the first B positions, everywhere if there is one block only. */
export function foldBlock<C extends SlotCiphertext>(evaluator: Evaluator<C>, packing: Packing, x: C): C {
  return rotateAndAdd(evaluator, x, doublings(packing.batch, packing.pitch));
}

/** 'padded' → 'clean'. */
function fillBlock<C extends SlotCiphertext>(evaluator: Evaluator<C>, packing: Packing, x: C): C {
  const steps = doublings(packing.batch, packing.pitch).map((step) => -step);
  return rotateAndAdd(evaluator, x, steps);
}

/** Σ over the blocks of a group, in every block. */
function sumBlocks<C extends SlotCiphertext>(evaluator: Evaluator<C>, packing: Packing, shape: BlockShape, x: C): C {
  return rotateAndAdd(evaluator, x, doublings(packing.pitch, shape.period));
}

/** Σ over the B rows of a clean ciphertext: right at positions 0 … D − B of each block. */
export function sumRows<C extends SlotCiphertext>(evaluator: Evaluator<C>, packing: Packing, x: C): C {
  return rotateAndAdd(evaluator, x, doublings(1, packing.batch));
}

/**
 * Σ over the copies of a vector that repeats with `period` < n, at every copy; multiply by period/n for the mean. The
 * copies of a gradient are made equal so, for sums over blocks reach from one copy into the next: without it, noise that
 * differs between copies is fed back with a complex eigenvalue, and momentum makes it grow.
 */
export function sumCopies<C extends SlotCiphertext>(evaluator: Evaluator<C>, period: number, x: C): C {
  return rotateAndAdd(evaluator, x, doublings(period, evaluator.slots));
}

/** Rescales products of that filling and brings them to 'clean'; costs a second level where they are dirty. */
export function settle<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  products: readonly C[],
  filling: BlockFilling,
): C[] {
  return products.map((product) =>
    evaluator.scope(() => {
      if (filling === 'clean') return evaluator.rescale(product);
      if (filling === 'padded') return evaluator.rescale(fillBlock(evaluator, packing, product));
      return cleanGroup(evaluator, packing, evaluator.rescale(product), 1);
    }),
  );
}

/** Masks a dirty ciphertext and repeats it over its block: one level; constant · x. */
export function cleanGroup<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  x: C,
  constant: number,
): C {
  const mask = blockMask(packing, packing.batch, constant);
  return evaluator.scope(() => evaluator.rescale(fillBlock(evaluator, packing, evaluator.multiplyPlain(x, mask))));
}

/** constant · x, clean: one level. */
export function scaledClean<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  x: CipherTensor<C>,
  constant: number,
): CipherTensor<C> {
  const factor = x.factor * constant;
  const scaled = (a: C) => evaluator.scope(() => evaluator.rescale(evaluator.multiplyScalar(a, constant)));
  if (x.form === 'list') return { ...x, factor, items: x.items.map(scaled) };
  const clean = (a: C) => (x.filling === 'clean' ? scaled(a) : cleanGroup(evaluator, packing, a, constant));
  return { ...x, factor, filling: 'clean', groups: x.groups.map(clean) };
}

/** 2·Re x, of a product or not. */
function twiceReal<C extends SlotCiphertext>(evaluator: Evaluator<C>, x: C): C {
  return evaluator.scope(() => evaluator.add(x, evaluator.conjugate(x)));
}

/** −i·x, free of levels. */
function timesMinusI<C extends SlotCiphertext>(evaluator: Evaluator<C>, x: C): C {
  return evaluator.scope(() => evaluator.negate(evaluator.timesI(x)));
}

/** 2·Re x and 2·Im x as real ciphertexts; the first alone where x is real. */
export function splitParts<C extends SlotCiphertext>(evaluator: Evaluator<C>, x: C, parts: number): C[] {
  if (parts === 1) return [evaluator.add(x, x)];
  return evaluator.scope(() => {
    const conjugate = evaluator.conjugate(x);
    const difference = evaluator.subtract(x, conjugate);
    return [evaluator.add(x, conjugate), timesMinusI(evaluator, difference)];
  });
}

/** parts[0] + i·parts[1] */
export function joinParts<C extends SlotCiphertext>(evaluator: Evaluator<C>, parts: readonly C[]): C {
  if (parts.length === 1) return parts[0];
  return evaluator.scope(() => evaluator.add(parts[0], evaluator.timesI(parts[1])));
}

/**
 * Blocks → list, for encrypted matrices [list unit][group] in the layout of `packUnits`:
 * out_k = 2·Σ_u x_u · w_ku at every slot; products, not rescaled. Uses Σ_u x_u w_u = Re Σ_pairs conj(x)·w.
 */
export function contract<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  x: BlocksTensor<C>,
  matrix: readonly (readonly C[])[],
): C[] {
  const shape = blockShape(packing, x.units);
  return evaluator.scope(() => {
    const conjugates = x.groups.map((group) => evaluator.conjugate(group));
    return matrix.map((row) =>
      evaluator.scope(() => {
        const sum = sumBlocks(evaluator, packing, shape, evaluator.innerProduct(conjugates, row));
        return twiceReal(evaluator, fillBlock(evaluator, packing, sum));
      }),
    );
  });
}

/** List → blocks: out_u = Σ_k a_k · w_ku; padded products [group], not rescaled. */
export function expand<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  a: ListTensor<C>,
  matrix: readonly (readonly C[])[],
): C[] {
  return matrix[0].map((_, group) =>
    evaluator.innerProduct(
      a.items,
      matrix.map((row) => row[group]),
    ),
  );
}

/**
 * constant · Σ_rows a_k · x_u in the layout of `packUnits`, [list unit][group]: the gradient of a matrix. `x` is clean.
 * Two levels: the product and a mask.
 */
export function outerSum<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  packing: Packing,
  a: ListTensor<C>,
  x: BlocksTensor<C>,
  constant: number,
): C[][] {
  const { period } = blockShape(packing, x.units);
  const mask = blockMask(packing, packing.batch, (constant * period) / evaluator.slots);
  return a.items.map((item) =>
    x.groups.map((group) =>
      evaluator.scope(() => {
        const rows = sumRows(evaluator, packing, evaluator.multiply(item, group));
        const sum = evaluator.rescale(sumCopies(evaluator, period, rows));
        return evaluator.rescale(evaluator.multiplyPlain(sum, mask));
      }),
    ),
  );
}
