/** Plain weights ↔ slot vectors, in the layouts of `packing.ts`. Vectors have one period; schemes repeat them. */

import { type BlockShape, blockShape, chunkCount, type Packing, unitPlace } from './packing.ts';

export interface SlotVector {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

export function zeroSlots(length: number): SlotVector {
  return { re: new Float64Array(length), im: new Float64Array(length) };
}

function partOf(slots: SlotVector, part: 0 | 1): Float64Array {
  return part === 0 ? slots.re : slots.im;
}

/**
 * The first kernel (columns × units, row-major; a bias is its last row) as slot vectors [group][chunk].
 * @param scale multiplies every weight
 */
export function packFirstKernel(
  packing: Packing,
  columns: number,
  units: number,
  kernel: Float64Array,
  scale: number,
): SlotVector[][] {
  const shape = blockShape(packing, units);
  const chunks = chunkCount(packing, columns);
  const packed = Array.from({ length: shape.groups }, () =>
    Array.from({ length: chunks }, () => zeroSlots(shape.period)),
  );
  visitFirstKernel(packing, columns, shape, (column, unit, group, chunk, part, slot) => {
    partOf(packed[group][chunk], part)[slot] = scale * kernel[column * units + unit];
  });
  return packed;
}

/** The inverse of `packFirstKernel`; vectors may hold more than one period. */
export function unpackFirstKernel(
  packing: Packing,
  columns: number,
  units: number,
  packed: readonly (readonly SlotVector[])[],
  scale: number,
): Float64Array {
  const kernel = new Float64Array(columns * units);
  visitFirstKernel(packing, columns, blockShape(packing, units), (column, unit, group, chunk, part, slot) => {
    kernel[column * units + unit] = partOf(packed[group][chunk], part)[slot] / scale;
  });
  return kernel;
}

type Visitor = (column: number, unit: number, group: number, chunk: number, part: 0 | 1, slot: number) => void;

function visitFirstKernel(packing: Packing, columns: number, shape: BlockShape, visit: Visitor): void {
  for (let unit = 0; unit < shape.units; unit++) {
    const { group, block, part } = unitPlace(shape, unit);
    for (let column = 0; column < columns; column++) {
      const chunk = Math.floor(column / packing.chunk);
      const slot = block * packing.pitch + packing.offset + column - chunk * packing.chunk;
      visit(column, unit, group, chunk, part, slot);
    }
  }
}

/** One number a unit as slot vectors [group]: at positions 0 … B − 1 of the unit's block, zero elsewhere. */
export function packUnits(packing: Packing, values: ArrayLike<number>, scale: number): SlotVector[] {
  const shape = blockShape(packing, values.length);
  const packed = Array.from({ length: shape.groups }, () => zeroSlots(shape.period));
  for (let unit = 0; unit < values.length; unit++) {
    const { group, block, part } = unitPlace(shape, unit);
    const start = block * packing.pitch;
    partOf(packed[group], part).fill(scale * values[unit], start, start + packing.batch);
  }
  return packed;
}

/** The inverse of `packUnits`: the mean over the B positions, which averages their noise. */
export function unpackUnits(
  packing: Packing,
  units: number,
  packed: readonly SlotVector[],
  scale: number,
): Float64Array {
  const shape = blockShape(packing, units);
  return Float64Array.from({ length: units }, (_, unit) => {
    const { group, block, part } = unitPlace(shape, unit);
    const start = block * packing.pitch;
    return mean(partOf(packed[group], part).subarray(start, start + packing.batch)) / scale;
  });
}

export function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** `value` at positions 0 … width − 1 of every block, zero elsewhere: one pitch long. */
export function blockMask(packing: Packing, width: number, value: number): Float64Array {
  return new Float64Array(packing.pitch).fill(value, 0, width);
}

/** `value` in the blocks that hold a unit in that part of the group, zero in the others: one slot long if all do. */
export function unitConstant(packing: Packing, shape: BlockShape, present: number, value: number): Float64Array {
  if (present === shape.blocks) return Float64Array.of(value);
  return new Float64Array(shape.period).fill(value, 0, present * packing.pitch);
}
