/**
 * Residue bodies: the limbs of one polynomial, limb after limb, N little-endian u32 words each, every residue below
 * the prime of its limb. On little-endian hosts neither direction copies where alignment allows.
 */
import { bytesOf, copyBytes, hostIsLittleEndian } from '../base/bytes.ts';
import { checkLength } from '../base/checks.ts';
import { badFile } from './bad-file.ts';

/** Bytes of a polynomial of `limbs` limbs in degree N. */
export function polynomialBytes(N: number, limbs: number): number {
  return 4 * N * limbs;
}

/** Index of the first limb that holds a residue ≥ its prime, or −1. `words` has primes.length × N entries. */
function findBadLimb(words: Uint32Array, N: number, primes: readonly number[]): number {
  for (let limb = 0; limb < primes.length; limb++) {
    const end = (limb + 1) * N;
    let largest = 0;
    for (let i = limb * N; i < end; i++) {
      const word = words[i];
      if (word > largest) largest = word;
    }
    if (largest >= primes[limb]) return limb;
  }
  return -1;
}

function swapWords(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) out[i] = bytes[i ^ 3];
  return out;
}

/**
 * The words as file bytes: a view of the same memory where the host is little-endian. Throws RangeError for a wrong
 * length or a residue that is not reduced; the residue is not shown.
 */
export function encodeResidues(words: Uint32Array, N: number, primes: readonly number[]): Uint8Array {
  checkLength('polynomial', words, N * primes.length);
  const limb = findBadLimb(words, N, primes);
  if (limb >= 0) throw new RangeError(`polynomial: a residue of limb ${limb} is not below its prime`);
  const bytes = bytesOf(words);
  return hostIsLittleEndian ? bytes : swapWords(bytes);
}

/** The words of a body, checked; a view of `bytes` where possible. Throws BAD_FILE. */
export function decodeResidues(bytes: Uint8Array, N: number, primes: readonly number[]): Uint32Array {
  const expected = polynomialBytes(N, primes.length);
  if (bytes.length !== expected) {
    throw badFile('a polynomial has the wrong size', { expected: `${expected} bytes`, got: `${bytes.length}` });
  }
  const ordered = hostIsLittleEndian ? bytes : swapWords(bytes);
  const aligned = ordered.byteOffset % 4 === 0 ? ordered : copyBytes(ordered);
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, N * primes.length);
  const limb = findBadLimb(words, N, primes);
  if (limb >= 0) throw badFile('a polynomial holds a residue that is not below its prime', { got: `limb ${limb}` });
  return words;
}
