import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateEvaluationKeys } from '../rlwe/secret/key-generation.ts';
import { SecretKey } from '../rlwe/secret/secret-key.ts';
import { CkksContext } from '../schemes/ckks/context.ts';
import { CkksEvaluator } from '../schemes/ckks/evaluator.ts';
import { insecureParameters } from '../schemes/ckks/parameters.ts';
import { SecretScheme } from '../schemes/ckks/secret/secret-scheme.ts';
import { ClearEvaluator } from '../schemes/clear/clear-evaluator.ts';
import { precisionBits } from '../schemes/precision.ts';
import { evaluatePolynomial, planPolynomial } from './polynomial.ts';

const horner = (c: readonly number[], x: number): number => c.reduceRight((sum, a) => sum * x + a, 0);
const points = Float64Array.from({ length: 16 }, (_, i) => (i - 7.5) / 8);

describe('evaluatePolynomial', () => {
  it('equals Horner at no more than the planned depth and products, dense and sparse', () => {
    const coefficient = fc.oneof(fc.constant(0), fc.double({ min: -2, max: 2, noNaN: true }));
    const polynomials = fc
      .array(coefficient, { minLength: 2, maxLength: 64 })
      .filter((c) => Math.abs(c.at(-1)!) > 0.01);
    fc.assert(
      fc.property(polynomials, (coefficients) => {
        let products = 0;
        const evaluator = new ClearEvaluator({
          slots: 16,
          levels: 12,
          onOperation: (operation) => (products += Number(operation === 'multiply')),
        });
        const plan = planPolynomial(coefficients.length - 1);
        const value = evaluatePolynomial(evaluator, evaluator.encrypt({ re: points }, 12), coefficients);
        expect(12 - value.level).toBeLessThanOrEqual(plan.depth);
        expect(products).toBeLessThanOrEqual(plan.products);
        evaluator.decrypt(value).re.forEach((got, i) => expect(got).toBeCloseTo(horner(coefficients, points[i]!), 6));
      }),
    );
  });

  it('takes about 2·√degree products at a depth of about log2', () => {
    for (const degree of [1, 3, 7, 15, 31, 63, 255, 1023]) {
      const plan = planPolynomial(degree);
      expect(plan.depth).toBeLessThanOrEqual(Math.ceil(Math.log2(degree + 1)) + 1);
      expect(plan.products).toBeLessThanOrEqual(2 * Math.sqrt(degree) + Math.log2(degree));
    }
    expect(() => planPolynomial(0)).toThrow(RangeError);
  });

  it('runs on CKKS to a dozen bits', async () => {
    const context = await CkksContext.create(await insecureParameters({ logN: 11, levels: 8, special: 3 }), {
      threads: 1,
    });
    const key = SecretKey.generate(context);
    const owner = new SecretScheme(context, key);
    const keys = generateEvaluationKeys(context, key, { rotations: [], conjugation: false, relinearization: true });
    const coefficients = Array.from({ length: 32 }, (_, k) => Math.cos(k) / (1 + k));
    const value = evaluatePolynomial(new CkksEvaluator(context, keys), owner.encrypt({ re: points }, 8), coefficients);
    const got = owner.decrypt(value).re;
    const wanted = got.map((_, i) => horner(coefficients, points[i % 16]!));
    expect(precisionBits(got, wanted).worst).toBeGreaterThan(11);
    context.dispose();
  });
});
