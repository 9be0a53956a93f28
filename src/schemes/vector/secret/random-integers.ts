/** Secret and public randomness of the owner: uniform integers from the system's generator, without bias. */

export interface RandomIntegers {
  /** Uniform in 0 … bound − 1; bound ≤ 2^16. */
  below(bound: number): number;
  /** Uniform in −2^(bits − 1) … 2^(bits − 1) − 1. */
  signed(bits: number): bigint;
}

const POOL_WORDS = 2 ** 14;
const WORD_RANGE = 2 ** 16;

export function freshIntegers(): RandomIntegers {
  const pool = new Uint16Array(POOL_WORDS);
  let used = POOL_WORDS;
  const word = (): number => {
    if (used === POOL_WORDS) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    const value = pool[used];
    pool[used++] = 0;
    return value;
  };
  return {
    below(bound) {
      const limit = WORD_RANGE - (WORD_RANGE % bound);
      let value = word();
      while (value >= limit) value = word();
      return value % bound;
    },
    signed(bits) {
      let value = 0n;
      for (let done = 0; done < bits; done += 16) value = (value << 16n) | BigInt(word());
      return BigInt.asIntN(bits, value);
    },
  };
}
