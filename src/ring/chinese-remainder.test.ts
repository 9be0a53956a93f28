import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChineseRemainder } from './chinese-remainder.ts';
import { dot28Primes } from './primes.ts';

const candidates = dot28Primes(14);

/** One integer there and back. */
const round = (remainders: ChineseRemainder, x: bigint): bigint =>
  remainders.lift(remainders.primes.map((_, j) => remainders.residues([x], j)))[0]!;

for (const count of [1, 2, 5, 7, 16]) {
  describe(`integers modulo ${count} primes`, () => {
    // Descending and ascending: a digit may exceed the next prime.
    const primes = [...candidates.slice(0, Math.ceil(count / 2)), ...candidates.slice(-count).slice(0, count >> 1)];
    const remainders = new ChineseRemainder(primes);
    const half = remainders.modulus / 2n;

    it('residues are those of the integer, whatever its size and sign', () => {
      fc.assert(
        fc.property(fc.bigInt({ min: -(1n << 600n), max: 1n << 600n }), (x) => {
          primes.forEach((t, j) => {
            const residue = remainders.residues([x], j)[0]!;
            expect(residue).toBeLessThan(t);
            expect((x - BigInt(residue)) % BigInt(t)).toBe(0n);
          });
        }),
      );
    });

    it('every integer between ±T/2 comes back, the edges too; others wrap', () => {
      const edge = 1n << BigInt(remainders.bits);
      expect(edge <= half && 2n * edge > half).toBe(true);
      for (const x of [0n, 1n, -1n, edge, -edge, half, -half]) expect(round(remainders, x)).toBe(x);
      expect(round(remainders, half + 1n)).toBe(-half);
      expect(round(remainders, -half - 1n)).toBe(half);
      fc.assert(
        fc.property(fc.bigInt({ min: -half, max: half }), (x) => {
          expect(round(remainders, x)).toBe(x);
        }),
      );
    });
  });
}
