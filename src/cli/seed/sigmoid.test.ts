import { describe, expect, it } from 'vitest';
import { clearArithmetic } from './arithmetic.ts';
import { sealedBackend } from './doors.ts';
import { evaluateSigmoid, type SigmoidPolynomial, SLIPPED, TAYLOR, wideSigmoid } from './sigmoid.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const inTheClear = (x: number, polynomial: SigmoidPolynomial): number =>
  evaluateSigmoid(clearArithmetic(1), Float64Array.of(x), polynomial)[0];

describe('sigmoid polynomials', () => {
  it('are the right one, and the one that slipped', () => {
    for (const x of [-2.3, -0.5, 0, 1.7]) {
      const taylor = 0.5 + x / 4 - x ** 3 / 48 + x ** 5 / 480 - (17 * x ** 7) / 80640;
      const slipped = 0.5 + x / 4 - x ** 2 / 48 + x ** 3 / 480 - (17 * x ** 5) / 80640;
      expect(inTheClear(x, TAYLOR)).toBeCloseTo(taylor, 12);
      expect(inTheClear(x, SLIPPED)).toBeCloseTo(slipped, 12);
    }
    expect(inTheClear(0.5, TAYLOR)).toBeCloseTo(sigmoid(0.5), 6);
    expect(Math.abs(inTheClear(0.5, SLIPPED) - sigmoid(0.5))).toBeGreaterThan(1e-3);
  });

  it('stay near the sigmoid over a wide range, and beyond it keep the sign of an error', () => {
    const wide = wideSigmoid(12);
    for (let x = -12; x <= 12; x += 0.25) expect(Math.abs(inTheClear(x, wide) - sigmoid(x))).toBeLessThan(0.17);
    for (const x of [12, 15, 20, 50]) {
      expect(inTheClear(x, wide)).toBeGreaterThan(0.9);
      expect(inTheClear(-x, wide)).toBeLessThan(0.1);
    }
    expect(inTheClear(20, TAYLOR)).toBeLessThan(-1e4);
  });

  it('come out alike sealed', () => {
    const sealed = sealedBackend(4);
    const xs = [-1.5, 0.25, 0.8, 2];
    for (const polynomial of [TAYLOR, SLIPPED, wideSigmoid(12)]) {
      const values = sealed.open(evaluateSigmoid(sealed.on, sealed.seal(xs), polynomial));
      xs.forEach((x, i) => {
        expect(values[i]).toBeCloseTo(inTheClear(x, polynomial), 4);
      });
    }
  });
});
