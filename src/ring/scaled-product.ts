/**
 * Products of polynomials scaled by t/Q and rounded, in residue number system: what BFV-like schemes multiply with
 * (Halevi, Polyakov and Shoup 2018/117, section 4; in the order of Kim, Polyakov and Zucca 2021/204, section 3).
 *
 * The right factor b is first taken to an auxiliary modulus P, b' = round(P·b/Q), and both factors to Q·P. Then
 * t·a·b/Q = t·a·b'/P, up to the rounding of b', and a division by P leaves residues modulo Q: nothing is converted back,
 * and P needs no room above Q, for what the product holds beyond Q·P vanishes modulo Q. Conversions are exact, so the
 * factors are centred and the products as small as they can be.
 */
import { encodeOperand, inverseMod, mulMod, type Operand } from '../kernels/arithmetic.ts';
import type { Address } from '../kernels/heap.ts';
import type { PrimeContext } from '../kernels/prime-context.ts';
import type { BaseConversion, BaseConverter } from './base-converter.ts';
import { liftTop, productModulo } from './division.ts';
import { firstIndices, type Poly } from './poly.ts';
import type { Ring } from './ring.ts';

/** A factor over Q·P. */
export interface ExtendedPoly {
  /** Modulo Q: of a left factor the polynomial itself, which must outlive this. */
  readonly main: Poly<'ntt'>;
  /** Modulo P. */
  readonly auxiliary: Poly<'ntt'>;
}

/** What factors of one number of limbs go through. */
interface Plan {
  readonly extend: BaseConversion;
  /** x ↦ round(P·x/Q) modulo P. */
  readonly rescale: BaseConversion;
  readonly back: BaseConversion;
}

interface DivisionPlan {
  readonly conversion: BaseConversion;
  /** t/T modulo each limb that stays. */
  readonly operands: readonly Operand[];
}

export class ScaledProduct {
  private readonly ring: Ring;
  private readonly converter: BaseConverter;
  /** Prime indices of P, at least as many as limbs of a factor. */
  private readonly auxiliary: readonly number[];
  private readonly plans = new Map<number, Plan>();
  private readonly divisions = new Map<string, DivisionPlan>();

  constructor(ring: Ring, converter: BaseConverter, auxiliary: readonly number[]) {
    this.ring = ring;
    this.converter = converter;
    this.auxiliary = auxiliary;
  }

  /** Prime indices of Q·P for factors of `limbs` limbs: P has as many. */
  indices(limbs: number): number[] {
    return [...firstIndices(limbs), ...this.auxiliary.slice(0, limbs)];
  }

  /** Left factors, all of the same limbs. */
  extendLeft(polys: readonly Poly<'ntt'>[]): ExtendedPoly[] {
    const { limbCount } = polys[0] as Poly<'ntt'>;
    const lifted = this.convertFrom(polys, this.planFor(limbCount).extend, this.auxiliary.slice(0, limbCount));
    this.transform(lifted);
    return polys.map((main, i) => ({ main, auxiliary: lifted[i] as Poly<'ntt'> }));
  }

  /** Right factors, all of the same limbs. */
  extendRight(polys: readonly Poly<'ntt'>[]): ExtendedPoly[] {
    const { ring } = this;
    const { limbCount } = polys[0] as Poly<'ntt'>;
    const { rescale, back } = this.planFor(limbCount);
    const scaled = this.convertFrom(polys, rescale, this.auxiliary.slice(0, limbCount));
    const main = scaled.map((poly) => {
      const digits = back.sources.map((prime, j) => {
        const digit = ring.allocateLimb();
        ring.engine.mulScalar(digit, poly.limb(j), back.factors[j] as Operand, ring.N, prime);
        return digit;
      });
      return this.convert(digits, back, firstIndices(limbCount));
    });
    this.transform(scaled);
    this.transform(main);
    return main.map((poly, i) => ({ main: poly, auxiliary: scaled[i] as Poly<'ntt'> }));
  }

