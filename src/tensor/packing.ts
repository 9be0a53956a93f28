/**
 * Where the numbers of a network stand in slots. Three layouts:
 *
 * - features × units (first kernel): n slots are cut into blocks of `pitch` D. A block holds one chunk of the weights of
 *   a pair of units, at positions offset … offset + chunk − 1: one unit in the real part, one in the imaginary part.
 *   `blocks` blocks make a group; a group repeats over the slots. In a real packing a block holds one unit, and no part of
 *   anything is imaginary.
 * - "blocks" tensor (values of B rows × units): the value of row b and a unit stands at position b of the unit's block.
 *   'padded': zero elsewhere in the block; 'clean': repeated with period B over the block; 'dirty': junk elsewhere.
 * - "list" tensor (B rows × units): one real ciphertext a unit, the value of row b at every slot i ≡ b mod B.
 *
 * A product X·W of B plaintext rows with encrypted weights is Σ_{r<B} diagonal_r ⊙ rotate(w, r) with
 * diagonal_r[i] = X[i mod B][feature standing at position i + r], zero where there is none: every (row, feature) meets
 * exactly once, and as offset ≥ B no rotation leaves its block. Folding the block by B, 2B, … D/2 leaves the row's sum at
 * position b. The transpose brings a clean tensor back to the layout of the weights, zero outside it.
 */

import { HermeticError } from '../base/errors.ts';

/** The layout of a model's first kernel; the other layers follow from it. Part of the model file. */
export interface Packing {
  readonly version: 1;
  /** n */
  readonly slots: number;
  /** D, a power of two. */
  readonly pitch: number;
  /** First position of the weights in a block: the largest batch. A power of two, 2·offset ≤ pitch. */
  readonly offset: number;
  /** Features of a chunk, offset + chunk ≤ pitch. */
  readonly chunk: number;
  /** B, ≤ offset: weights of later layers stand at positions 0 … B − 1 of a block. */
  readonly batch: number;
  /** A block holds one unit, in the real part: for schemes on which an imaginary part is one more ciphertext. */
  readonly real?: true | undefined;
}

/** How the units of a layer lie in blocks. */
export interface BlockShape {
  readonly units: number;
  /** Units of a block: its real part, or both. */
  readonly parts: 1 | 2;
  /** Blocks of a group, a power of two; a group holds `parts` times as many units. */
  readonly blocks: number;
  readonly groups: number;
  /** Slots after which a group repeats: blocks · D. */
  readonly period: number;
}

export interface UnitPlace {
  readonly group: number;
  readonly block: number;
  /** 0: real, 1: imaginary. */
  readonly part: 0 | 1;
}

export function nextPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}

export function blockShape(packing: Pick<Packing, 'slots' | 'pitch' | 'real'>, units: number): BlockShape {
  const parts = packing.real ? 1 : 2;
  const filled = Math.ceil(units / parts);
  const blocks = Math.min(packing.slots / packing.pitch, nextPowerOfTwo(filled));
  return { units, parts, blocks, groups: Math.ceil(filled / blocks), period: blocks * packing.pitch };
}

export function unitPlace({ blocks, parts }: BlockShape, unit: number): UnitPlace {
  const within = unit % (parts * blocks);
  const part = within < blocks ? 0 : 1;
  return { group: Math.floor(unit / (parts * blocks)), block: within - part * blocks, part };
}

/** Units in the real (0) or imaginary (1) part of a group. */
export function unitsOfPart({ units, parts, blocks }: BlockShape, group: number, part: 0 | 1): number {
  if (part >= parts) return 0;
  return Math.max(0, Math.min(blocks, units - (group * parts + part) * blocks));
}

export function chunkCount(packing: Pick<Packing, 'chunk'>, columns: number): number {
  return Math.ceil(columns / packing.chunk);
}

export interface PackingQuestion {
  readonly slots: number;
  /** Features, and one more for the first layer's bias if there is one. */
  readonly columns: number;
  /** Units of the first layer. */
  readonly units: number;
  /** Rows of a step: a power of two. */
  readonly batch: number;
  /** See `Packing`. */
  readonly real?: boolean;
}

