/**
 * Hybrid key switching (Han and Ki 2019/688, section 3; with the centred base conversion of 2018/117): the ciphertext
 * modulus is cut into digits of some limbs; each digit is lifted to Q·P, multiplied with its part of the key, and the sum
 * divided by P, or by P and the top limbs of Q at once, which is a rescaling for the price of none.
 */
import { encodeOperand, type Operand } from '../kernels/arithmetic.ts';
import type { Address } from '../kernels/heap.ts';
import type { PrimeContext } from '../kernels/prime-context.ts';
import { liftTop, productModulo, topInverse } from '../ring/division.ts';
import { firstIndices, type Poly } from '../ring/poly.ts';
import type { Gadget, RlweContext } from './context.ts';
import type { SwitchingKey } from './keys.ts';

/** The digits of one polynomial, lifted to Q·P, in NTT form: what hoisted rotations share. */
export interface Decomposition {
  /** Ciphertext limbs. */
  readonly limbs: number;
  /** digits[d][j]: limb j of Q (j < limbs), then of P. A digit's own limbs are those of the source itself. */
  readonly digits: readonly (readonly Address[])[];
  dispose(): void;
}

export type PolyPair = readonly [Poly<'ntt'>, Poly<'ntt'>];

/** What happens with the quotient of a division by P. */
export interface DivideOptions {
  /** Top limbs of Q that are divided away together with P. */
  readonly drop?: number;
  /** Added to the quotients; limbs beyond theirs are ignored. */
  readonly plus?: readonly Poly<'ntt'>[];
  /** X → X^g at the end. */
  readonly galois?: number;
}

export class KeySwitcher {
  readonly gadget: Gadget;
  private readonly context: RlweContext;

  /** Default gadget: the context's own. */
  constructor(context: RlweContext, gadget: Gadget = context.gadget) {
    this.context = context;
    this.gadget = gadget;
  }

  /** Digit d holds ciphertext limbs [α·d, α·(d+1)), α = limbs of a digit. */
  digitCount(limbs: number): number {
    return Math.ceil(limbs / this.gadget.digitLimbs);
  }

  /** Prime indices of `limbs` ciphertext limbs, then of P. */
  extendedIndices(limbs: number): number[] {
    return [...firstIndices(limbs), ...this.gadget.special];
  }

  /** Valid as long as `source` is. */
  decompose(source: Poly<'ntt'>): Decomposition {
    const { engine, ring, converter } = this.context;
    const { digitLimbs } = this.gadget;
    const limbs = source.limbCount;
    const extended = this.extendedIndices(limbs);
    const owned: Address[] = [];
    const take = (): Address => {
      const limb = ring.allocateLimb();
      owned.push(limb);
      return limb;
    };
    const plans = Array.from({ length: this.digitCount(limbs) }, (_, d) => {
      const own = source.indices.slice(d * digitLimbs, (d + 1) * digitLimbs);
      const targets = extended.filter((i) => !own.includes(i));
      const conversion = converter.conversion(own, targets);
      const coefficients = own.map(() => take());
      const lifted = targets.map(() => take());
      return { own, targets, conversion, coefficients, lifted };
    });
    for (const { own, conversion, coefficients } of plans) {
      own.forEach((i, j) => {
        const prime = conversion.sources[j] as PrimeContext;
        engine.nttInverse(coefficients[j] as Address, source.limb(i), prime, conversion.scales[j] as Address);
      });
    }
    engine.flush();
    for (const { conversion, coefficients, lifted } of plans) {
      const { sources, targets, matrix, quotients } = conversion;
      engine.convertBase(coefficients, sources, lifted, targets, matrix, ring.N, quotients);
    }
    engine.flush();
    const digits = plans.map(({ own, targets, lifted }) =>
      extended.map((i) => (own.includes(i) ? source.limb(i) : (lifted[targets.indexOf(i)] as Address))),
    );
    // Prime by prime: a table of twiddles is larger than what it transforms.
    extended.forEach((i, j) => {
      const prime = ring.primes[i] as PrimeContext;
      plans.forEach(({ own }, d) => {
        const limb = digits[d]?.[j] as Address;
        if (!own.includes(i)) engine.nttForward(limb, limb, prime);
      });
    });
    engine.flush();
    return { limbs, digits, dispose: () => ring.releaseLimbs(owned) };
  }

  /** Decomposes for as long as `use` runs. */
  decomposed<T>(source: Poly<'ntt'>, use: (decomposition: Decomposition) => T): T {
    const decomposition = this.decompose(source);
    try {
      return use(decomposition);
    } finally {
      decomposition.dispose();
    }
  }

  /** Σ_d digit_d·key_d over Q·P. */
  multiply(decomposition: Decomposition, key: SwitchingKey): PolyPair {
    const { ring, engine } = this.context;
    const indices = this.extendedIndices(decomposition.limbs);
    const out: PolyPair = [ring.allocate('ntt', indices), ring.allocate('ntt', indices)];
    indices.forEach((prime, j) => {
      const triples = this.triples(decomposition, key, j);
      engine.keyProduct(out[0].limb(j), out[1].limb(j), triples, ring.N, ring.primes[prime] as PrimeContext);
    });
    engine.flush();
    return out;
  }

