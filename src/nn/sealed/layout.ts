/**
 * How a network's weights lie in ciphertexts: what the owner decides when it seals a model, and every trainer must
 * agree with. The first layer stands in the layout features × units, the later ones alternate between lists and blocks
 * (see `tensor/packing.ts`): layer 0 → blocks, layer 1 → list, layer 2 → blocks, …
 */

import { HermeticError } from '../../base/errors.ts';
import {
  blockShape,
  choosePacking,
  chunkCount,
  nextPowerOfTwo,
  type Packing,
  parsePacking,
} from '../../tensor/packing.ts';
import type { Architecture, DenseLayer } from '../architecture.ts';

/** Stored in the model file beside the architecture. */
export interface SealedLayout {
  readonly version: 1;
  readonly packing: Packing;
  /** Slots of a kernel hold scale · weight, one power of two a layer, for noise is absolute. */
  readonly weightScales: readonly number[];
  /** The same of the biases; a first layer's bias is one more row of its kernel and has the kernel's. */
  readonly biasScales: readonly number[];
}

export interface LayoutOptions {
  /** n */
  readonly slots: number;
  /** Largest batch, a power of two. Smaller ones cost a level once. */
  readonly batch: number;
  /** Mean ‖x‖² of the feature rows, if known; the first weights are of the order of 1/√that. Default: the columns. */
  readonly meanSquareNorm?: number;
  /** Multiplies the scales below, a power of two: larger slots where the noise of a slot is larger. Default 1. */
  readonly boost?: number;
  /** Instead of the scales below. */
  readonly weightScales?: readonly number[];
  /** See `Packing`. Default false. */
  readonly real?: boolean;
}

const BIAS_SCALE = 8;

/** Of a network that comes from outside: as many as a file may hold. Every list of them is at most so long. */
export const MOST_CIPHERTEXTS: number = 2 ** 16;

/**
 * Chooses packing and scales: 4·√(mean ‖x‖²) for the first kernel, √inputs for the later ones, to the nearest power of
 * two, which puts weights of the usual initial distributions at slots between 1/4 and 16.
 * HermeticError PLAN_REFUSED for a batch that does not fit.
 */
export function planLayout(architecture: Architecture, options: LayoutOptions): SealedLayout {
  const { layers } = architecture;
  const first = layers[0];
  const { slots, batch, boost = 1, real = false } = options;
  const packing = choosePacking({ slots, batch, columns: featureColumns(first), units: first.units, real });
  const norm = options.meanSquareNorm ?? first.inputs;
  const weightScales =
    options.weightScales ??
    layers.map((layer, i) => boost * nearestPowerOfTwo(i === 0 ? 4 * Math.sqrt(norm) : Math.sqrt(layer.inputs)));
  if (weightScales.length !== layers.length) {
    throw new RangeError(`weightScales: expected ${layers.length} entries, got ${weightScales.length}`);
  }
  return {
    version: 1,
    packing,
    weightScales,
    biasScales: layers.map((_, i) => (i === 0 ? weightScales[0] : boost * BIAS_SCALE)),
  };
}

/**
 * Reads the layout of a model file. HermeticError BAD_FILE for anything that does not fit the architecture, and for
 * networks of more ciphertexts than any file holds.
 */
export function parseSealedLayout(value: unknown, architecture: Architecture): SealedLayout {
  const record = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const packing = parsePacking(record.packing);
  const { layers } = architecture;
  const columns = featureColumns(layers[0]);
  const scales = (name: string): readonly number[] => {
    const list: unknown = record[name];
    const good =
      Array.isArray(list) &&
      list.length === layers.length &&
      list.every((scale) => typeof scale === 'number' && scale > 2 ** -40 && scale < 2 ** 40);
    if (!good) throw badLayout(`${name}: ${layers.length} positive numbers`);
    return list.map(Number);
  };
  if (record.version !== 1) throw badLayout('version 1');
  if (packing.chunk > nextPowerOfTwo(columns)) throw badLayout(`chunks of at most ${columns} features`);
  const layout = {
    version: 1,
    packing,
    weightScales: scales('weightScales'),
    biasScales: scales('biasScales'),
  } as const;
  if (ciphertextCount(architecture, layout) > MOST_CIPHERTEXTS) {
    throw badLayout(`a network of at most ${MOST_CIPHERTEXTS} ciphertexts`);
  }
  return layout;
}

