/**
 * What fixed point (`fixed-point/`) needs of a scheme whose slots hold integers. A scheme that offers this trains every
 * network that CKKS trains.
 *
 * Conventions
 * - A ciphertext `X` holds n slots, n a power of two, rotated cyclically. Everything is exact: nothing is rounded and no
 *   scale is tracked here.
 * - A plaintext vector is an array of integers whose length divides n; it is repeated over the slots.
 * - Results are new ciphertexts. `dispose` frees them now; without it the garbage collector does, later.
 */
export interface IntegerEvaluator<X> {
  readonly scheme: string;
  /** n */
  readonly slots: number;
  /** Products, with ciphertexts or plaintexts, that may follow one another on the way from a fresh ciphertext. */
  readonly depth: number;
  /** Slots hold integers of magnitude below 2^plainBits; larger ones wrap. Infinity where they never do. */
  readonly plainBits: number;
  add(a: X, b: X): X;
  subtract(a: X, b: X): X;
  negate(a: X): X;
  addPlain(a: X, values: readonly bigint[]): X;
  /** Σ_i a_i ⊙ b_i, ready for the next operation. RangeError for lists that are empty or of different lengths. */
  innerProduct(as: readonly X[], bs: readonly X[]): X;
  multiplyPlain(a: X, values: readonly bigint[]): X;
  multiplyInteger(a: X, factor: bigint): X;
  /** Slot i of the result is slot (i + steps) mod n of a. Negative steps rotate to the right. */
  rotate(a: X, steps: number): X;
  /** Several rotations for less than one by one, where the scheme can. */
  rotateMany?(a: X, steps: readonly number[]): X[];
  /**
   * round(a / 2^bits) in every slot, up to a few units of noise: only schemes without a modulus can. Where it is absent
   * scales grow with each product until the owner renews them.
   */
  divide?(a: X, bits: number): X;
  /** The same integers under fresh randomness, by public material, where the scheme offers it. */
  rerandomize?(a: X): X;
  dispose(a: X): void;
}

/** The owner's half. */
export interface IntegerSecret<X> {
  /** @param values integers below 2^plainBits in magnitude; their number divides n, they are repeated */
  encrypt(values: readonly bigint[]): X;
  /** The first `count` of the n slots, all by default, centred. */
  decrypt(a: X, count?: number): bigint[];
}
