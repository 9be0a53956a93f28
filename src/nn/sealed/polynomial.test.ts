import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClearEvaluator } from '../../schemes/clear/clear-evaluator.ts';
import { derivative, evaluatePolynomial } from '../activations.ts';
import { evaluatePolynomialOn, polynomialShape } from './polynomial.ts';

const coefficient = fc.double({ min: -2, max: 2, noNaN: true }).map((c) => (Math.abs(c) < 0.05 ? 0 : c));
const polynomials = fc.array(coefficient, { minLength: 2, maxLength: 10 }).filter((c) => Math.abs(c.at(-1)!) > 0.05);

describe('evaluatePolynomialOn', () => {
  it('gives φ and φ′ at the promised depth and factors', () => {
    fc.assert(
      fc.property(polynomials, fc.constantFrom(0.25, 1, 2), (coefficients, factor) => {
        const evaluator = new ClearEvaluator({ slots: 8, levels: 6 });
        const points = Float64Array.from({ length: 8 }, (_, i) => (i - 3.5) / 3);
        const z = evaluator.encrypt({ re: points.map((v) => factor * v) }, 6);
        const add = (x: typeof z, constant: number) => evaluator.addPlain(x, Float64Array.of(constant));
        const { value, slope } = evaluatePolynomialOn(evaluator, z, factor, coefficients, add, true);
        const shape = polynomialShape(coefficients);
        expect(6 - value.level).toBe(shape.depth);
        expect(value.scale / evaluator.canonicalScale(value.level)).toBeCloseTo(1, 9);
        const got = evaluator.decrypt(value).re.map((v) => v / shape.outputFactor(factor));
        const scale = Math.max(...points.map((p) => Math.abs(evaluatePolynomial(coefficients, p)))) + 1;
        points.forEach((p, i) => {
          expect(Math.abs(got[i] - evaluatePolynomial(coefficients, p)) / scale).toBeLessThan(1e-8);
        });
        if (shape.degree === 1) {
          expect(slope).toBeUndefined();
          expect(shape.slopeFactor(factor)).toBeCloseTo(1 / coefficients[1], 12);
          return;
        }
        const slopes = evaluator.decrypt(slope!).re.map((v) => v / shape.slopeFactor(factor));
        points.forEach((p, i) => {
          expect(Math.abs(slopes[i] - evaluatePolynomial(derivative(coefficients), p))).toBeLessThan(1e-7);
        });
      }),
    );
  });

  it('spends no plaintext product up to degree 3', () => {
    const operations: string[] = [];
    const evaluator = new ClearEvaluator({
      slots: 8,
      levels: 6,
      onOperation: (operation) => operations.push(operation),
    });
    const z = evaluator.encrypt({ re: new Float64Array(8) }, 6);
    const add = (x: typeof z, constant: number) => evaluator.addPlain(x, Float64Array.of(constant));
    for (const c of [
      [1, 2],
      [1, 2, 3],
      [1, 2, 3, 4],
    ])
      evaluatePolynomialOn(evaluator, z, 1, c, add, true);
    expect(operations).not.toContain('multiplyScalar');
    expect(operations).not.toContain('multiplyPlain');
    expect(operations.filter((operation) => operation === 'multiply')).toHaveLength(3);
  });
});
