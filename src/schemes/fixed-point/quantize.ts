/** Real numbers as integers over a power of two: what fixed point makes of constants and plaintext vectors. */

import { bitLength } from '../../base/integers.ts';

const SMALLEST = 2 ** -900;

export interface Quantized {
  /** value ≈ integer / 2^shift */
  readonly integers: readonly bigint[];
  /** May be negative: then the integers stand for larger numbers. */
  readonly shift: number;
  /** Largest magnitude of the integers. */
  readonly largest: number;
}

/**
 * The largest magnitude gets `bits` bits, or fewer where that loses nothing: masks of zeros and ones become themselves,
 * and a power of two becomes 1. All zeros: shift 0.
 */
export function quantize(values: ArrayLike<number>, bits: number): Quantized {
  const list = Array.from(values);
  const most = list.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  if (!Number.isFinite(most)) throw new RangeError('values: expected finite numbers');
  // What is smaller is nothing: a double cannot hold its scale.
  if (most < SMALLEST) return { integers: list.map(() => 0n), shift: 0, largest: 0 };
  const shift = bits - 1 - Math.floor(Math.log2(most));
  const rounded = list.map((x) => Math.round(x * 2 ** shift));
  const spare = Math.min(...rounded.filter((x) => x !== 0).map(trailingZeros));
  const divisor = 2 ** spare;
  return {
    integers: rounded.map((x) => BigInt(x / divisor)),
    shift: shift - spare,
    largest: Math.max(...rounded.map(Math.abs)) / divisor,
  };
}

function trailingZeros(x: number): number {
  let zeros = 0;
  for (let rest = Math.abs(x); rest % 2 === 0; rest /= 2) zeros++;
  return zeros;
}

/** round(value · 2^logScale), exact for every double. */
export function toFixed(values: ArrayLike<number>, logScale: number): bigint[] {
  return Array.from(values, (value) => {
    if (!Number.isFinite(value)) throw new RangeError('values: expected finite numbers');
    return BigInt(Math.round(value * 2 ** logScale));
  });
}

/** integer / 2^logScale, to the precision of a double. */
export function fromFixed(integer: bigint, logScale: number): number {
  const excess = Math.max(0, bitLength(integer) - 64);
  return Number(integer >> BigInt(excess)) * 2 ** (excess - logScale);
}
