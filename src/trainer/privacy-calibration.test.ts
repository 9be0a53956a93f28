import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  erfc,
  gaussianDelta,
  gaussianDeviation,
  keepProbability,
  labelSignal,
  MAX_EPSILON,
  splitEpsilon,
} from './privacy-calibration.ts';

describe('erfc', () => {
  // mpmath 1.3.0, 50 digits: erfc(x).
  it.each([
    [-3, 1.9999779095030015],
    [-0.5, 1.5204998778130465],
    [0, 1],
    [0.3, 0.6713732405408726],
    [1, 0.15729920705028513],
    [1.9, 0.0072095707647425325],
    [2.1, 0.002979466656332984],
    [3, 2.209049699858544e-5],
    [5, 1.537459794428035e-12],
    [10, 2.088487583762545e-45],
    [20, 5.395865611607901e-176],
    [26, 5.663192408856143e-296],
  ])('of %d is right to 13 decimals', (x, expected) => {
    expect(Math.abs(erfc(x) / expected - 1)).toBeLessThan(1e-13);
  });

  it('goes over from one form to the other without a step', () => {
    const [before, after] = [erfc(2 - 1e-9), erfc(2)];
    expect(before - after).toBeCloseTo((2 / Math.sqrt(Math.PI)) * Math.exp(-4) * 1e-9, 15);
  });
});

describe('the analytic Gaussian mechanism', () => {
  // mpmath, 50 digits: theorem 8 of arXiv 1805.06530 solved for σ/Δ by bisection.
  it.each([
    [0.01, 1e-5, 243.785437675678],
    [0.1, 1e-5, 30.74956613197745],
    [0.5, 1e-5, 7.031826675582491],
    [1, 1e-5, 3.730631634815942],
    [2, 1e-5, 1.993812445643537],
    [4, 1e-5, 1.081161849520239],
    [8, 1e-5, 0.6002290721989516],
    [20, 1e-5, 0.2900414180327958],
    [60, 1e-5, 0.1323168413058896],
    [1, 1e-3, 2.574657018637206],
    [0.5, 0.05, 2.033210529801637],
    [1, 1e-9, 5.495266157238296],
  ])('takes σ/Δ for ε %d and δ %d that the closed form asks for', (epsilon, delta, ratio) => {
    expect(gaussianDeviation(epsilon, delta, 1) / ratio).toBeCloseTo(1, 8);
    expect(gaussianDeviation(epsilon, delta, 7) / ratio).toBeCloseTo(7, 7);
  });

  it('keeps δ, and wastes nothing', () => {
    const within = { noNaN: true, noDefaultInfinity: true };
    const epsilons = fc.double({ min: 0.01, max: 60, ...within });
    const deltas = fc.double({ min: 1e-9, max: 0.4, ...within });
    fc.assert(
      fc.property(epsilons, deltas, (epsilon, delta) => {
        const ratio = gaussianDeviation(epsilon, delta, 1);
        expect(gaussianDelta(ratio, epsilon)).toBeLessThanOrEqual(delta);
        expect(gaussianDelta(ratio * (1 - 1e-4), epsilon)).toBeGreaterThan(delta);
      }),
    );
  });

  it('takes less noise than the textbook where that one holds', () => {
    for (const epsilon of [0.1, 0.5, 1]) {
      const textbook = Math.sqrt(2 * Math.log(1.25 / 1e-5)) / epsilon;
      expect(gaussianDeviation(epsilon, 1e-5, 1)).toBeLessThan(textbook);
    }
  });

  it('refuses what is no privacy', () => {
    for (const epsilon of [0, -1, Number.NaN, MAX_EPSILON + 1]) {
      expect(() => gaussianDeviation(epsilon, 1e-5, 1)).toThrow(RangeError);
    }
    for (const delta of [0, 1, Number.NaN]) expect(() => gaussianDeviation(1, delta, 1)).toThrow(RangeError);
  });
});

describe('randomised response', () => {
  it('answers the truth e^ε times as often as any other class, and never surely', () => {
    for (const epsilon of [0, 0.1, 1, 3, 8]) {
      for (const classes of [2, 3, 10]) {
        const keep = keepProbability(epsilon, classes);
        const other = (1 - keep) / (classes - 1);
        expect(keep / other / Math.exp(epsilon)).toBeCloseTo(1, 9);
        expect(labelSignal(epsilon, classes)).toBeCloseTo(keep - other, 12);
        expect(keep).toBeLessThan(1);
      }
    }
  });
});

describe('the division of ε', () => {
  it('adds up, and leaves the largest signal: no other division is better', () => {
    for (const epsilon of [0.01, 0.5, 1, 4, 16, 90]) {
      for (const classes of [2, 10]) {
        const { features, labels } = splitEpsilon(epsilon, classes);
        expect(features + labels).toBeCloseTo(epsilon, 12);
        const signal = (y: number) => (epsilon - y) * labelSignal(y, classes);
        for (let part = 1; part < 100; part++) {
          expect(signal((epsilon * part) / 100)).toBeLessThanOrEqual(signal(labels) * (1 + 1e-12));
        }
      }
    }
  });

  it('is ε_x = sinh ε_y of two classes', () => {
    for (const epsilon of [0.1, 1, 8]) {
      const { features, labels } = splitEpsilon(epsilon, 2);
      expect(Math.sinh(labels) / features).toBeCloseTo(1, 9);
    }
  });
});