/** Cost of a step's first layer, in products of a ciphertext with a plaintext. */
const ENCODING_COST = 8; // of a diagonal of n slots
const ROTATION_COST = 60;
const CIPHERTEXT_COST = 200; // update and refresh of one weight ciphertext

/**
 * The cheapest packing: of all pitches from 2B to n the one with the least Σ products, encodings, rotations (baby steps
 * of each weight ciphertext, giant steps of each group) and refreshes. Chunks are evened out.
 * HermeticError PLAN_REFUSED for a batch that does not fit.
 */
export function choosePacking(question: PackingQuestion): Packing {
  const { slots, columns, units, batch, real } = question;
  checkBatch(batch, slots);
  const candidates: { readonly packing: Packing; readonly cost: number }[] = [];
  for (let pitch = 2 * batch; pitch <= slots; pitch *= 2) {
    const chunks = Math.ceil(columns / (pitch - batch));
    const chunk = Math.ceil(columns / chunks);
    const packing: Packing = { version: 1, slots, pitch, offset: batch, chunk, batch, ...(real && { real }) };
    candidates.push({ packing, cost: firstLayerCost(packing, chunks, blockShape(packing, units).groups) });
  }
  return candidates.reduce((best, next) => (next.cost < best.cost ? next : best)).packing;
}

function firstLayerCost({ batch, pitch, slots }: Packing, chunks: number, groups: number): number {
  const products = batch * chunks * groups;
  const babies = Math.min(16, 2 ** Math.round(Math.log2(Math.sqrt(batch / chunks))));
  const rotations = groups * (chunks * babies + batch / babies) + groups * Math.log2(pitch / batch);
  return (
    2 * products +
    ENCODING_COST * batch * chunks * (pitch / slots) +
    2 * ROTATION_COST * rotations +
    CIPHERTEXT_COST * chunks * groups
  );
}

function checkBatch(batch: number, slots: number): void {
  if (!Number.isInteger(batch) || batch < 1 || !Number.isInteger(Math.log2(batch))) {
    const below = batch >= 1 ? 2 ** Math.floor(Math.log2(batch)) : 1;
    throw new HermeticError('PLAN_REFUSED', 'the batch does not fill slots', {
      expected: 'a power of two',
      got: `${batch}`,
      mend: batch > 1 ? `Use ${below} or ${2 * below}.` : 'Use 32 or more.',
    });
  }
  if (2 * batch > slots) {
    throw new HermeticError('PLAN_REFUSED', 'the batch is too large for the slots', {
      expected: `at most ${slots / 2}`,
      got: `${batch}`,
      mend: `Use a batch of ${slots / 2} or less, or a larger parameter set.`,
    });
  }
}

/** Reads the packing of a model file. HermeticError BAD_FILE for anything that is not one. */
export function parsePacking(value: unknown): Packing {
  const record = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const [slots, pitch, offset, chunk, batch] = ['slots', 'pitch', 'offset', 'chunk', 'batch'].map((name) => {
    const entry = record[name];
    return typeof entry === 'number' && Number.isInteger(entry) && entry >= 1 && entry <= 2 ** 20 ? entry : Number.NaN;
  });
  const powers = [slots, pitch, offset, batch].every((entry) => Number.isInteger(Math.log2(entry)));
  const fits = batch <= offset && 2 * offset <= pitch && offset + chunk <= pitch && pitch <= slots;
  const { real } = record;
  if (record.version !== 1 || !powers || !fits || (real !== undefined && real !== true)) {
    throw new HermeticError('BAD_FILE', 'the model states no usable packing', {
      expected: 'version 1: slots, pitch, offset, chunk, batch that fit one another, and real, if there, true',
      mend: 'Seal the model again.',
    });
  }
  return { version: 1, slots, pitch, offset, chunk, batch, ...(real && { real }) };
}
