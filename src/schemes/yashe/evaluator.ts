/**
 * YASHE' (Bos, Lauter, Loftus and Naehrig 2013/075, section 5; products after Halevi, Polyakov and Shoup 2018/117).
 * Exact; noise is estimated, and an operation that could make a decryption wrong is refused. Broken: see `SCHEMES` in traits.ts.
 */
import { HermeticError } from '../../base/errors.ts';
import {
  add,
  automorphism,
  multiplyInteger,
  multiplyMontgomery,
  negate,
  type Poly,
  subtract,
  toMontgomery,
  truncate,
} from '../../ring/poly.ts';
import type { ExtendedPoly } from '../../ring/scaled-product.ts';
import type { Plaintext } from '../../rlwe/batch-encoder.ts';
import { combine, type Noise } from '../../rlwe/noise-estimate.ts';
import { centredModulo } from '../../rlwe/plaintext-lift.ts';
import type { IntegerEvaluator } from '../integer-scheme.ts';
import { polynomialsIn, YasheCiphertext } from './ciphertext.ts';
import type { YasheContext } from './context.ts';
import { switchKey } from './key-switching.ts';
import type { YasheEvaluationKeys, YasheSwitchingKey } from './keys.ts';

/** Products that 64-bit lanes of the kernel bear. */
const PAIRS_AT_ONCE = 64;

export class YasheEvaluator implements IntegerEvaluator<YasheCiphertext> {
  readonly scheme = 'yashe';
  readonly context: YasheContext;
  readonly depth: number;
  private readonly keys: YasheEvaluationKeys;

  constructor(context: YasheContext, keys: YasheEvaluationKeys) {
    this.context = context;
    this.keys = keys;
    this.depth = context.noise.depth();
  }

  get slots(): number {
    return this.context.slots;
  }

  get plainBits(): number {
    return this.context.encoder.remainders.bits;
  }

  add(a: YasheCiphertext, b: YasheCiphertext): YasheCiphertext {
    return this.sum(a, b, add);
  }

  subtract(a: YasheCiphertext, b: YasheCiphertext): YasheCiphertext {
    return this.sum(a, b, subtract);
  }

  negate(a: YasheCiphertext): YasheCiphertext {
    return new YasheCiphertext(a.parts.map(negate), a.noise);
  }

  addPlain(a: YasheCiphertext, values: readonly bigint[]): YasheCiphertext {
    const { lift, noise: model, indices } = this.context;
    return this.scope(() => {
      const plains = this.context.encode(values);
      const parts = a.parts.map((c, j) => add(c, lift.scale(plains[j] as Plaintext, indices.length)));
      return new YasheCiphertext(parts, this.checked(combine(a.noise, model.plainRounding())));
    });
  }

  multiply(a: YasheCiphertext, b: YasheCiphertext): YasheCiphertext {
    return this.innerProduct([a], [b]);
  }

  /** One scaling and one relinearisation. */
  innerProduct(as: readonly YasheCiphertext[], bs: readonly YasheCiphertext[]): YasheCiphertext {
    if (as.length === 0 || as.length !== bs.length) {
      throw new RangeError(`innerProduct of ${as.length} and ${bs.length}`);
    }
    const keys = this.relinearizationKeys();
    const { noise: model, parameters, product } = this.context;
    const noise = this.checked(model.product(as.map((a, i) => [a.noise, (bs[i] as YasheCiphertext).noise] as const)));
    return this.scope(() => {
      const parts = parameters.plainPrimes.map((t, j) => {
        const of = (c: YasheCiphertext): Poly<'ntt'> => c.parts[j] as Poly<'ntt'>;
        const sum = this.sumOfProducts(product.extendLeft(as.map(of)), product.extendRight(bs.map(of)));
        const [scaled] = product.divide([sum], t);
        return switchKey(this.context, scaled as Poly<'ntt'>, keys[j] as YasheSwitchingKey);
      });
      return new YasheCiphertext(parts, noise);
    });
  }

  multiplyPlain(a: YasheCiphertext, values: readonly bigint[]): YasheCiphertext {
    if (values.length === 1) return this.multiplyInteger(a, values[0] as bigint);
    const { lift, noise: model, indices } = this.context;
    return this.scope(() => {
      const noise = this.checked(model.timesPlain(a.noise, values.length));
      const plains = this.context.encode(values);
      const parts = a.parts.map((c, j) =>
        multiplyMontgomery(c, toMontgomery(lift.lift(plains[j] as Plaintext, indices.length))),
      );
      return new YasheCiphertext(parts, noise);
    });
  }

