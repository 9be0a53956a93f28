/**
 * What leaves the owner of a decrypted prediction (security rules 1 and 6): for each row a label, or at most 12 rounded
 * bits in all. Raw slots never leave: they carry the decryption noise, and with it the key. Rounding clamps instead of
 * refusing, so that nothing but the released bits depends on a value.
 */
import { checkInteger, checkLength, checkNumber } from '../base/checks.ts';
import { classes } from '../nn/metrics.ts';

export const MAX_RELEASED_BITS = 12;

/**
 * Rounded without a word about bits. Each bit is charged (`unlock-ledger.ts`), and the last of 12 are worth little: their
 * steps are not far above the noise, so that some rows in a hundred, of values spread over [0, 1], come out rounded
 * differently than in the clear (`hermetic break cpad` counts them); of 8 bits a sixteenth as many do.
 */
export const DEFAULT_RELEASED_BITS = 8;

/** Ends of a range, at most: ± this. */
export const MAX_RELEASED_RANGE = 1e6;

export interface LabelRelease {
  /** The class alone: index of the largest output, or 0/1 of a single one. */
  readonly kind: 'label';
}

export interface RoundedRelease {
  /** Every output rounded to the middle of one of 2^b equal steps of [low, high]; b · outputs ≤ 12. */
  readonly kind: 'rounded';
  /** Bits of a row, all its outputs together: 1 … 12. Default 8, and a bit for each output at least. */
  readonly bits?: number;
  /** Default [0, 1]. */
  readonly range?: readonly [low: number, high: number];
}

export type Release = LabelRelease | RoundedRelease;

export interface ReleasedRow {
  readonly label: number;
  /** Rounded outputs; absent where only the label was asked for. */
  readonly outputs?: readonly number[];
}

/**
 * One row. The label of a rounded release is that of the rounded outputs: it tells nothing more.
 * @param values raw outputs of the row
 */
export function releaseRow(values: Float64Array, release: Release): ReleasedRow {
  if (release.kind === 'label') return { label: labelOf(values) };
  const { each, low, high } = roundingOf(release, values.length);
  const steps = 2 ** each;
  const rounded = values.map((value) => low + ((high - low) * (stepOf(value, low, high, steps) + 0.5)) / steps);
  return { label: labelOf(rounded), outputs: [...rounded] };
}

/** How finely the outputs of a row are rounded. */
export interface Rounding {
  /** Bits of each output. */
  readonly each: number;
  readonly low: number;
  readonly high: number;
}

/** @throws RangeError for bits that do not go round, and for ranges shorter than 1 or beyond ±10^6 */
export function roundingOf({ bits, range = [0, 1] }: RoundedRelease, outputs: number): Rounding {
  const least = Math.min(MAX_RELEASED_BITS, Math.max(DEFAULT_RELEASED_BITS, outputs));
  const [low, high] = checkRange(range);
  return { each: bitsOfOutput(bits ?? least, outputs), low, high };
}

/** Bits of each output. RangeError unless they are at least one each, and at most 12 together. */
export function bitsOfOutput(bits: number, outputs: number): number {
  checkInteger('bits', bits, 1, MAX_RELEASED_BITS);
  const each = Math.floor(bits / outputs);
  if (each >= 1) return each;
  throw new RangeError(`bits: ${bits} do not go round among ${outputs} outputs; ask for the label`);
}

function labelOf(values: Float64Array): number {
  return classes(values, values.length)[0];
}

/** 0 … steps − 1; NaN counts as low. */
function stepOf(value: number, low: number, high: number, steps: number): number {
  const step = Math.floor(((value - low) / (high - low)) * steps);
  return step >= 0 ? Math.min(steps - 1, step) : 0;
}

function checkRange(range: readonly number[]): readonly [number, number] {
  checkLength('range', range, 2);
  const [low, high] = range.map((bound) => checkNumber('range', bound, -MAX_RELEASED_RANGE, MAX_RELEASED_RANGE));
  // Steps finer than the noise would release it.
  if (high - low >= 1) return [low, high];
  throw new RangeError(`range: expected an interval of length 1 or more, got ${low} … ${high}`);
}
