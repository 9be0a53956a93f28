/**
 * Public, repeatable randomness: shuffles, initial weights of twins, test data. NOT for keys, masks or noise, for the
 * whole future of the stream follows from a few outputs.
 *
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021), its state filled by
 * SplitMix64 (Steele, Lea and Flood, 2014). Only integer operations and +, −, ×, ÷, √ on doubles are used, which every
 * engine rounds alike: `Math.log` and `Math.cos` may differ in the last bit from one engine to the next.
 */

const GOLDEN_GAMMA = 0x9e3779b97f4a7c15n; // odd, nearest to 2^64/φ
const TWO_32 = 2 ** 32;

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

/** ln x for 0 < x ≤ 1 by 2·artanh((m − 1)/(m + 1)), m in [√½, √2), to within 1e-15. */
function logarithm(x: number): number {
  let m = x;
  let exponent = 0;
  while (m < Math.SQRT1_2) {
    m *= 2;
    exponent--;
  }
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return 2 * s * sum + exponent * Math.LN2;
}

function checkSeed(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name}: expected an integer from 0 to 2^53 - 1, got ${value}`);
  }
}

export class SeededRandom {
  readonly #state: Uint32Array;
  #spareNormal: number | undefined;

  /**
   * @param seed integer in [0, 2^53)
   * @param stream integer in [0, 2^53): streams of one seed are unrelated to one another (say, one for each epoch)
   */
  constructor(seed: number, stream = 0) {
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

  /** Uniform in [low, high), from 53 random bits. */
  uniform(low = 0, high = 1): number {
    const upper = this.nextUint32() >>> 5;
    const lower = this.nextUint32() >>> 6;
    return low + (high - low) * ((upper * 2 ** 26 + lower) / 2 ** 53);
  }

  /** Normal, by the polar form of Box and Muller (Marsaglia and Bray, 1964). */
  normal(mean = 0, deviation = 1): number {
    const spare = this.#spareNormal;
    if (spare !== undefined) {
      this.#spareNormal = undefined;
      return mean + deviation * spare;
    }
    let u: number;
    let v: number;
    let square: number;
    do {
      u = this.uniform(-1, 1);
      v = this.uniform(-1, 1);
      square = u * u + v * v;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * logarithm(square)) / square);
    this.#spareNormal = v * factor;
    return mean + deviation * (u * factor);
  }

  /** Uniform integer in [0, bound), without bias; bound in [1, 2^32]. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > TWO_32) {
      throw new RangeError(`bound: expected an integer from 1 to 2^32, got ${bound}`);
    }
    const limit = TWO_32 - (TWO_32 % bound);
    let value = this.nextUint32();
    while (value >= limit) value = this.nextUint32();
    return value % bound;
  }

  /** Shuffles `array` in place, all orders alike (Fisher and Yates), and returns it. */
  shuffle<T extends { length: number; [i: number]: number }>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = array[i];
      array[i] = array[j];
      array[j] = held;
    }
    return array;
  }

  /** A random order of 0 … length − 1. */
  permutation(length: number): Uint32Array {
    return this.shuffle(Uint32Array.from({ length }, (_, i) => i));
  }
}
