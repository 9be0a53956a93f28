/**
 * Ciphertexts that a worker has in its memory, by the names of their blobs: the weights that the next shard of a step
 * needs too, and what the worker has made itself.
 */
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';

export class CiphertextCache {
  readonly #maxBytes: number;
  /** Latest used last. */
  readonly #entries: Map<string, Ciphertext> = new Map();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(name: string): Ciphertext | undefined {
    const ciphertext = this.#entries.get(name);
    if (ciphertext === undefined) return undefined;
    this.#entries.delete(name);
    this.#entries.set(name, ciphertext);
    return ciphertext;
  }

  /** The cache frees it when its time has come. */
  put(name: string, ciphertext: Ciphertext): void {
    if (this.#entries.has(name)) {
      ciphertext.dispose();
      return;
    }
    this.#entries.set(name, ciphertext);
    this.#bytes += bytesOf(ciphertext);
  }

  /** Frees the longest unused, down to the size; between two units, for those under way may be needed. */
  trim(): void {
    for (const [name, ciphertext] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#entries.delete(name);
      this.#bytes -= bytesOf(ciphertext);
      ciphertext.dispose();
    }
  }

  clear(): void {
    for (const ciphertext of this.#entries.values()) ciphertext.dispose();
    this.#entries.clear();
    this.#bytes = 0;
  }
}

function bytesOf({ c0 }: Ciphertext): number {
  return 8 * c0.limbCount * c0.ring.N;
}