  /**
   * σ_g(Σ_d digit_d·key_d + (plus, 0)) over Q·P, for a Galois key of g. `plus` may end below: its missing limbs are zero
   * (a polynomial times P).
   */
  multiplyRotated(decomposition: Decomposition, key: SwitchingKey, g: number, plus: Poly<'ntt'>): PolyPair {
    const { ring, engine } = this.context;
    const indices = this.extendedIndices(decomposition.limbs);
    const out: PolyPair = [ring.allocate('ntt', indices), ring.allocate('ntt', indices)];
    const order = ring.automorphismOrder(g);
    indices.forEach((i, j) => {
      const triples = this.triples(decomposition, key, j);
      const prime = ring.primes[i] as PrimeContext;
      const added = j < plus.limbCount ? plus.limb(j) : undefined;
      engine.rotatedKeyProduct(out[0].limb(j), out[1].limb(j), triples, added, order, ring.N, prime);
    });
    engine.flush();
    return out;
  }

  private triples({ limbs, digits }: Decomposition, key: SwitchingKey, j: number): Address[] {
    const inKey = j < limbs ? j : this.gadget.limbs + (j - limbs);
    return digits.flatMap((digit, d) => {
      const part = key.digits[d] as SwitchingKey['digits'][number];
      return [digit[j] as Address, part.b.limb(inKey), part.a.limb(inKey)];
    });
  }

  /** P·a over the limbs of Q; modulo P it is zero. */
  timesSpecial(a: Poly<'ntt'>): Poly<'ntt'> {
    const { ring, engine } = this.context;
    const out = ring.allocate('ntt', a.indices);
    for (let j = 0; j < a.limbCount; j++) {
      engine.mulScalar(out.limb(j), a.limb(j), this.specialOperand(a.prime(j)), ring.N, a.prime(j));
    }
    engine.flush();
    return out;
  }

  /** pair += P·(a0, a1), over Q·P. */
  addTimesSpecial(pair: PolyPair, a: PolyPair): void {
    const { ring, engine } = this.context;
    for (const half of [0, 1] as const) {
      for (let j = 0; j < a[half].limbCount; j++) {
        const prime = a[half].prime(j);
        engine.mulScalarAdd(pair[half].limb(j), a[half].limb(j), this.specialOperand(prime), ring.N, prime);
      }
    }
    engine.flush();
  }

  /**
   * Divides polynomials over Q·P by P (and by the top `drop` limbs), rounding; adds what is given to each quotient, then
   * applies X → X^g. Frees them.
   */
  divide(polys: readonly Poly<'ntt'>[], { drop = 0, plus = [], galois = 1 }: DivideOptions = {}): Poly<'ntt'>[] {
    const { ring, engine, converter } = this.context;
    const first = polys[0] as Poly<'ntt'>;
    const limbs = first.limbCount - this.gadget.special.length - drop;
    const indices = first.indices.slice(0, limbs);
    const conversion = converter.conversion(first.indices.slice(limbs), indices);
    const tops = polys.map((poly) => poly.limbs.slice(limbs));
    const quotients = liftTop(polys, conversion, tops);
    const out = galois === 1 ? quotients : polys.map(() => ring.allocate('ntt', indices));
    const order = galois === 1 ? undefined : ring.automorphismOrder(galois);
    for (let j = 0; j < limbs; j++) {
      const prime = first.prime(j);
      const inverse = topInverse(first, limbs, prime);
      polys.forEach((poly, k) => {
        const [to, lifted] = [(out[k] as Poly<'ntt'>).limb(j), (quotients[k] as Poly<'ntt'>).limb(j)];
        engine.subtractTransform(to, poly.limb(j), lifted, inverse, prime, plus[k]?.limb(j), order);
      });
    }
    engine.flush();
    for (const poly of polys) poly.dispose();
    if (galois !== 1) for (const poly of quotients) poly.dispose();
    return out;
  }

  /** `divide` for the two halves of a ciphertext. */
  dividePair(pair: PolyPair, options: DivideOptions = {}): PolyPair {
    const [c0, c1] = this.divide(pair, options);
    return [c0 as Poly<'ntt'>, c1 as Poly<'ntt'>];
  }

  /** (u, v) with u + v·s ≈ c·s', plus what is given. */
  switch(c: Poly<'ntt'>, key: SwitchingKey, plus: readonly Poly<'ntt'>[] = []): PolyPair {
    const product = this.decomposed(c, (decomposition) => this.multiply(decomposition, key));
    return this.dividePair(product, { plus });
  }

  /** P modulo a ciphertext prime. */
  private specialOperand(prime: PrimeContext): Operand {
    return encodeOperand(productModulo(this.context.ring.primes, this.gadget.special, prime.p), prime.p);
  }
}