  multiplyInteger(a: YasheCiphertext, factor: bigint): YasheCiphertext {
    const { noise: model, parameters } = this.context;
    const noise = this.checked(model.timesInteger(a.noise, factor));
    const parts = a.parts.map((c, j) => multiplyInteger(c, centredModulo(factor, parameters.plainPrimes[j] as number)));
    return new YasheCiphertext(parts, noise);
  }

  /** σ_g(c) is under f(X^g): the switch follows. */
  rotate(a: YasheCiphertext, steps: number): YasheCiphertext {
    const { noise: model } = this.context;
    const g = this.context.galoisElement(steps);
    if (g === 1)
      return new YasheCiphertext(
        a.parts.map((c) => truncate(c)),
        a.noise,
      );
    const keys = this.galoisKeys(g, steps);
    const noise = this.checked(combine(a.noise, model.keySwitch()));
    return this.scope(() => {
      const parts = a.parts.map((c, j) => switchKey(this.context, automorphism(c, g), keys[j] as YasheSwitchingKey));
      return new YasheCiphertext(parts, noise);
    });
  }

  dispose(a: YasheCiphertext): void {
    a.dispose();
  }

  /** Frees what `compute` makes on the way. */
  private scope(compute: () => YasheCiphertext): YasheCiphertext {
    return this.context.ring.scope(compute, polynomialsIn);
  }

  /** Over q·P. */
  private sumOfProducts(left: readonly ExtendedPoly[], right: readonly ExtendedPoly[]): Poly<'ntt'> {
    const { ring, engine, product, indices: own } = this.context;
    const limbs = own.length;
    const indices = product.indices(limbs);
    const limb = ({ main, auxiliary }: ExtendedPoly, j: number) =>
      j < limbs ? main.limb(j) : auxiliary.limb(j - limbs);
    const sums: Poly<'ntt'>[] = [];
    for (let from = 0; from < left.length; from += PAIRS_AT_ONCE) {
      const sum = ring.allocate('ntt', indices);
      const [as, bs] = [left.slice(from, from + PAIRS_AT_ONCE), right.slice(from, from + PAIRS_AT_ONCE)];
      indices.forEach((_, j) => {
        const pairs = as.flatMap((a, i) => [limb(a, j), limb(bs[i] as ExtendedPoly, j)]);
        engine.innerProduct(sum.limb(j), pairs, ring.N, sum.prime(j));
      });
      engine.flush();
      sums.push(sum);
    }
    // The kernel's sums come out divided by 2^32.
    return toMontgomery(sums.reduce((x, y) => add(x, y)));
  }

  private sum(a: YasheCiphertext, b: YasheCiphertext, f: typeof add): YasheCiphertext {
    const { noise: model } = this.context;
    const noise = this.checked(a.noise === b.noise ? model.timesInteger(a.noise, 2n) : combine(a.noise, b.noise));
    return new YasheCiphertext(
      a.parts.map((c, j) => f(c, b.parts[j] as Poly<'ntt'>)),
      noise,
    );
  }

  private checked(noise: Noise): Noise {
    if (this.context.noise.isDecryptable(noise)) return noise;
    throw new HermeticError('LEVELS_EXHAUSTED', 'the noise would leave no room for this operation', {
      expected: `at most ${this.depth} products in a row`,
      mend: 'Let the owner renew the ciphertext',
    });
  }

  private galoisKeys(g: number, steps: number): readonly YasheSwitchingKey[] {
    const keys = this.keys.galois.get(g);
    if (keys) return keys;
    throw new HermeticError('WRONG_KEY', `the keys lack a rotation by ${steps}`, {
      mend: 'Ask the owner for keys that serve this plan',
    });
  }

  private relinearizationKeys(): readonly YasheSwitchingKey[] {
    if (this.keys.relinearization) return this.keys.relinearization;
    throw new HermeticError('WRONG_KEY', 'the keys lack relinearisation', {
      mend: 'Ask the owner for keys that serve products of ciphertexts',
    });
  }
}
