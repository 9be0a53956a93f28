/** What keys and ciphertexts share: the ring, the chain of moduli, base conversion. */
import type { Engine } from '../kernels/engine.ts';
import { BaseConverter } from '../ring/base-converter.ts';
import { MixedRadix } from '../ring/lift.ts';
import { firstIndices } from '../ring/poly.ts';
import { Ring } from '../ring/ring.ts';

export interface RlweShape {
  readonly logN: number;
  /** Ciphertext primes, bottom first. */
  readonly primes: readonly number[];
  /** Special primes of key switching. */
  readonly specialPrimes: readonly number[];
  /** Primes that no key has: of plaintexts, or of products on the way. Last in the ring. */
  readonly auxiliaryPrimes?: readonly number[];
  /** Limbs that stay at level 0. */
  readonly baseLimbs: number;
}

/**
 * How key switching cuts a modulus: into digits of `digitLimbs` limbs, lifted to the special modulus P, whose product
 * must not be below a digit's. Its keys serve ciphertexts of up to `limbs` limbs.
 */
export interface Gadget {
  readonly limbs: number;
  readonly digitLimbs: number;
  /** Prime indices of P. */
  readonly special: readonly number[];
}

export class RlweContext {
  readonly engine: Engine;
  readonly ring: Ring;
  readonly converter: BaseConverter;
  readonly baseLimbs: number;
  readonly ciphertextLimbs: number;
  readonly specialLimbs: number;
  /** Exact lift from the modulus of level 0. */
  readonly base: MixedRadix;

  constructor(engine: Engine, shape: RlweShape) {
    this.engine = engine;
    const { logN, primes, specialPrimes, auxiliaryPrimes = [] } = shape;
    this.ring = new Ring(engine, logN, [...primes, ...specialPrimes, ...auxiliaryPrimes]);
    this.converter = new BaseConverter(this.ring);
    this.baseLimbs = shape.baseLimbs;
    this.ciphertextLimbs = shape.primes.length;
    this.specialLimbs = shape.specialPrimes.length;
    this.base = new MixedRadix(this.ring, shape.baseLimbs);
  }

  get maxLevel(): number {
    return this.ciphertextLimbs - this.baseLimbs;
  }

  /** Prime indices of a ciphertext at a level. */
  indicesAt(level: number): number[] {
    return firstIndices(this.baseLimbs + level);
  }

  /** Prime indices of the special modulus. */
  get specialIndices(): number[] {
    return firstIndices(this.specialLimbs).map((i) => i + this.ciphertextLimbs);
  }

  /** All limbs, digits as long as the special modulus. */
  get gadget(): Gadget {
    return { limbs: this.ciphertextLimbs, digitLimbs: this.specialLimbs, special: this.specialIndices };
  }

  /** Prime indices of `limbs` ciphertext limbs and the special modulus. */
  extendedIndices(limbs: number): number[] {
    return [...firstIndices(limbs), ...this.specialIndices];
  }
}
