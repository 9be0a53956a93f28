import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CreatedKeys, createKeys } from '../owner/owner-keys.ts';
import { writePoly } from '../protocol/ckks-codec.ts';
import { coefficientsOf, firstResidues, fitsPublicKey, nearestTernary, polynomialOf } from './ternary.ts';

let keys: CreatedKeys;
const N = 256;
beforeAll(async () => {
  const needs = { rotations: [], conjugation: false, relinearization: false };
  keys = await createKeys({ set: 'insecure-8-1-1', threads: 1, needs });
});
afterAll(() => keys.dispose());

describe('polynomials of a few terms', () => {
  it.each([
    [0, 5n, 0, 5],
    [3, -7n, 3, -7],
    [N, 5n, 0, -5],
    [-1, 4n, N - 1, -4],
    [2 * N + 2, 9n, 2, 9],
  ])('X^%d times %d', (exponent, coefficient, place, value) => {
    const { context } = keys;
    const words = polynomialOf(context, [{ coefficient, exponent }]);
    expect(words).toHaveLength(3 * N);
    const poly = writePoly(context.ring, context.indicesAt(0), words);
    expect([...firstResidues(poly)]).toEqual(Array.from({ length: N }, (_, i) => (i === place ? value : 0)));
    poly.dispose();
  });

  it('are sums', () => {
    const { context } = keys;
    const terms = [1n, 2n, -5n].map((coefficient) => ({ coefficient, exponent: 4 }));
    expect(polynomialOf(context, terms)).toEqual(polynomialOf(context, [{ coefficient: -2n, exponent: 4 }]));
  });
});

describe('coefficients of slots', () => {
  it('are those that decode to them', () => {
    const { context } = keys;
    const coefficients = Float64Array.from({ length: N }, (_, i) => Math.sin(i) * 3);
    const found = coefficientsOf(context, context.encoder.decode(coefficients));
    found.forEach((x, i) => {
      expect(Math.abs(x - coefficients[i])).toBeLessThan(2 ** -16);
    });
  });

  it('are rounded to the nearest of three', () => {
    expect([...nearestTernary([-3, -0.6, -0.4, 0, 0.49, 0.51, 9])]).toEqual([-1, -1, 0, 0, 0, 1, 1]);
  });
});

describe('the public key', () => {
  it('tells its secret from every other guess', () => {
    const { context, publicKey, secret } = keys;
    const key = new Int8Array(secret.toBytes());
    expect(fitsPublicKey(context, publicKey, key)).toBe(true);
    const near = key.slice();
    near[17] = near[17] === 0 ? 1 : 0;
    for (const wrong of [near, key.map((x) => -x), new Int8Array(N)]) {
      expect(fitsPublicKey(context, publicKey, wrong)).toBe(false);
    }
  });
});
