/** What only the holder of the secret key can do. */

import { add, multiplyMontgomery, type Poly, subtract, toCoefficients, toNtt } from '../../../ring/poly.ts';
import { errorPoly, freshSeed, uniformPoly } from '../../../ring/sampler.ts';
import type { SecretKey } from '../../../rlwe/secret/secret-key.ts';
import { Ciphertext, polynomialsIn } from '../ciphertext.ts';
import type { CkksContext } from '../context.ts';
import type { SlotValues } from '../encoder.ts';

export class SecretScheme {
  private readonly context: CkksContext;
  private readonly key: SecretKey;

  constructor(context: CkksContext, key: SecretKey) {
    this.context = context;
    this.key = key;
  }

  /** Canonical at the level; c1 is expanded from a seed, and the noise is one error polynomial (no product of two). */
  encrypt(values: SlotValues, level: number): Ciphertext {
    const scale = this.context.scales[level] as number;
    return this.context.ring.scope(() => {
      const message = this.context.encoder.encode(values, scale, this.context.baseLimbs + level);
      return this.encryptPoly(message, level, scale);
    }, polynomialsIn);
  }

  /** Slots; meaningful to 2^-13 or so. Raw: never to be released as they are (2020/1533). */
  decrypt(ciphertext: Ciphertext): { re: Float64Array; im: Float64Array } {
    const { ring, base, encoder } = this.context;
    return ring.scope(
      () => {
        const digits = base.digits(this.phase(ciphertext));
        const coefficients = base.toDoubles(digits, 1 / ciphertext.scale);
        digits.wipe();
        digits.release();
        return encoder.decode(coefficients);
      },
      () => [],
    );
  }

  /**
   * The owner's side of the blinded refresh: c0 + c1·s modulo the base modulus, lifted as centred integers and encrypted
   * afresh at `level` with the scale unchanged. Nothing is decoded and nothing depends on a value.
   */
  reencryptMasked(ciphertext: Ciphertext, level: number): Ciphertext {
    const { ring, base } = this.context;
    return ring.scope(() => {
      const digits = base.digits(this.phase(ciphertext));
      const lifted = toNtt(base.evaluate(digits, this.context.indicesAt(level)));
      digits.wipe();
      digits.release();
      return this.encryptPoly(lifted, level, ciphertext.scale);
    }, polynomialsIn);
  }

  /** c0 + c1·s, coefficients modulo the base primes. */
  private phase(ciphertext: Ciphertext): Poly<'coeff'> {
    const { baseLimbs } = this.context;
    const product = multiplyMontgomery(ciphertext.c1, this.key.montgomery, baseLimbs);
    return toCoefficients(add(ciphertext.c0, product));
  }

  private encryptPoly(message: Poly<'ntt'>, level: number, scale: number): Ciphertext {
    const { ring } = this.context;
    const indices = this.context.indicesAt(level);
    const seed = freshSeed();
    const errorSeed = freshSeed();
    const c1 = uniformPoly(ring, indices, seed);
    const noisy = add(message, errorPoly(ring, indices, errorSeed));
    errorSeed.fill(0);
    return new Ciphertext(subtract(noisy, multiplyMontgomery(c1, this.key.montgomery)), c1, level, scale, seed);
  }
}
