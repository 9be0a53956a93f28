/** What only the holder of the secret key can do. */

import { MixedRadix } from '../../../ring/lift.ts';
import {
  add,
  firstIndices,
  multiplyInteger,
  multiplyMontgomery,
  type Poly,
  subtract,
  toCoefficients,
} from '../../../ring/poly.ts';
import { errorPoly, freshSeed, uniformPoly } from '../../../ring/sampler.ts';
import type { PolyPair } from '../../../rlwe/key-switching.ts';
import type { SecretKey } from '../../../rlwe/secret/secret-key.ts';
import type { IntegerSecret } from '../../integer-scheme.ts';
import { BfvCiphertext, polynomialsIn } from '../ciphertext.ts';
import type { BfvContext } from '../context.ts';

export class BfvSecret implements IntegerSecret<BfvCiphertext> {
  private readonly context: BfvContext;
  private readonly key: SecretKey;
  private readonly radixes = new Map<number, MixedRadix>();

  constructor(context: BfvContext, key: SecretKey) {
    this.context = context;
    this.key = key;
  }

  /**
   * c1 of part j is expanded from (seed, j), the noise is one error polynomial.
   * @param seed public, 32 bytes, never used twice: equal uniform halves reveal differences of messages. Default: fresh.
   */
  encrypt(values: readonly bigint[], seed: Uint8Array = freshSeed()): BfvCiphertext {
    const { ring, encoder, lift, noise, parameters } = this.context;
    const bound = encoder.remainders.modulus / 2n;
    if (values.some((x) => x > bound || x < -bound)) {
      throw new RangeError(`expected integers of at most ${encoder.remainders.bits} bits`);
    }
    const indices = firstIndices(parameters.primes.length);
    const errors = freshSeed();
    const ciphertext = ring.scope(() => {
      const parts = encoder.encode(values).map((m, j): PolyPair => {
        const c1 = uniformPoly(ring, indices, seed, j);
        const noisy = add(lift.scale(m, indices.length), errorPoly(ring, indices, errors, j));
        return [subtract(noisy, multiplyMontgomery(c1, this.key.montgomery)), c1];
      });
      return new BfvCiphertext(parts, noise.fresh(), seed);
    }, polynomialsIn);
    errors.fill(0);
    return ciphertext;
  }

  decrypt({ parts }: BfvCiphertext, count: number = this.context.slots): bigint[] {
    const { ring, lift, encoder, plainIndices } = this.context;
    return ring.scope(
      () =>
        encoder.decode(
          parts.map((pair, j) => lift.divide(this.phase(pair), plainIndices[j] as number)),
          count,
        ),
      () => [],
    );
  }

  /**
   * Bits between the largest invariant noise |v| and the 1/2 at which decryption fails, −log2(2·max|v|), of the worst
   * part. It depends on the secret key and on the noise of a computation: for tests and owners' diagnosis, not to be told.
   */
  noiseBudget({ parts }: BfvCiphertext): number {
    const { ring, parameters } = this.context;
    const budgets = parts.map((pair, j) =>
      ring.scope(
        () => {
          const scaled = multiplyInteger(this.phase(pair), BigInt(parameters.plainPrimes[j] as number));
          const radix = this.radix(scaled.limbCount);
          const digits = radix.digits(toCoefficients(scaled));
          const noise = radix.toDoubles(digits, 1 / Number(radix.modulus));
          digits.wipe();
          digits.release();
          return -1 - Math.log2(noise.reduce((most, x) => Math.max(most, Math.abs(x)), 0));
        },
        () => [],
      ),
    );
    return Math.min(...budgets);
  }

  /** c0 + c1·s. */
  private phase([c0, c1]: PolyPair): Poly<'ntt'> {
    return add(c0, multiplyMontgomery(c1, this.key.montgomery, c1.limbCount));
  }

  private radix(limbs: number): MixedRadix {
    let radix = this.radixes.get(limbs);
    if (!radix) {
      radix = new MixedRadix(this.context.ring, limbs);
      this.radixes.set(limbs, radix);
    }
    return radix;
  }
}
