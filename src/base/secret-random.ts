/**
 * Secret randomness that nothing repeats: every word comes from `crypto.getRandomValues` and is used once. There is no seed
 * that could be searched, stored or told. For numbers by the gigabyte see `privacy-random.ts`, for polynomials
 * the ring's sampler.
 */
import { RandomNumbers } from './random-numbers.ts';

/** Words fetched at a time: `getRandomValues` gives 65,536 bytes a call at most. */
const FETCHED = 2 ** 10;

export class SecretRandom extends RandomNumbers {
  readonly #words: Uint32Array<ArrayBuffer> = new Uint32Array(FETCHED);
  #used: number = FETCHED;

  /** Uniform integer in [0, 2^32). */
  nextUint32(): number {
    if (this.#used === FETCHED) {
      crypto.getRandomValues(this.#words);
      this.#used = 0;
    }
    const word = this.#words[this.#used];
    this.#words[this.#used++] = 0;
    return word;
  }
}