  /**
   * round(t·x/P), or round(t·x/(P·T)) for T the product of Q's top `drop` limbs, modulo the limbs of Q below. x over
   * Q·P; frees them. A coefficient within k·2^-13 of a half may go either way, k the number of limbs divided by.
   */
  divide(polys: readonly Poly<'ntt'>[], t: number, drop = 0): Poly<'ntt'>[] {
    const { engine } = this.ring;
    const limbs = (polys[0] as Poly<'ntt'>).limbCount / 2;
    const { conversion, operands } = this.divisionFor(limbs, t, drop);
    const tops = polys.map((poly) => poly.limbs.slice(limbs - drop));
    const out = liftTop(polys, conversion, tops);
    operands.forEach((operand, j) => {
      out.forEach((quotient, i) => {
        const [x, limb] = [(polys[i] as Poly<'ntt'>).limb(j), quotient.limb(j)];
        engine.subtractTransform(limb, x, limb, operand, quotient.prime(j));
      });
    });
    engine.flush();
    for (const poly of polys) poly.dispose();
    return out;
  }

  /** Residues modulo the targets: coefficients, to be transformed in place. */
  private convertFrom(
    polys: readonly Poly<'ntt'>[],
    conversion: BaseConversion,
    indices: readonly number[],
  ): Poly<'ntt'>[] {
    const { ring } = this;
    const digits = polys.map(() => conversion.sources.map(() => ring.allocateLimb()));
    conversion.sources.forEach((prime, j) => {
      polys.forEach((poly, i) => {
        const digit = (digits[i] as Address[])[j] as Address;
        ring.engine.nttInverse(digit, poly.limb(j), prime, conversion.scales[j]);
      });
    });
    return digits.map((limbs) => this.convert(limbs, conversion, indices));
  }

  /** Runs what is queued, converts, and frees the digits. */
  private convert(digits: readonly Address[], conversion: BaseConversion, indices: readonly number[]): Poly<'ntt'> {
    const { ring } = this;
    const { sources, targets, matrix, quotients } = conversion;
    const out = ring.allocate('ntt', indices);
    ring.engine.flush();
    ring.engine.convertBase(digits, sources, out.limbs, targets, matrix, ring.N, quotients);
    ring.engine.flush();
    ring.releaseLimbs(digits);
    return out;
  }

  /** In place, prime by prime: a table of twiddles is larger than what it transforms. */
  private transform(polys: readonly Poly<'ntt'>[]): void {
    const { limbCount } = polys[0] as Poly<'ntt'>;
    for (let j = 0; j < limbCount; j++) {
      for (const poly of polys) this.ring.engine.nttForward(poly.limb(j), poly.limb(j), poly.prime(j));
    }
    this.ring.engine.flush();
  }

  private planFor(limbs: number): Plan {
    let plan = this.plans.get(limbs);
    if (!plan) {
      const [main, auxiliary] = [firstIndices(limbs), this.auxiliary.slice(0, limbs)];
      const after = [-1n, this.product(main)] as const;
      plan = {
        extend: this.converter.conversion(main, auxiliary, true),
        rescale: this.converter.scaled(main, auxiliary, { before: this.product(auxiliary), after }),
        back: this.converter.conversion(auxiliary, main, true),
      };
      this.plans.set(limbs, plan);
    }
    return plan;
  }

  private divisionFor(limbs: number, t: number, drop: number): DivisionPlan {
    const key = `${limbs}:${t}:${drop}`;
    let plan = this.divisions.get(key);
    if (!plan) {
      const indices = this.indices(limbs);
      const [kept, top] = [indices.slice(0, limbs - drop), indices.slice(limbs - drop)];
      const operands = kept.map((i) => {
        const { p } = this.ring.primes[i] as PrimeContext;
        return encodeOperand(mulMod(t % p, inverseMod(productModulo(this.ring.primes, top, p), p), p), p);
      });
      // (t·x − [t·x]_T)/T = (x − [t·x]_T/t)·(t/T).
      const conversion = this.converter.scaled(top, kept, { before: BigInt(t), after: [1n, BigInt(t)] });
      plan = { conversion, operands };
      this.divisions.set(key, plan);
    }
    return plan;
  }

  private product(indices: readonly number[]): bigint {
    return indices.reduce((product, i) => product * BigInt((this.ring.primes[i] as PrimeContext).p), 1n);
  }
}
