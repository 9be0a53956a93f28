import { describe, expect, it } from 'vitest';
import { dot28Primes } from '../ring/primes.ts';
import { checkSecurity, logModulus, MAX_LOG_QP } from './security-table.ts';

/** 2024/463, table 5.2, uniform ternary secret, 128 bits, classical: typed from the paper. */
const TABLE = [
  [12, 106],
  [13, 214],
  [14, 430],
  [15, 868],
  [16, 1747],
  [17, 3523],
] as const;

describe('security table', () => {
  it('is the published one', () => {
    expect([...MAX_LOG_QP]).toEqual(TABLE.map(([logN, bits]) => [logN, bits]));
  });

  for (const [logN, bound] of TABLE) {
    it(`N = 2^${logN}: as many dot28 primes as fit ${bound} bits, and not one more`, () => {
      const all = dot28Primes(15);
      const chain: number[] = [];
      const next = (): number => all[chain.length % all.length] as number;
      while (logModulus(chain) + Math.log2(next()) <= bound) chain.push(next());
      expect(() => checkSecurity(logN, chain)).not.toThrow();
      expect(() => checkSecurity(logN, [...chain, next()])).toThrow(
        expect.objectContaining({ code: 'INSECURE_PARAMETERS' }),
      );
    });

    it(`N = 2^${logN}: exactly ${bound} bits pass; a part in 10^9 more does not`, () => {
      const half = 2 ** (bound / 4);
      expect(() => checkSecurity(logN, [half, half, half, half])).not.toThrow();
      expect(() => checkSecurity(logN, [half, half, half, half * (1 + 1e-9)])).toThrow(/below 128-bit security/);
    });
  }

  it('interpolates nothing: other ring sizes are refused, whatever the modulus', () => {
    for (const logN of [0, 10, 11, 18, 13.5, Number.NaN]) {
      expect(() => checkSecurity(logN, [3])).toThrow(/2\^12 to 2\^17/);
    }
  });

  it('sums exact logarithms', () => {
    expect(logModulus([])).toBe(0);
    expect(logModulus([2 ** 20, 2 ** 8])).toBe(28);
    expect(logModulus([2 ** 28 - 1])).toBeLessThan(28);
  });
});
