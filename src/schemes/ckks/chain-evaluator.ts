/**
 * Arithmetic on ciphertexts anywhere in a modulus chain, counted in limbs: rescaling by several primes at once, products
 * rescaled by the division that ends their key switch, and integer factors that bring terms of different scales under
 * one rescaling. The application's evaluator (evaluator.ts) is coarser: levels, canonical scales.
 */
import { HermeticError } from '../../base/errors.ts';
import { encodeOperand, modBigint } from '../../kernels/arithmetic.ts';
import type { PrimeContext } from '../../kernels/prime-context.ts';
import { divideByTop } from '../../ring/division.ts';
import { add, eachLimb, multiplyByI, multiplyInteger, type Poly, subtract, truncate } from '../../ring/poly.ts';
import type { RlweContext } from '../../rlwe/context.ts';
import type { KeySwitcher, PolyPair } from '../../rlwe/key-switching.ts';
import type { GaloisKeys, SwitchingKey } from '../../rlwe/keys.ts';
import { Ciphertext, polynomialsIn } from './ciphertext.ts';
import { requireKey } from './slot-transform.ts';

/** Scales that differ by less are the same. */
const SCALE_TOLERANCE = 2 ** -30;

/** factor · x. */
export interface IntegerTerm {
  readonly x: Ciphertext;
  readonly factor: bigint;
}

export interface ChainKeys extends GaloisKeys {
  readonly relinearization: SwitchingKey;
}

export class ChainEvaluator {
  private readonly context: RlweContext;
  private readonly switcher: KeySwitcher;
  private readonly keys: ChainKeys;

  constructor(context: RlweContext, switcher: KeySwitcher, keys: ChainKeys) {
    this.context = context;
    this.switcher = switcher;
    this.keys = keys;
  }

  /** Runs `compute` and frees every ciphertext it made, save those in its result. */
  scope<T>(compute: () => T): T {
    return this.context.ring.scope(compute, polynomialsIn);
  }

  add(a: Ciphertext, b: Ciphertext): Ciphertext {
    this.requireSame(a, b);
    return new Ciphertext(add(a.c0, b.c0), add(a.c1, b.c1), a.level, a.scale);
  }

  subtract(a: Ciphertext, b: Ciphertext): Ciphertext {
    this.requireSame(a, b);
    return new Ciphertext(subtract(a.c0, b.c0), subtract(a.c1, b.c1), a.level, a.scale);
  }

  /** a + value in every slot, at a's scale. */
  addConstant(a: Ciphertext, value: number): Ciphertext {
    const { engine, ring } = this.context;
    const constant = BigInt(Math.round(value * a.scale));
    const c0 = ring.allocate('ntt', a.c0.indices);
    eachLimb(c0, (j, prime) => engine.addScalar(c0.limb(j), a.c0.limb(j), modBigint(constant, prime.p), ring.N, prime));
    return new Ciphertext(c0, truncate(a.c1), a.level, a.scale);
  }

  timesI(a: Ciphertext): Ciphertext {
    return new Ciphertext(multiplyByI(a.c0), multiplyByI(a.c1), a.level, a.scale);
  }

  /** The same values and scale over fewer limbs: exact. */
  truncate(a: Ciphertext, limbs: number): Ciphertext {
    const level = a.level - (a.c0.limbCount - limbs);
    return new Ciphertext(truncate(a.c0, limbs), truncate(a.c1, limbs), level, a.scale);
  }

  /** Σ factor·x over the limbs of the shortest x; `scale` is declared. Not rescaled. */
  combine(terms: readonly IntegerTerm[], scale: number): Ciphertext {
    const limbs = Math.min(...terms.map(({ x }) => x.c0.limbCount));
    const [first, ...rest] = terms as [IntegerTerm, ...IntegerTerm[]];
    return this.scope(() => {
      const start = this.truncate(first.x, limbs);
      const sum: PolyPair = [multiplyInteger(start.c0, first.factor), multiplyInteger(start.c1, first.factor)];
      this.addTerms(sum, rest);
      return new Ciphertext(sum[0], sum[1], start.level, scale);
    });
  }

