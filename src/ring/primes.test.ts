import { describe, expect, it } from 'vitest';
import { dot28Primes } from './primes.ts';

describe('dot28 primes', () => {
  it('are all of the form p1·2^16 + 1 below 2^28, largest first, and as many as the design counted', () => {
    for (const [logN, count] of [
      [13, 229],
      [15, 229],
      [16, 124],
    ] as const) {
      const primes = dot28Primes(logN);
      expect(primes.length).toBe(count);
      expect(primes.every((p) => p > 2 ** 27 && p < 2 ** 28 && p % 65_536 === 1 && p % (2 << logN) === 1)).toBe(true);
      expect(primes.every((p, i) => i === 0 || p < primes[i - 1]!)).toBe(true);
    }
  });

  it('are exactly the primes among them, by the test of Miller and Rabin', () => {
    const primes = new Set(dot28Primes(15));
    for (let p = 2 ** 27 + 1; p < 2 ** 28; p += 65_536) {
      expect(primes.has(p)).toBe([2n, 3n, 5n, 7n].every((base) => isStrongProbablePrime(BigInt(p), base)));
    }
  });
});

/** Bases 2, 3, 5, 7 together decide up to 3,215,031,751 (Jaeschke 1993). */
function isStrongProbablePrime(n: bigint, base: bigint): boolean {
  let odd = n - 1n;
  let twos = 0;
  for (; odd % 2n === 0n; odd /= 2n) twos++;
  let x = power(base, odd, n);
  if (x === 1n || x === n - 1n) return true;
  for (let i = 1; i < twos; i++) {
    x = (x * x) % n;
    if (x === n - 1n) return true;
  }
  return false;
}

function power(base: bigint, exponent: bigint, n: bigint): bigint {
  let result = 1n;
  for (let e = exponent, square = base % n; e > 0n; e >>= 1n, square = (square * square) % n) {
    if (e & 1n) result = (result * square) % n;
  }
  return result;
}
