/**
 * Secret randomness by the gigabyte, the same again from the same key: a run that is resumed must meet the noise that it
 * began with. AES-256 in counter mode (WebCrypto), a key for each purpose.
 */
import { bytesOf, concatBytes, sha256, utf8ToBytes } from '../base/bytes.ts';
import { checkBytes } from '../base/checks.ts';

/** Fills an array with uniform words. */
export type WordSource = (words: Uint32Array<ArrayBuffer>) => Promise<void>;

export const NOISE_SEED_BYTES = 32;

/** Blocks that one counter may number: 2^32 · 16 bytes. */
const COUNTER_BITS = 32;
const BLOCK_BYTES = 16;

/**
 * The words that belong to a seed and a purpose. Other purposes give unrelated words: rows that differ must not get the
 * same noise, whose difference would tell them apart.
 * @param seed 32 secret bytes from `crypto.getRandomValues`
 */
export async function secretWords(seed: Uint8Array, purpose: string): Promise<WordSource> {
  checkBytes('seed', seed, NOISE_SEED_BYTES);
  const bytes = await sha256(concatBytes(utf8ToBytes('hermetic noise v1\n'), seed, utf8ToBytes(purpose)));
  const key = await crypto.subtle.importKey('raw', bytes as Uint8Array<ArrayBuffer>, 'AES-CTR', false, ['encrypt']);
  bytes.fill(0);
  let stretch = 0;
  return async (words) => {
    // Each call has a nonce of its own, and a counter that starts at zero.
    const counter = new Uint8Array(BLOCK_BYTES);
    new DataView(counter.buffer).setBigUint64(0, BigInt(stretch++));
    const algorithm = { name: 'AES-CTR', counter, length: COUNTER_BITS };
    const zeros = new Uint8Array(words.byteLength);
    bytesOf(words).set(new Uint8Array(await crypto.subtle.encrypt(algorithm, key, zeros)));
  };
}

/** Words fetched at a time. */
const FETCHED = 2 ** 16;

/** Numbers out of words. */
export class SecretNumbers {
  readonly #source: WordSource;
  readonly #words: Uint32Array<ArrayBuffer> = new Uint32Array(FETCHED);
  #used: number = FETCHED;

  constructor(source: WordSource) {
    this.#source = source;
  }

  /** Standard normal numbers, by the polar form of Box and Muller (Marsaglia and Bray, 1964). */
  async fillNormal(out: Float64Array): Promise<void> {
    for (let i = 0; i < out.length; ) {
      if (this.#used + 4 > FETCHED) await this.#fetch();
      const u = 2 * this.#unit() - 1;
      const v = 2 * this.#unit() - 1;
      const square = u * u + v * v;
      if (square >= 1 || square === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      out[i++] = u * factor;
      if (i < out.length) out[i++] = v * factor;
    }
  }

  /** Uniform in [0, 1), of 53 bits. */
  async fillUniform(out: Float64Array): Promise<void> {
    for (let i = 0; i < out.length; i++) {
      if (this.#used + 2 > FETCHED) await this.#fetch();
      out[i] = this.#unit();
    }
  }

  #unit(): number {
    const upper = this.#words[this.#used++] >>> 5;
    const lower = this.#words[this.#used++] >>> 6;
    return (upper * 2 ** 26 + lower) / 2 ** 53;
  }

  async #fetch(): Promise<void> {
    await this.#source(this.#words);
    this.#used = 0;
  }
}
