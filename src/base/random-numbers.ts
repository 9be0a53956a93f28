/**
 * Numbers and orders out of uniform words, whatever the words come from: `SeededRandom` repeats itself and is public,
 * `SecretRandom` is neither.
 *
 * Only integer operations and +, −, ×, ÷, √ on doubles are used, which every engine rounds alike: `Math.log` and
 * `Math.cos` may differ in the last bit from one engine to the next.
 */

const TWO_32 = 2 ** 32;

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

export abstract class RandomNumbers {
  #spareNormal: number | undefined;

  /** Uniform integer in [0, 2^32). */
  abstract nextUint32(): number;

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
