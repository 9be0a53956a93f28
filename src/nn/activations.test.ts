import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import {
  activation,
  degree,
  derivative,
  evaluatePolynomial,
  fitActivation,
  parseActivation,
  polynomial,
  shiftedSquare,
} from './activations.ts';
import type { ActivationName } from './architecture.ts';

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

/** ∫ (p − f)² over [low, high] by the midpoint rule. */
function squaredError(coefficients: readonly number[], f: (z: number) => number, low: number, high: number): number {
  const points = 4000;
  let sum = 0;
  for (let i = 0; i < points; i++) {
    const z = low + ((high - low) * (i + 0.5)) / points;
    sum += (evaluatePolynomial(coefficients, z) - f(z)) ** 2;
  }
  return (sum * (high - low)) / points;
}

describe('fitActivation', () => {
  // The published coefficients are least squares on a grid of points; ours integrate. They differ in the fourth digit.
  const published: [ActivationName, (z: number) => number, number, number][] = [
    ['sigmoid3', sigmoid, 8, 3],
    ['sigmoid5', sigmoid, 8, 5],
    ['sigmoid7', sigmoid, 8, 7],
    ['tanh3', Math.tanh, 4, 3],
  ];
  it.each(published)('finds %s', (name, f, width, degree) => {
    const expected = activation(name).coefficients;
    const fitted = fitActivation(f, [-width, width], degree).coefficients;
    expect(fitted).toHaveLength(expected.length);
    fitted.forEach((c, k) => {
      expect(Math.abs(c - expected[k])).toBeLessThanOrEqual(2e-3 * Math.abs(expected[k]) + 1e-12);
    });
  });

  it('finds the coefficients of Kim et al. 2018 (table 1: least squares of the sigmoid on [−8, 8])', () => {
    const inEighths = fitActivation(sigmoid, [-8, 8], 3).coefficients.map((c, k) => c * 8 ** k);
    expect(inEighths[1]).toBeCloseTo(1.20096, 4);
    expect(inEighths[3]).toBeCloseTo(-0.81562, 4);
  });

  it('gives back a polynomial of its own degree, on any interval', () => {
    const coefficient = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.array(coefficient, { minLength: 2, maxLength: 5 }), fc.integer({ min: -3, max: 3 }), (c, low) => {
        fc.pre(Math.abs(c.at(-1)!) > 0.1);
        const fitted = fitActivation((z) => evaluatePolynomial(c, z), [low, low + 2], c.length - 1);
        c.forEach((value, k) => {
          expect(fitted.coefficients[k] ?? 0).toBeCloseTo(value, 8);
        });
      }),
    );
  });

  it('cannot be improved by moving a coefficient', () => {
    const { coefficients } = fitActivation(Math.exp, [-1, 2], 3);
    const least = squaredError(coefficients, Math.exp, -1, 2);
    for (let k = 0; k <= 3; k++) {
      for (const change of [-1e-3, 1e-3]) {
        const moved = coefficients.map((c, i) => (i === k ? c + change : c));
        expect(squaredError(moved, Math.exp, -1, 2)).toBeGreaterThan(least);
      }
    }
  });

  it('refuses empty intervals, degree zero and functions with poles', () => {
    expect(() => fitActivation(sigmoid, [1, 1], 3)).toThrow(RangeError);
    expect(() => fitActivation(sigmoid, [-1, 1], 0)).toThrow(RangeError);
    expect(() => fitActivation((z) => Math.log(z), [-1, 1], 3)).toThrow(RangeError);
  });
});

describe('named activations', () => {
  it('reads names and arguments', () => {
    expect(parseActivation('lin4').coefficients).toEqual([0.5, 0.25]);
    expect(parseActivation(' square ').coefficients).toEqual([0, 0, 1]);
    expect(parseActivation('shiftedSquare(1.25)')).toEqual(shiftedSquare(1.25));
    expect(parseActivation('shiftedSquare')).toEqual(shiftedSquare(0.7));
    expect(parseActivation('polynomial(1,0,-2)').coefficients).toEqual([1, 0, -2]);
  });

  it('reads back the names it gives', () => {
    for (const phi of [shiftedSquare(-0.3), polynomial([0.1, 2, 3]), activation('sigmoidTaylor')]) {
      expect(parseActivation(phi.name)).toEqual(phi);
    }
  });

  it('says which names there are', () => {
    for (const text of [
      'relu',
      '',
      'square(',
      'square(2)',
      'shiftedSquare()',
      'shiftedSquare(x)',
      'polynomial(1)',
      'toString',
    ]) {
      expect(() => parseActivation(text)).toThrow(HermeticError);
    }
    expect(() => parseActivation('relu')).toThrow(/lin4/);
  });

  it('gives the shifted square zero mean and unit variance on normal input', () => {
    const random = new SeededRandom(5);
    for (const shift of [0, 0.7, 1.25]) {
      const { coefficients } = shiftedSquare(shift);
      const values = Array.from({ length: 40_000 }, () => evaluatePolynomial(coefficients, random.normal()));
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
      expect(mean).toBeCloseTo(0, 1);
      expect(Math.abs(variance - 1)).toBeLessThan(0.06);
    }
  });

  it('turns sigmoid3 at |z| = 5.6, beyond which it must not be used', () => {
    const slope = derivative(activation('sigmoid3').coefficients);
    expect(evaluatePolynomial(slope, 5.55)).toBeGreaterThan(0);
    expect(evaluatePolynomial(slope, 5.65)).toBeLessThan(0);
  });
});

describe('polynomials', () => {
  it('evaluates and differentiates', () => {
    expect(evaluatePolynomial([1, 2, 3], 2)).toBe(17);
    expect(derivative([1, 2, 3])).toEqual([2, 6]);
    expect(derivative([4])).toEqual([0]);
    expect(degree(polynomial([1, 2, 0, 0]))).toBe(1);
    expect(() => polynomial([3, 0])).toThrow(RangeError);
  });
});
