/** What comes of units: ciphertexts in any order, and lists cut into parts and turned over. */
import { HermeticError } from '../base/errors.ts';
import type { CiphertextRecord } from '../protocol/ciphertext-record.ts';
import { fromRecord } from '../protocol/ckks-codec.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { ProvidedRun } from '../trainer/executor-provider.ts';

/** Ciphertexts as they come in, in any order. */
export class Made {
  readonly #run: ProvidedRun;
  readonly #flat: Ciphertext[] = [];
  readonly #names: Map<Ciphertext, string> = new Map();

  constructor(run: ProvidedRun) {
    this.#run = run;
  }

  /** In place of one that is there already. */
  put(index: number, record: CiphertextRecord, name: string): void {
    const ciphertext = fromRecord(this.#run.keys.context, record);
    const before = this.#flat[index];
    if (before !== undefined && this.#names.delete(before)) before.dispose();
    this.#flat[index] = ciphertext;
    this.#names.set(ciphertext, name);
  }

  /** All of them, once they are there; none is left where that fails. */
  async whenDone<T>(
    work: Promise<void>,
    use: (flat: readonly Ciphertext[], names: readonly (readonly [Ciphertext, string])[]) => T,
  ): Promise<T> {
    try {
      await work;
      if (this.#flat.includes(undefined as unknown as Ciphertext)) {
        throw new HermeticError('CLUSTER', 'the units of a step did not give all of its ciphertexts');
      }
      return use(this.#flat, [...this.#names]);
    } catch (error) {
      for (const ciphertext of this.#names.keys()) ciphertext.dispose();
      throw error;
    }
  }
}

/** Shard by shard becomes ciphertext by ciphertext. */
export function transpose<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists[0].map((_, i) => lists.map((list) => list[i]));
}

/** 0 … length − 1 in so many runs of nearly equal length. */
export function cut(length: number, parts: number): { readonly first: number; readonly count: number }[] {
  return Array.from({ length: parts }, (_, i) => {
    const first = Math.floor((i * length) / parts);
    return { first, count: Math.floor(((i + 1) * length) / parts) - first };
  });
}
