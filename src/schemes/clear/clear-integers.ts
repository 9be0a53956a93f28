/** Integer slots that hide nothing, but obey the rules of exact schemes: depth, and a plaintext modulus that wraps. */

import { HermeticError } from '../../base/errors.ts';
import { shiftRounded } from '../../base/integers.ts';
import type { IntegerEvaluator, IntegerSecret } from '../integer-scheme.ts';

export interface ClearInteger {
  readonly values: readonly bigint[];
  /** Products left. */
  readonly depth: number;
}

export interface ClearIntegerOptions {
  readonly slots: number;
  /** Default: without end. */
  readonly depth?: number;
  /** Modulus, odd. Default: none, and `divide` is there. */
  readonly modulus?: bigint;
  /** Told of every result's largest magnitude before it is reduced. */
  readonly onMagnitude?: (magnitude: bigint) => void;
}

const ENDLESS = 2 ** 20;

export class ClearIntegers implements IntegerEvaluator<ClearInteger>, IntegerSecret<ClearInteger> {
  readonly scheme = 'clear integers';
  readonly slots: number;
  readonly depth: number;
  readonly plainBits: number;
  readonly divide?: (a: ClearInteger, bits: number) => ClearInteger;
  /** Ciphertexts made and not disposed of. */
  live = 0;
  readonly #modulus: bigint | undefined;
  readonly #onMagnitude: (magnitude: bigint) => void;

  constructor({ slots, depth = ENDLESS, modulus, onMagnitude = () => {} }: ClearIntegerOptions) {
    this.slots = slots;
    this.depth = depth;
    this.#modulus = modulus;
    this.#onMagnitude = onMagnitude;
    this.plainBits = modulus === undefined ? Number.POSITIVE_INFINITY : Math.log2(Number(modulus / 2n));
    if (modulus === undefined) {
      this.divide = (a, bits) =>
        this.#make(
          a.values.map((x) => shiftRounded(x, bits)),
          a.depth,
        );
    }
  }

  encrypt(values: readonly bigint[]): ClearInteger {
    if (values.length === 0 || this.slots % values.length !== 0) {
      throw new RangeError(`values: expected a number of them that divides ${this.slots}, got ${values.length}`);
    }
    return this.#make(
      Array.from({ length: this.slots }, (_, i) => values[i % values.length]),
      this.depth,
    );
  }

  decrypt(a: ClearInteger, count: number = this.slots): bigint[] {
    return a.values.slice(0, count);
  }

  add(a: ClearInteger, b: ClearInteger): ClearInteger {
    return this.#make(
      a.values.map((x, i) => x + b.values[i]),
      Math.min(a.depth, b.depth),
    );
  }

  subtract(a: ClearInteger, b: ClearInteger): ClearInteger {
    return this.#make(
      a.values.map((x, i) => x - b.values[i]),
      Math.min(a.depth, b.depth),
    );
  }

  negate(a: ClearInteger): ClearInteger {
    return this.#make(
      a.values.map((x) => -x),
      a.depth,
    );
  }

  addPlain(a: ClearInteger, values: readonly bigint[]): ClearInteger {
    return this.#make(
      a.values.map((x, i) => x + values[i % values.length]),
      a.depth,
    );
  }

  innerProduct(as: readonly ClearInteger[], bs: readonly ClearInteger[]): ClearInteger {
    if (as.length === 0 || as.length !== bs.length) {
      throw new RangeError(`innerProduct: expected two lists of one length, got ${as.length} and ${bs.length}`);
    }
    const sums = as[0].values.map((_, i) => as.reduce((sum, a, k) => sum + a.values[i] * bs[k].values[i], 0n));
    return this.#make(sums, spent(Math.min(...[...as, ...bs].map((c) => c.depth))));
  }

  multiplyPlain(a: ClearInteger, values: readonly bigint[]): ClearInteger {
    return this.#make(
      a.values.map((x, i) => x * values[i % values.length]),
      spent(a.depth),
    );
  }

  multiplyInteger(a: ClearInteger, factor: bigint): ClearInteger {
    return this.#make(
      a.values.map((x) => x * factor),
      a.depth,
    );
  }

  rotate(a: ClearInteger, steps: number): ClearInteger {
    const { slots } = this;
    return this.#make(
      a.values.map((_, i) => a.values[(((i + steps) % slots) + slots) % slots]),
      a.depth,
    );
  }

  dispose(_: ClearInteger): void {
    this.live--;
  }

  #make(values: readonly bigint[], depth: number): ClearInteger {
    this.#onMagnitude(values.reduce((most, x) => (x > most ? x : -x > most ? -x : most), 0n));
    this.live++;
    return { values: values.map((x) => this.#centred(x)), depth };
  }

  #centred(x: bigint): bigint {
    const modulus = this.#modulus;
    if (modulus === undefined) return x;
    const rest = ((x % modulus) + modulus) % modulus;
    return rest > modulus / 2n ? rest - modulus : rest;
  }
}

function spent(depth: number): number {
  if (depth > 0) return depth - 1;
  throw new HermeticError('LEVELS_EXHAUSTED', 'the ciphertext bears no more products');
}
