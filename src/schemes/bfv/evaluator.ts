/**
 * BFV in residue number system (Fan and Vercauteren 2012/144; Halevi, Polyakov and Shoup 2018/117). Exact; where noise
 * has grown the modulus is reduced, as far as the rounding stays hidden below it (Kim, Polyakov and Zucca 2021/204,
 * section 4): later operations are on fewer limbs. Noise is estimated for each ciphertext, and an operation that could
 * make a decryption wrong is refused.
 */
import { HermeticError } from '../../base/errors.ts';
import { divideByTop } from '../../ring/division.ts';
import {
  add,
  multiplyInteger,
  multiplyMontgomery,
  negate,
  type Poly,
  subtract,
  toMontgomery,
  truncate,
} from '../../ring/poly.ts';
import type { Plaintext } from '../../rlwe/batch-encoder.ts';
import type { Decomposition, PolyPair } from '../../rlwe/key-switching.ts';
import type { EvaluationKeys, PublicKey, SwitchingKey } from '../../rlwe/keys.ts';
import { combine, type Noise } from '../../rlwe/noise-estimate.ts';
import { centredModulo } from '../../rlwe/plaintext-lift.ts';
import type { IntegerEvaluator } from '../integer-scheme.ts';
import { BfvCiphertext, polynomialsIn } from './ciphertext.ts';
import type { BfvContext } from './context.ts';
import { rerandomize } from './public-encryption.ts';

type Triple = [Poly<'ntt'>, Poly<'ntt'>, Poly<'ntt'>];

/** Pairs of factors that are extended at once: they take 6·L limbs each. */
const PAIRS_AT_ONCE = 8;

export class BfvEvaluator implements IntegerEvaluator<BfvCiphertext> {
  readonly scheme = 'bfv';
  readonly context: BfvContext;
  readonly depth: number;
  /** With a public key. */
  readonly rerandomize?: (a: BfvCiphertext) => BfvCiphertext;
  private readonly keys: EvaluationKeys;

  constructor(context: BfvContext, keys: EvaluationKeys, publicKey?: PublicKey) {
    this.context = context;
    this.keys = keys;
    this.depth = context.noise.depth();
    if (publicKey) this.rerandomize = (a) => rerandomize(context, publicKey, a);
  }

  get slots(): number {
    return this.context.slots;
  }

  get plainBits(): number {
    return this.context.encoder.remainders.bits;
  }

  add(a: BfvCiphertext, b: BfvCiphertext): BfvCiphertext {
    return this.sum(a, b, add);
  }

  subtract(a: BfvCiphertext, b: BfvCiphertext): BfvCiphertext {
    return this.sum(a, b, subtract);
  }

  negate(a: BfvCiphertext): BfvCiphertext {
    return new BfvCiphertext(
      a.parts.map(([c0, c1]): PolyPair => [negate(c0), negate(c1)]),
      a.noise,
    );
  }

  addPlain(a: BfvCiphertext, values: readonly bigint[]): BfvCiphertext {
    const { encoder, lift, noise } = this.context;
    return this.scope(() => {
      const plains = encoder.encode(values);
      const parts = a.parts.map(([c0, c1], j): PolyPair => {
        const scaled = lift.scale(plains[j] as Plaintext, a.limbs);
        return [add(c0, scaled), truncate(c1)];
      });
      return new BfvCiphertext(parts, this.checked(combine(a.noise, noise.plainRounding(a.limbs))));
    });
  }

  multiply(a: BfvCiphertext, b: BfvCiphertext): BfvCiphertext {
    return this.innerProduct([a], [b]);
  }

