import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { decodeResidues, encodeResidues } from './residues.ts';

const PRIMES = [97, 2 ** 28 - 57, 4294967291];
const N = 4;

const residues = fc
  .tuple(...PRIMES.map((prime) => fc.array(fc.nat(prime - 1), { minLength: N, maxLength: N })))
  .map((limbs) => Uint32Array.from(limbs.flat()));

describe('residue bodies', () => {
  it('are little-endian words, limb after limb', () => {
    const bytes = encodeResidues(Uint32Array.of(1, 2, 0x0a0b0c0d % 97, 4), 4, [97]);
    expect([...bytes.subarray(0, 8)]).toEqual([1, 0, 0, 0, 2, 0, 0, 0]);
    expect([...encodeResidues(Uint32Array.of(0x01020304), 1, [2 ** 28])]).toEqual([4, 3, 2, 1]);
  });

  it('come back, from any alignment', () => {
    fc.assert(
      fc.property(residues, fc.nat(7), (words, shift) => {
        const bytes = encodeResidues(words, N, PRIMES);
        const moved = concatBytes(new Uint8Array(shift), bytes).subarray(shift);
        expect(decodeResidues(moved, N, PRIMES)).toEqual(words);
      }),
    );
  });

  it('are views where alignment allows', () => {
    const words = Uint32Array.of(1, 2);
    const bytes = encodeResidues(words, 2, [97]);
    expect(bytes.buffer).toBe(words.buffer);
    expect(decodeResidues(bytes, 2, [97]).buffer).toBe(words.buffer);
  });

  it('refuse a residue that equals its prime, in every limb and place', () => {
    for (let i = 0; i < N * PRIMES.length; i++) {
      const words = new Uint32Array(N * PRIMES.length);
      words[i] = PRIMES[Math.floor(i / N)] - 1;
      expect(decodeResidues(new Uint8Array(words.buffer.slice(0)), N, PRIMES)[i]).toBe(words[i]);
      words[i]++;
      expect(() => decodeResidues(new Uint8Array(words.buffer), N, PRIMES)).toThrow(HermeticError);
      expect(() => encodeResidues(words, N, PRIMES)).toThrow(RangeError);
    }
  });

  it('refuse wrong sizes', () => {
    expect(() => decodeResidues(new Uint8Array(15), 4, [97])).toThrow(HermeticError);
    expect(() => decodeResidues(new Uint8Array(20), 4, [97])).toThrow(HermeticError);
    expect(() => encodeResidues(new Uint32Array(5), 4, [97])).toThrow(RangeError);
  });

  it('do not show the residue', () => {
    expect(() => encodeResidues(Uint32Array.of(123456), 1, [97])).toThrow(/^(?!.*123456)/);
  });
});
