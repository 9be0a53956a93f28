import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { fitsYasheKey, recoverYasheKey } from './yashe-key.ts';

type Polynomial = bigint[];

const mod = (x: bigint, q: bigint): bigint => ((x % q) + q) % q;

function multiply(a: Polynomial, b: Polynomial, q: bigint): Polynomial {
  const product = a.map(() => 0n);
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      product[(i + j) % a.length] += i + j < a.length ? x * y : -x * y;
    });
  });
  return product.map((x) => mod(x, q));
}

function inverseOf(x: bigint, q: bigint): bigint {
  let [a, b, s, r] = [mod(x, q), q, 1n, 0n];
  while (b !== 0n) [a, b, s, r] = [b, a % b, r, s - (a / b) * r];
  if (a !== 1n) throw new RangeError('not invertible');
  return mod(s, q);
}

/** f(X)·f(−X) is a polynomial in X²: the inverse is f(−X) times that of a polynomial of half the degree. */
function invert(f: Polynomial, q: bigint): Polynomial {
  if (f.length === 1) return [inverseOf(f[0], q)];
  const conjugate = f.map((x, i) => (i % 2 === 0 ? x : -x));
  const norm = multiply(f, conjugate, q).filter((_, i) => i % 2 === 0);
  const half = invert(norm, q);
  const spread = f.map((_, i) => (i % 2 === 0 ? half[i / 2] : 0n));
  return multiply(conjugate, spread, q);
}

interface Key {
  readonly f: Polynomial;
  readonly h: Polynomial;
}

function makeKey(random: SeededRandom, n: number, q: bigint, t: bigint): Key {
  const ternary = (): Polynomial => Array.from({ length: n }, () => BigInt(random.integer(3) - 1));
  for (;;) {
    const f = ternary().map((x, i) => t * x + (i === 0 ? 1n : 0n));
    const g = ternary().map((x) => t * x);
    try {
      return { f, h: multiply(g, invert(f, q), q) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
}

const T = 268_369_921n;

describe('the key of a small YASHE', () => {
  it.each([
    ['a prime of 450 bits or so', (1n << 450n) - 501n],
    ['an odd number of 120 bits', (1n << 120n) - 119n],
    [
      'the product of many primes',
      [268_369_921n - 2n, 268_238_849n, 268_042_241n, 267_976_705n].reduce((a, b) => a * b) ** 4n,
    ],
  ])('comes out of its public key (modulus: %s)', (_, q) => {
    for (const seed of [1, 2]) {
      const { f, h } = makeKey(new SeededRandom(seed), 32, q, T);
      expect(recoverYasheKey(h, q, T)).toEqual(f);
    }
  });

  it.each([
    [8, 2n],
    [16, 257n],
    [32, 65_537n],
  ])('in degree %d, plaintext modulus %d as well', (n, t) => {
    const q = (1n << 127n) - 1n;
    const { f, h } = makeKey(new SeededRandom(n), n, q, t);
    const found = recoverYasheKey(h, q, t);
    expect(found).toBeDefined();
    expect(fitsYasheKey(found!, h, q, t)).toBe(true);
    if (t > 2n) expect(found).toEqual(f);
  });

  it('is not found where there is none', () => {
    const q = (1n << 127n) - 1n;
    const random = new SeededRandom(9);
    const noise = Array.from({ length: 16 }, () => mod(BigInt(random.nextUint32()) ** 5n, q));
    expect(recoverYasheKey(noise, q, T)).toBeUndefined();
    expect(recoverYasheKey(noise, 15n * 2n ** 40n, 3n)).toBeUndefined();
  });

  it('is told from other polynomials', () => {
    const q = (1n << 127n) - 1n;
    const { f, h } = makeKey(new SeededRandom(4), 16, q, T);
    expect(fitsYasheKey(f, h, q, T)).toBe(true);
    expect(
      fitsYasheKey(
        f.map((x, i) => (i === 3 ? x + T : x)),
        h,
        q,
        T,
      ),
    ).toBe(false);
    expect(fitsYasheKey(f.map(() => 0n).with(0, 1n), h, q, T)).toBe(false);
  });
});