  /** One scaling and one relinearisation. */
  innerProduct(as: readonly BfvCiphertext[], bs: readonly BfvCiphertext[]): BfvCiphertext {
    if (as.length === 0 || as.length !== bs.length) {
      throw new RangeError(`innerProduct of ${as.length} and ${bs.length}`);
    }
    const key = this.relinearizationKey();
    const { noise: model, parameters } = this.context;
    return this.scope(() => {
      const limbs = Math.min(...[...as, ...bs].map((c) => c.limbs));
      const reduced = new Map([...as, ...bs].map((c) => [c, c]));
      for (const c of reduced.keys()) reduced.set(c, this.at(c, limbs));
      const [left, right] = [as, bs].map((list) => list.map((c) => reduced.get(c) as BfvCiphertext)) as [
        BfvCiphertext[],
        BfvCiphertext[],
      ];
      const pairs = left.map((a, i) => [a.noise, (right[i] as BfvCiphertext).noise] as const);
      const grown = model.product(pairs, limbs);
      const kept = model.limbsFor(grown, limbs, true);
      const noise = this.checked(combine(grown, model.relinearization(kept)));
      const parts = parameters.plainPrimes.map((t, j) => {
        const of = (c: BfvCiphertext): PolyPair => c.parts[j] as PolyPair;
        return this.multiplyParts(left.map(of), right.map(of), t, limbs - kept, key);
      });
      return new BfvCiphertext(parts, noise);
    });
  }

  multiplyPlain(a: BfvCiphertext, values: readonly bigint[]): BfvCiphertext {
    const { encoder, lift, noise: model } = this.context;
    if (values.length === 1) return this.multiplyInteger(a, values[0] as bigint);
    return this.scope(() => {
      const grown = this.checked(model.timesPlain(a.noise, values.length));
      const plains = encoder.encode(values);
      const parts = a.parts.map(([c0, c1], j): PolyPair => {
        const m = toMontgomery(lift.lift(plains[j] as Plaintext, a.limbs));
        return [multiplyMontgomery(c0, m), multiplyMontgomery(c1, m)];
      });
      return this.at(new BfvCiphertext(parts, grown), model.limbsFor(grown, a.limbs));
    });
  }

  multiplyInteger(a: BfvCiphertext, factor: bigint): BfvCiphertext {
    const noise = this.checked(this.context.noise.timesInteger(a.noise, factor));
    const parts = a.parts.map(([c0, c1], j): PolyPair => {
      const constant = centredModulo(factor, this.context.parameters.plainPrimes[j] as number);
      return [multiplyInteger(c0, constant), multiplyInteger(c1, constant)];
    });
    return new BfvCiphertext(parts, noise);
  }

  rotate(a: BfvCiphertext, steps: number): BfvCiphertext {
    return this.rotateMany(a, [steps])[0] as BfvCiphertext;
  }

  /** Several rotations that share one decomposition (hoisting). */
  rotateMany(a: BfvCiphertext, steps: readonly number[]): BfvCiphertext[] {
    const { ring, keySwitcher, noise: model } = this.context;
    const elements = steps.map((s) => ring.galoisElement(s));
    const noise = combine(a.noise, model.keySwitch(a.limbs));
    if (elements.some((g) => g !== 1)) this.checked(noise);
    return ring.scope(() => {
      const parts: PolyPair[][] = a.parts.map(([c0, c1]) => {
        if (elements.every((g) => g === 1)) return elements.map(() => copyOf([c0, c1]));
        return keySwitcher.decomposed(c1, (decomposition) =>
          elements.map((g, i) => this.rotatePart([c0, c1], decomposition, g, steps[i] as number)),
        );
      });
      return elements.map((g, i) => {
        const own = parts.map((rotated) => rotated[i] as PolyPair);
        return new BfvCiphertext(own, g === 1 ? a.noise : noise);
      });
    }, polynomialsIn);
  }

  dispose(a: BfvCiphertext): void {
    a.dispose();
  }

  /** Frees what `compute` makes on the way. */
  scope(compute: () => BfvCiphertext): BfvCiphertext {
    return this.context.ring.scope(compute, polynomialsIn);
  }

  /** σ_g(c0 + u), σ_g(v) for the switched (u, v): see `EvaluationKeys`. */
  private rotatePart(pair: PolyPair, decomposition: Decomposition, g: number, steps: number): PolyPair {
    if (g === 1) return copyOf(pair);
    const { keySwitcher } = this.context;
    const product = keySwitcher.multiply(decomposition, this.galoisKey(g, steps));
    return keySwitcher.dividePair(product, { plus: [pair[0]], galois: g });
  }

