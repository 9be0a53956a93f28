import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import type { DiagonalMatrix } from '../schemes/ckks/slot-transform.ts';
import { coeffsToSlotsMatrices, slotsToCoeffsMatrices, splitLayers } from './dft.ts';

interface Vector {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

const random = new SeededRandom(18);
const uniform = (n: number): Float64Array => Float64Array.from({ length: n }, () => random.uniform(-1, 1));
const randomVector = (n: number): Vector => ({ re: uniform(n), im: uniform(n) });
const unit = (n: number, at: number): Vector => {
  const x = { re: new Float64Array(n), im: new Float64Array(n) };
  x.re[at] = 1;
  return x;
};

/** (M·x)_i = Σ_m diagonal_m[i]·x_(i + stride·m). */
function applyMatrix({ stride, diagonals }: DiagonalMatrix, x: Vector): Vector {
  const n = x.re.length;
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  for (const [m, { re, im }] of diagonals) {
    for (let i = 0; i < n; i++) {
      const from = (((i + stride * m) % n) + n) % n;
      const [a, b] = [re[i % re.length]!, im![i % re.length]!];
      out.re[i]! += a * x.re[from]! - b * x.im[from]!;
      out.im[i]! += a * x.im[from]! + b * x.re[from]!;
    }
  }
  return out;
}

const applyAll = (matrices: readonly DiagonalMatrix[], x: Vector): Vector =>
  matrices.reduce((y, matrix) => applyMatrix(matrix, y), x);

const bitReversed = (k: number, bits: number): number =>
  Number.parseInt([...k.toString(2).padStart(bits, '0')].reverse().join('') || '0', 2);

/** 5^j mod 4n for j < n. */
function powersOfFive(n: number): number[] {
  const powers = [1];
  while (powers.length < n) powers.push((5 * powers.at(-1)!) % (4 * n));
  return powers;
}

/**
 * The definition: y_j = Σ_k u_k·ζ^(5^j·k), ζ = e^(2πi/4n), of the polynomial whose complex coefficient u_k = m_k + i·m_(k+n)
 * stands at the bit-reversed place. `inverse`: the conjugate transpose, which is n times the inverse.
 */
function embedding(x: Vector, inverse: boolean): Vector {
  const n = x.re.length;
  const bits = Math.log2(n);
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  powersOfFive(n).forEach((power, j) => {
    for (let k = 0; k < n; k++) {
      const place = bitReversed(k, bits);
      const [to, from, sign] = inverse ? [place, j, -1] : [j, place, 1];
      const angle = (sign * 2 * Math.PI * ((power * k) % (4 * n))) / (4 * n);
      out.re[to]! += Math.cos(angle) * x.re[from]! - Math.sin(angle) * x.im[from]!;
      out.im[to]! += Math.cos(angle) * x.im[from]! + Math.sin(angle) * x.re[from]!;
    }
  });
  return out;
}

function distance(a: Vector, b: Vector): number {
  const differences = [a.re.map((x, i) => x - b.re[i]!), a.im.map((x, i) => x - b.im[i]!)];
  return Math.max(...differences.map((part) => part.reduce((worst, x) => Math.max(worst, Math.abs(x)), 0)));
}

/** One stage to all, even and uneven, the smallest layers first, in the middle and last. */
const SPLITS = [
  [1, [1]],
  [2, [1, 1]],
  [3, [3]],
  [5, [5]],
  [5, [2, 2, 1]],
  [5, [1, 3, 1]],
  [6, [2, 2, 2]],
  [6, [1, 2, 3]],
  [6, [1, 1, 1, 1, 1, 1]],
  [7, [3, 2, 2]],
  [8, [3, 3, 2]],
  [8, [4, 4]],
] as const;

describe('stages of the homomorphic transform', () => {
  for (const [logSlots, stages] of SPLITS) {
    const n = 2 ** logSlots;
    const name = `2^${logSlots} slots in stages of ${stages.join(', ')}`;

    it(`SlotsToCoeffs is the canonical embedding of bit-reversed coefficients: ${name}`, () => {
      const matrices = slotsToCoeffsMatrices(logSlots, stages);
      const inputs = [randomVector(n), ...(n <= 64 ? Array.from({ length: n }, (_, k) => unit(n, k)) : [])];
      for (const x of inputs) expect(distance(applyAll(matrices, x), embedding(x, false))).toBeLessThan(n * 1e-13);
    });

    it(`CoeffsToSlots is its conjugate transpose, and both together multiply by n: ${name}`, () => {
      const [forward, back] = [slotsToCoeffsMatrices(logSlots, stages), coeffsToSlotsMatrices(logSlots, stages)];
      const x = randomVector(n);
      const scaled = { re: x.re.map((v) => n * v), im: x.im.map((v) => n * v) };
      expect(distance(applyAll(back, x), embedding(x, true))).toBeLessThan(n * 1e-13);
      expect(distance(applyAll(back, applyAll(forward, x)), scaled)).toBeLessThan(n * n * 1e-14);
      expect(distance(applyAll(forward, applyAll(back, x)), scaled)).toBeLessThan(n * n * 1e-14);
    });
  }

  it('the embedding of real coefficients is that of polynomials: m(ζ^(5^j)), coefficient by coefficient', () => {
    const n = 32;
    const u = randomVector(n);
    const order = (part: Float64Array) => part.map((_, place) => part[bitReversed(place, 5)]!);
    const y = applyAll(slotsToCoeffsMatrices(5, [2, 2, 1]), { re: order(u.re), im: order(u.im) });
    powersOfFive(n).forEach((power, j) => {
      const m = [...u.re, ...u.im];
      const angle = (k: number): number => (2 * Math.PI * ((power * k) % (4 * n))) / (4 * n);
      expect(y.re[j]).toBeCloseTo(
        m.reduce((sum, c, k) => sum + c * Math.cos(angle(k)), 0),
        11,
      );
      expect(y.im[j]).toBeCloseTo(
        m.reduce((sum, c, k) => sum + c * Math.sin(angle(k)), 0),
        11,
      );
    });
  });
});

describe('diagonals of the stages', () => {
  /** Layers a+1 … a+k: stride 2^a, period 2^(a+k), offsets |m| < 2^k, or modulo 2^k where they span all slots. */
  function expectShape(matrix: DiagonalMatrix, logSlots: number, below: number, layers: number): void {
    const width = 2 ** layers;
    const spans = below + layers === logSlots;
    const offsets = Array.from({ length: spans ? width : 2 * width - 1 }, (_, i) => (spans ? i : i - width + 1));
    expect(matrix.stride).toBe(2 ** below);
    expect([...matrix.diagonals.keys()].sort((a, b) => a - b)).toEqual(offsets);
    for (const { re, im } of matrix.diagonals.values()) {
      expect([re.length, im?.length]).toEqual([2 ** (below + layers), 2 ** (below + layers)]);
    }
  }

  /** The numbers of diagonals, there and back. */
  function expectShapes(logSlots: number, stages: readonly number[]): [number[], number[]] {
    const [forward, back] = [slotsToCoeffsMatrices(logSlots, stages), coeffsToSlotsMatrices(logSlots, stages)];
    let below = 0;
    forward.forEach((matrix, i) => {
      expectShape(matrix, logSlots, below, stages[i]!);
      below += stages[i]!;
    });
    expect(below).toBe(logSlots);
    back.forEach((matrix, i) => {
      below -= stages[i]!;
      expectShape(matrix, logSlots, below, stages[i]!);
    });
    return [forward.map(({ diagonals }) => diagonals.size), back.map(({ diagonals }) => diagonals.size)];
  }

  it('have the strides, periods and offsets of their layers', () => {
    for (const [logSlots, stages] of SPLITS) expectShapes(logSlots, stages);
  });

  it('are 2^(k+1) − 1 in number for k layers, 2^k in the stage that spans all slots, the same both ways', () => {
    expect(expectShapes(12, [4, 4, 4])).toEqual([
      [31, 31, 16],
      [16, 31, 31],
    ]);
    expect(expectShapes(11, [5, 1, 5])).toEqual([
      [63, 3, 32],
      [32, 3, 63],
    ]);
  });

  it('butterflies have one path from slot to slot: 2^layers entries a row, each of modulus 1', () => {
    for (const [logSlots, stages] of SPLITS) {
      for (const matrices of [slotsToCoeffsMatrices(logSlots, stages), coeffsToSlotsMatrices(logSlots, stages)]) {
        matrices.forEach(({ diagonals }, i) => {
          const all = [...diagonals.values()];
          all[0]!.re.forEach((_, row) => {
            const moduli = all.map(({ re, im }) => Math.hypot(re[row]!, im![row]!)).filter((x) => x > 1e-9);
            expect(moduli.length).toBe(2 ** stages[i]!);
            expect(Math.max(...moduli.map((modulus) => Math.abs(modulus - 1)))).toBeLessThan(1e-12);
          });
        });
      }
    }
  });
});

describe('splitLayers', () => {
  it('gives every layer to one of the stages, as evenly as can be, the larger ones first', () => {
    for (let logSlots = 3; logSlots <= 16; logSlots++) {
      for (let stages = 1; stages <= 4 && stages <= logSlots; stages++) {
        const layers = splitLayers(logSlots, stages);
        expect(layers.length).toBe(stages);
        expect(layers.reduce((a, b) => a + b)).toBe(logSlots);
        expect(layers).toEqual(layers.toSorted((a, b) => b - a));
        expect(layers[0]! - layers.at(-1)!).toBeLessThanOrEqual(1);
      }
    }
    expect([splitLayers(15, 3), splitLayers(11, 3), splitLayers(5, 3)]).toEqual([
      [5, 5, 5],
      [4, 4, 3],
      [2, 2, 1],
    ]);
  });
});
