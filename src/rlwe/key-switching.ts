/**
 * Hybrid key switching (Han and Ki 2019/688, section 3; with the centred base conversion of 2018/117): the ciphertext
 * modulus is cut into digits of as many limbs as the special modulus P has; each digit is lifted to Q·P, multiplied
 * with its part of the key, and the sum divided by P.
 */
import { mulMod, type Operand } from '../kernels/arithmetic.ts';
import type { Address } from '../kernels/heap.ts';
import type { PrimeContext } from '../kernels/prime-context.ts';
import type { Poly } from '../ring/poly.ts';
import type { RlweContext } from './context.ts';
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

export class KeySwitcher {
  private readonly context: RlweContext;

  constructor(context: RlweContext) {
    this.context = context;
  }

  /** Digit d holds ciphertext limbs [α·d, α·(d+1)), α = limbs of P. */
  digitCount(limbs: number): number {
    return Math.ceil(limbs / this.context.specialLimbs);
  }

  /** Valid as long as `source` is. */
  decompose(source: Poly<'ntt'>): Decomposition {
    const { engine, ring, converter, specialLimbs } = this.context;
    const limbs = source.limbCount;
    const extended = this.context.extendedIndices(limbs);
    const owned: Address[] = [];
    const take = (): Address => {
      const limb = ring.allocateLimb();
      owned.push(limb);
      return limb;
    };
    const plans = Array.from({ length: this.digitCount(limbs) }, (_, d) => {
      const own = source.indices.slice(d * specialLimbs, (d + 1) * specialLimbs);
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
      engine.convertBase(coefficients, conversion.sources, lifted, conversion.targets, conversion.matrix, ring.N);
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

  /** Σ_d digit_d·key_d over Q·P. */
  multiply(decomposition: Decomposition, key: SwitchingKey): PolyPair {
    const { ring, engine, ciphertextLimbs } = this.context;
    const { limbs, digits } = decomposition;
    const indices = this.context.extendedIndices(limbs);
    const out: PolyPair = [ring.allocate('ntt', indices), ring.allocate('ntt', indices)];
    indices.forEach((prime, j) => {
      const inKey = j < limbs ? j : ciphertextLimbs + (j - limbs);
      const triples = digits.flatMap((digit, d) => {
        const part = key.digits[d] as SwitchingKey['digits'][number];
        return [digit[j] as Address, part.b.limb(inKey), part.a.limb(inKey)];
      });
      engine.keyProduct(out[0].limb(j), out[1].limb(j), triples, ring.N, ring.primes[prime] as PrimeContext);
    });
    engine.flush();
    return out;
  }

  /**
   * Divides a pair over Q·P by P, rounding; adds what is given to each half, then applies X → X^g. Frees the pair.
   */
  divideBySpecial(pair: PolyPair, plus: readonly Poly<'ntt'>[] = [], g = 1): PolyPair {
    const { ring, engine, specialLimbs } = this.context;
    const limbs = pair[0].limbCount - specialLimbs;
    const quotients = this.liftSpecial(pair, limbs);
    const indices = pair[0].indices.slice(0, limbs);
    const out: PolyPair = g === 1 ? quotients : [ring.allocate('ntt', indices), ring.allocate('ntt', indices)];
    const index = g === 1 ? undefined : ring.automorphismIndex(g);
    for (let j = 0; j < limbs; j++) {
      const prime = pair[0].prime(j);
      const inverse = this.inverseOfSpecial(prime);
      for (const half of [0, 1] as const) {
        const [to, from, lifted] = [out[half].limb(j), pair[half].limb(j), quotients[half].limb(j)];
        engine.subtractTransform(to, from, lifted, inverse, prime, plus[half]?.limb(j), index);
      }
    }
    engine.flush();
    for (const poly of pair) poly.dispose();
    if (g !== 1) for (const poly of quotients) poly.dispose();
    return out;
  }

  /** A pair's residues modulo P, lifted to the ciphertext limbs: coefficients, to be transformed in place. */
  private liftSpecial(pair: PolyPair, limbs: number): PolyPair {
    const { ring, engine, converter, specialIndices } = this.context;
    const indices = pair[0].indices.slice(0, limbs);
    const { sources, targets, matrix, scales } = converter.conversion(specialIndices, indices);
    sources.forEach((prime, k) => {
      for (const poly of pair) {
        const limb = poly.limb(limbs + k);
        engine.nttInverse(limb, limb, prime, scales[k] as Address);
      }
    });
    engine.flush();
    const out: PolyPair = [ring.allocate('ntt', indices), ring.allocate('ntt', indices)];
    for (const half of [0, 1] as const) {
      engine.convertBase(pair[half].limbs.slice(limbs), sources, out[half].limbs, targets, matrix, ring.N);
    }
    engine.flush();
    return out;
  }

  /** (u, v) with u + v·s ≈ c·s', plus what is given. */
  switch(c: Poly<'ntt'>, key: SwitchingKey, plus: readonly Poly<'ntt'>[] = []): PolyPair {
    const decomposition = this.decompose(c);
    const product = this.multiply(decomposition, key);
    decomposition.dispose();
    return this.divideBySpecial(product, plus);
  }

  /** P^-1 modulo a ciphertext prime. */
  private inverseOfSpecial(prime: PrimeContext): Operand {
    const { ring, specialIndices } = this.context;
    let product = 1;
    for (const i of specialIndices) product = mulMod(product, (ring.primes[i] as PrimeContext).p % prime.p, prime.p);
    return prime.inverseOperand(product);
  }
}
