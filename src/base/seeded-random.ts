/**
 * Public, repeatable randomness: shuffles, initial weights of twins, test data. NOT for keys, masks, noise or weights
 * that shall be sealed (`SecretRandom`), for the whole stream follows from a few outputs, or from its seed of 53 bits,
 * which can be searched.
 *
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021), its state filled by
 * SplitMix64 (Steele, Lea and Flood, 2014).
 */

import { RandomNumbers } from './random-numbers.ts';

const GOLDEN_GAMMA = 0x9e3779b97f4a7c15n; // odd, nearest to 2^64/φ

/** Output function of SplitMix64 for the counter value `x`: a bijection of 64-bit integers. */
function mix64(x: bigint): bigint {
  let z = BigInt.asUintN(64, x);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** The first `count` outputs of SplitMix64 seeded with `seed` (64 bits). */
export function splitMix64(seed: bigint, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => mix64(seed + GOLDEN_GAMMA * BigInt(i + 1)));
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** One step of xoshiro128** on `state` (4 words, changed in place). Returns an integer in [0, 2^32). */
export function xoshiro128StarStar(state: Uint32Array): number {
  const result = Math.imul(rotateLeft(Math.imul(state[1], 5), 7), 9) >>> 0;
  const t = state[1] << 9;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= t;
  state[3] = rotateLeft(state[3], 11);
  return result;
}

function checkSeed(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name}: expected an integer from 0 to 2^53 - 1, got ${value}`);
  }
}

export class SeededRandom extends RandomNumbers {
  readonly #state: Uint32Array;

  /**
   * @param seed integer in [0, 2^53)
   * @param stream integer in [0, 2^53): streams of one seed are unrelated to one another (say, one for each epoch)
   */
  constructor(seed: number, stream = 0) {
    super();
    checkSeed('seed', seed);
    checkSeed('stream', stream);
    const [start] = splitMix64(BigInt(seed), 1);
    const words = splitMix64(start + BigInt(stream), 2);
    this.#state = Uint32Array.from(words.flatMap((w) => [Number(w & 0xffffffffn), Number(w >> 32n)]));
  }

  /** Uniform integer in [0, 2^32). */
  nextUint32(): number {
    return xoshiro128StarStar(this.#state);
  }
}
