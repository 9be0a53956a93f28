import { describe, expect, it } from 'vitest';
import { precisionBits } from './precision.ts';

describe('precisionBits', () => {
  it('gives bits of the rms, largest and median error', () => {
    const wanted = [1, 2, 3, 4];
    const got = [1, 2 + 2 ** -10, 3 - 2 ** -10, 4 + 2 ** -8];
    const bits = precisionBits(got, wanted);
    expect(bits.worst).toBe(8);
    expect(bits.median).toBe(10);
    expect(bits.rms).toBeCloseTo(-Math.log2(Math.sqrt((2 * 2 ** -20 + 2 ** -16) / 4)), 12);
  });

  it('is infinite for equal vectors and refuses unequal lengths', () => {
    expect(precisionBits([1], [1]).worst).toBe(Number.POSITIVE_INFINITY);
    expect(() => precisionBits([1], [1, 2])).toThrow(/one length/);
  });
});
