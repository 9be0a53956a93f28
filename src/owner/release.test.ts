import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitsOfOutput, releaseRow } from './release.ts';

const anyDouble = fc.double({ noDefaultInfinity: false, noNaN: false });

describe('a released row', () => {
  it('is a label, of one output or of many', () => {
    expect(releaseRow(Float64Array.of(0.73), { kind: 'label' })).toEqual({ label: 1 });
    expect(releaseRow(Float64Array.of(0.49), { kind: 'label' })).toEqual({ label: 0 });
    expect(releaseRow(Float64Array.of(0.1, -3, 0.4), { kind: 'label' })).toEqual({ label: 2 });
  });

  it('is rounded to the middle of a step', () => {
    const release = (value: number, bits: number) => releaseRow(Float64Array.of(value), { kind: 'rounded', bits });
    expect(release(0.3, 2)).toEqual({ label: 0, outputs: [0.375] });
    expect(release(0.9, 1)).toEqual({ label: 1, outputs: [0.75] });
    expect(release(0.4999, 1)).toEqual({ label: 0, outputs: [0.25] });
    expect(release(-7, 12).outputs).toEqual([2 ** -13]);
    expect(release(7, 12).outputs).toEqual([1 - 2 ** -13]);
  });

  it('never takes more than 2^12 different values, whatever was decrypted', () => {
    const values = new Set<string>();
    for (let i = -50_000; i < 50_000; i++) {
      values.add(
        String(releaseRow(Float64Array.of(i / 40_000 + Math.PI / 1e6), { kind: 'rounded', bits: 12 }).outputs),
      );
    }
    expect(values.size).toBe(2 ** 12);
  });

  it('has 8 bits where none are named, or one for each of more outputs', () => {
    const rounded = (outputs: number, bits?: number) =>
      releaseRow(
        Float64Array.from({ length: outputs }, (_, i) => i / outputs),
        {
          kind: 'rounded',
          ...(bits !== undefined && { bits }),
        },
      );
    for (const [outputs, bits] of [
      [1, 8],
      [3, 8],
      [8, 8],
      [10, 10],
      [12, 12],
    ]) {
      expect(rounded(outputs)).toEqual(rounded(outputs, bits));
    }
    expect(() => rounded(13)).toThrow(/label/);
  });

  it('divides the bits among the outputs', () => {
    expect(bitsOfOutput(12, 5)).toBe(2);
    expect(bitsOfOutput(12, 12)).toBe(1);
    expect(() => bitsOfOutput(12, 13)).toThrow(/label/);
    expect(() => bitsOfOutput(13, 1)).toThrow(RangeError);
    const { outputs } = releaseRow(Float64Array.of(0.1, 0.6, 0.9), { kind: 'rounded', bits: 6 });
    expect(outputs).toEqual([0.125, 0.625, 0.875]);
  });

  it('depends on the released bits alone: noise within a step changes nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4095 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (step, at) => {
        const finest = { kind: 'rounded', bits: 12 } as const;
        const exact = releaseRow(Float64Array.of((step + 0.5) / 4096), finest);
        expect(releaseRow(Float64Array.of((step + at) / 4096), finest)).toEqual(exact);
      }),
    );
  });

  it('comes out of anything, finite or not', () => {
    fc.assert(
      fc.property(fc.array(anyDouble, { minLength: 1, maxLength: 4 }), (values) => {
        const { label, outputs } = releaseRow(Float64Array.from(values), { kind: 'rounded', range: [-1, 1] });
        expect(outputs).toHaveLength(values.length);
        for (const output of outputs ?? []) expect(Math.abs(output)).toBeLessThan(1);
        expect(label).toBeLessThan(Math.max(2, values.length));
      }),
    );
  });

  it('refuses steps that are finer than the noise', () => {
    const ranges: [number, number][] = [
      [0, 0.5],
      [1, 0],
      [0, Number.NaN],
    ];
    for (const range of ranges) {
      expect(() => releaseRow(Float64Array.of(0), { kind: 'rounded', range })).toThrow(RangeError);
    }
  });
});