  private multiplyParts(
    as: readonly PolyPair[],
    bs: readonly PolyPair[],
    t: number,
    drop: number,
    key: SwitchingKey,
  ): PolyPair {
    const { ring, product, keySwitcher } = this.context;
    const kept = (pair: PolyPair): never[] => pair as unknown as never[];
    return ring.scope(() => {
      const sums: Triple[] = [];
      for (let i = 0; i < as.length; i += PAIRS_AT_ONCE) {
        sums.push(this.tensor(as.slice(i, i + PAIRS_AT_ONCE), bs.slice(i, i + PAIRS_AT_ONCE)));
      }
      const total = sums.reduce(([x0, x1, x2], [y0, y1, y2]) => [add(x0, y0), add(x1, y1), add(x2, y2)]);
      const [d0, d1, d2] = product.divide(total, t, drop) as Triple;
      return keySwitcher.switch(d2, key, [d0, d1]);
    }, kept);
  }

  /** Σ (a0·b0, a0·b1 + a1·b0, a1·b1) over Q·P, the b rescaled to P/Q of themselves. */
  private tensor(as: readonly PolyPair[], bs: readonly PolyPair[]): Triple {
    const { ring, engine, product } = this.context;
    return ring.scope(
      () => {
        const left = product.extendLeft(as.flat());
        const right = product.extendRight(bs.flat());
        const limbs = (left[0] as (typeof left)[number]).main.limbCount;
        const indices = product.indices(limbs);
        const [d0, d1, d2] = [0, 1, 2].map(() => ring.allocate('ntt', indices)) as Triple;
        indices.forEach((_, j) => {
          const limb = ({ main, auxiliary }: (typeof left)[number]) =>
            j < limbs ? main.limb(j) : auxiliary.limb(j - limbs);
          const quads = as.flatMap((_a, i) => [...left.slice(2 * i, 2 * i + 2), ...right.slice(2 * i, 2 * i + 2)]);
          engine.tensorProduct(d0.limb(j), d1.limb(j), d2.limb(j), quads.map(limb), ring.N, d0.prime(j));
        });
        engine.flush();
        return [d0, d1, d2] as Triple;
      },
      (triple) => triple as unknown as never[],
    );
  }

  /** The same message modulo fewer limbs. */
  private at(a: BfvCiphertext, limbs: number): BfvCiphertext {
    if (a.limbs === limbs) return a;
    const { converter, noise } = this.context;
    const parts = a.parts.map(([c0, c1]): PolyPair => {
      const reduce = (poly: Poly<'ntt'>) => divideByTop(poly, poly.limbCount - limbs, converter);
      return [reduce(c0), reduce(c1)];
    });
    return new BfvCiphertext(parts, combine(a.noise, noise.reduction(limbs)));
  }

  private sum(a: BfvCiphertext, b: BfvCiphertext, f: typeof add): BfvCiphertext {
    return this.scope(() => {
      const limbs = Math.min(a.limbs, b.limbs);
      const [x, y] = [this.at(a, limbs), this.at(b, limbs)];
      const noise = this.checked(
        a.noise === b.noise ? this.context.noise.timesInteger(a.noise, 2n) : combine(x.noise, y.noise),
      );
      const parts = x.parts.map(([x0, x1], j): PolyPair => {
        const [y0, y1] = y.parts[j] as PolyPair;
        return [f(x0, y0), f(x1, y1)];
      });
      return new BfvCiphertext(parts, noise);
    });
  }

  private checked(noise: Noise): Noise {
    if (this.context.noise.isDecryptable(noise)) return noise;
    throw new HermeticError('LEVELS_EXHAUSTED', 'the noise would leave no room for this operation', {
      expected: `at most ${this.depth} products in a row`,
      mend: 'Let the owner renew the ciphertext, or take a set of more limbs',
    });
  }

  private galoisKey(g: number, steps: number): SwitchingKey {
    const key = this.keys.galois.get(g);
    if (key) return key;
    throw new HermeticError('WRONG_KEY', `the keys lack a rotation by ${steps}`, {
      mend: 'Ask the owner for keys that serve this plan',
    });
  }

  private relinearizationKey(): SwitchingKey {
    if (this.keys.relinearization) return this.keys.relinearization;
    throw new HermeticError('WRONG_KEY', 'the keys lack relinearisation', {
      mend: 'Ask the owner for keys that serve products of ciphertexts',
    });
  }
}

function copyOf([c0, c1]: PolyPair): PolyPair {
  return [truncate(c0), truncate(c1)];
}