/** What a file holds in truth. */
export interface Holding {
  /** n of its parameters. */
  readonly slots: number;
  readonly ciphertexts: number;
}

/**
 * As `parseSealedLayout`, for a file that holds so many ciphertexts of so many slots: then the network has at most two
 * weights a slot, and whatever is made in its shape is no larger than what was read.
 */
export function layoutOfFile(value: unknown, architecture: Architecture, holding: Holding): SealedLayout {
  const layout = parseSealedLayout(value, architecture);
  const { slots, ciphertexts } = holding;
  const needed = ciphertextCount(architecture, layout);
  if (layout.packing.slots === slots && needed === ciphertexts) return layout;
  throw new HermeticError('BAD_FILE', 'the ciphertexts of this model are not those of its architecture', {
    expected: `${needed} of ${layout.packing.slots} slots`,
    got: `${ciphertexts} of ${slots}`,
    mend: 'The file was put together wrongly: take the one that its maker wrote.',
  });
}

/** How many ciphertexts a layer has: kernel[rows][columns] and biases, see `LayerCiphertexts`. */
export interface LayerShape {
  readonly rows: number;
  readonly columns: number;
  readonly biases: number;
}

export function layerShape(layer: DenseLayer, index: number, { packing }: Pick<SealedLayout, 'packing'>): LayerShape {
  const { units, inputs } = layer;
  const blocks = layerForm(index) === 'blocks';
  const { groups } = blockShape(packing, blocks ? units : inputs);
  if (index === 0) return { rows: groups, columns: chunkCount(packing, featureColumns(layer)), biases: 0 };
  const biases = blocks ? groups : units;
  return { rows: blocks ? inputs : units, columns: groups, biases: layer.useBias ? biases : 0 };
}

/** Ciphertexts of all layers: Σ rows · columns + biases. Nothing of that size is made. */
export function ciphertextCount({ layers }: Architecture, layout: Pick<SealedLayout, 'packing'>): number {
  const shapes = layers.map((layer, index) => layerShape(layer, index, layout));
  return shapes.reduce((sum, { rows, columns, biases }) => sum + rows * columns + biases, 0);
}

function badLayout(expected: string): HermeticError {
  return new HermeticError('BAD_FILE', 'the layout of the weights does not fit the network', {
    expected,
    mend: 'Seal the model again.',
  });
}

/** The layout with weights of the later layers at the first `batch` positions only. */
export function layoutForBatch(layout: SealedLayout, batch: number): SealedLayout {
  const { packing } = layout;
  if (batch === packing.batch) return layout;
  if (!Number.isInteger(Math.log2(batch)) || batch < 1 || batch > packing.offset) {
    const nearest = batch >= 1 ? Math.min(packing.offset, 2 ** Math.round(Math.log2(batch))) : packing.offset;
    throw new HermeticError('PLAN_REFUSED', 'the sealed model cannot take this batch', {
      expected: `a power of two up to ${packing.offset}`,
      got: `${batch}`,
      mend: `Use ${nearest}, or seal the model for a larger batch.`,
    });
  }
  return { ...layout, packing: { ...packing, batch } };
}

/** Rows of the first kernel as packed: the inputs, and the bias. */
export function featureColumns(layer: DenseLayer): number {
  return layer.inputs + (layer.useBias ? 1 : 0);
}

/** The form of a layer's output. */
export function layerForm(index: number): 'blocks' | 'list' {
  return index % 2 === 0 ? 'blocks' : 'list';
}

export function nearestPowerOfTwo(value: number): number {
  return 2 ** Math.round(Math.log2(value));
}