  /** Divides by the top `drop` primes. */
  rescale(a: Ciphertext, drop: number): Ciphertext {
    const divide = (poly: Poly<'ntt'>): Poly<'ntt'> => divideByTop(poly, drop, this.context.converter);
    return new Ciphertext(divide(a.c0), divide(a.c1), a.level - drop, a.scale / this.topProduct(a.c0, drop));
  }

  /**
   * (a ⊙ b + Σ factor·x), relinearised and divided by the top `drop` primes: one division does both. The terms must have
   * the scale of the product, and all operands as many limbs as the shorter of a and b, or more.
   */
  multiply(a: Ciphertext, b: Ciphertext, drop: number, terms: readonly IntegerTerm[] = []): Ciphertext {
    return this.scope(() => {
      const limbs = Math.min(a.c0.limbCount, b.c0.limbCount);
      const [d0, d1, d2] = this.tensor(a, b, limbs);
      this.addTerms([d0, d1], terms);
      const sum = this.switcher.decomposed(d2, (digits) => this.switcher.multiply(digits, this.keys.relinearization));
      this.switcher.addTimesSpecial(sum, [d0, d1]);
      const scale = (a.scale * b.scale) / this.topProduct(d0, drop);
      const [c0, c1] = this.switcher.dividePair(sum, { drop });
      return new Ciphertext(c0, c1, a.level - (a.c0.limbCount - limbs) - drop, scale);
    });
  }

  /** The slots' complex conjugates. */
  conjugate(a: Ciphertext): Ciphertext {
    return this.automorphism(a, 2 * this.context.ring.N - 1, 'conjugation');
  }

  /** Slot i of the result is slot i + steps of a. */
  rotate(a: Ciphertext, steps: number): Ciphertext {
    return this.automorphism(a, this.context.ring.galoisElement(steps), `rotation by ${steps}`);
  }

  private automorphism(a: Ciphertext, g: number, name: string): Ciphertext {
    const product = this.switcher.decomposed(a.c1, (digits) =>
      this.switcher.multiply(digits, requireKey(this.keys, g, name)),
    );
    const [c0, c1] = this.switcher.dividePair(product, { plus: [a.c0], galois: g });
    return new Ciphertext(c0, c1, a.level, a.scale);
  }

  private tensor(a: Ciphertext, b: Ciphertext, limbs: number): [Poly<'ntt'>, Poly<'ntt'>, Poly<'ntt'>] {
    const { ring, engine } = this.context;
    const allocate = (): Poly<'ntt'> => ring.allocate('ntt', a.c0.indices.slice(0, limbs));
    const d = [allocate(), allocate(), allocate()] as const;
    eachLimb(d[0], (j, prime) => {
      const quad = [a.c0.limb(j), a.c1.limb(j), b.c0.limb(j), b.c1.limb(j)];
      engine.tensorProduct(d[0].limb(j), d[1].limb(j), d[2].limb(j), quad, ring.N, prime);
    });
    return [...d];
  }

  private addTerms(sum: PolyPair, terms: readonly IntegerTerm[]): void {
    const { ring, engine } = this.context;
    for (const { x, factor } of terms) {
      sum[0].limbs.forEach((_, j) => {
        const prime = sum[0].prime(j);
        const w = encodeOperand(modBigint(factor, prime.p), prime.p);
        engine.mulScalarAdd(sum[0].limb(j), x.c0.limb(j), w, ring.N, prime);
        engine.mulScalarAdd(sum[1].limb(j), x.c1.limb(j), w, ring.N, prime);
      });
      engine.flush();
    }
  }

  /** The product of the top `drop` primes. */
  private topProduct(poly: Poly<'ntt'>, drop: number): number {
    const dropped = poly.indices.slice(poly.limbCount - drop);
    return dropped.reduce((product, i) => product * (this.context.ring.primes[i] as PrimeContext).p, 1);
  }

  private requireSame(a: Ciphertext, b: Ciphertext): void {
    if (a.c0.limbCount === b.c0.limbCount && Math.abs(a.scale / b.scale - 1) < SCALE_TOLERANCE) return;
    throw new HermeticError('BAD_ARGUMENT', 'the operands have different scales or limbs', {
      expected: `${a.c0.limbCount} limbs at 2^${Math.log2(a.scale).toFixed(6)}`,
      got: `${b.c0.limbCount} limbs at 2^${Math.log2(b.scale).toFixed(6)}`,
    });
  }
}
