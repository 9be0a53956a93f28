/** The owner's secret: a uniform ternary polynomial. Kept as one byte a coefficient; never leaves `secret/` and `owner/`. */
import { copyBytes } from '../../base/bytes.ts';
import { HermeticError } from '../../base/errors.ts';
import type { Address } from '../../kernels/heap.ts';
import { type Poly, toMontgomery } from '../../ring/poly.ts';
import { freshSeed, integersToNtt, Stream, ternaryIntegers, wipe } from '../../ring/sampler.ts';
import type { RlweContext } from '../context.ts';

export class SecretKey {
  /** s over all primes, NTT and Montgomery form: ready to multiply. */
  readonly montgomery: Poly<'ntt'>;
  /** s over all primes, NTT form. */
  readonly plain: Poly<'ntt'>;
  private readonly coefficients: Int8Array;

  private constructor(context: RlweContext, coefficients: Int8Array) {
    this.coefficients = coefficients;
    const { ring, engine } = context;
    const integers = ring.allocateLimb();
    new Int32Array(engine.heap.memory.buffer, integers, ring.N).set(coefficients);
    this.plain = integersToNtt(ring, integers, context.extendedIndices(context.ciphertextLimbs));
    this.montgomery = toMontgomery(this.plain);
    wipe(ring, integers);
  }

  static generate(context: RlweContext): SecretKey {
    const { ring, engine } = context;
    const seed = freshSeed();
    const integers: Address = ternaryIntegers(ring, seed, Stream.secret);
    const coefficients = Int8Array.from(new Int32Array(engine.heap.memory.buffer, integers, ring.N));
    wipe(ring, integers);
    seed.fill(0);
    return new SecretKey(context, coefficients);
  }

  /** Uniform among the ternary secrets of a Hamming weight: the short-lived secret of an encapsulation. */
  static generateSparse(context: RlweContext, weight: number): SecretKey {
    const { N } = context.ring;
    const coefficients = new Int8Array(N);
    const draws = new Uint32Array(1);
    for (let placed = 0; placed < weight; ) {
      const word = crypto.getRandomValues(draws)[0] as number;
      const at = word & (N - 1);
      if (coefficients[at] !== 0) continue;
      coefficients[at] = word >>> 31 === 1 ? 1 : -1;
      placed++;
    }
    return new SecretKey(context, coefficients);
  }

  /** One byte a coefficient: 0, 1, or 255 for −1. */
  toBytes(): Uint8Array {
    return new Uint8Array(this.coefficients.buffer.slice(0) as ArrayBuffer);
  }

  static fromBytes(context: RlweContext, bytes: Uint8Array): SecretKey {
    const coefficients = new Int8Array(copyBytes(bytes).buffer);
    const valid = coefficients.length === context.ring.N && coefficients.every((x) => x >= -1 && x <= 1);
    if (!valid) {
      throw new HermeticError('BAD_FILE', 'this is not a secret key of these parameters', {
        expected: `${context.ring.N} ternary coefficients`,
        got: `${coefficients.length} bytes`,
      });
    }
    return new SecretKey(context, coefficients);
  }

  /** Overwrites what this object holds. */
  dispose(): void {
    this.coefficients.fill(0);
    for (const poly of [this.plain, this.montgomery]) {
      for (const limb of poly.limbs) poly.ring.engine.heap.u32(limb, poly.ring.N).fill(0);
      poly.dispose();
    }
  }
}
