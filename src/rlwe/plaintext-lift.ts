/**
 * Between plaintexts modulo t and residues modulo Q, rounded exactly (Halevi, Polyakov and Shoup 2018/117, section 2):
 * since Q·m ≡ 0 modulo every limb, round(Q·m/t) = (Q·m − [Q·m]_t)/t is −[Q·m]_t/t there, [·] centred; and the other way.
 */
import { encodeOperand, inverseMod, modBigint } from '../kernels/arithmetic.ts';
import type { PrimeContext } from '../kernels/prime-context.ts';
import type { BaseConversion, BaseConverter } from '../ring/base-converter.ts';
import { productModulo } from '../ring/division.ts';
import { eachLimb, firstIndices, multiplyInteger, type Poly } from '../ring/poly.ts';
import type { Ring } from '../ring/ring.ts';
import type { Plaintext } from './batch-encoder.ts';

export class PlaintextLift {
  private readonly ring: Ring;
  private readonly converter: BaseConverter;
  private readonly conversions = new Map<string, BaseConversion>();

  constructor(ring: Ring, converter: BaseConverter) {
    this.ring = ring;
    this.converter = converter;
  }

  /** m, centred modulo its t, over the lowest `limbs` primes. */
  lift(m: Plaintext, limbs: number): Poly<'ntt'> {
    return this.switchUp(m, limbs, () => 1);
  }

  /** round(Q·m/t) over the lowest `limbs` primes, whose product is Q; exact. */
  scale({ words, logSize }: Plaintext, limbs: number): Poly<'ntt'> {
    const t = words.prime(0).p;
    const multiple = multiplyInteger(words, BigInt(productModulo(this.ring.primes, firstIndices(limbs), t)));
    const out = this.switchUp({ words: multiple, logSize }, limbs, (p) => p - inverseMod(t % p, p));
    multiple.dispose();
    return out;
  }

  /** round(t·x/Q) modulo t, the prime of ring index `plain`: decryption. Exact unless a fraction is near a half. */
  divide(x: Poly<'ntt'>, plain: number): Poly<'coeff'> {
    const { ring } = this;
    const { engine } = ring;
    const { sources, targets, matrix, quotients, scales } = this.conversion(x.limbCount, plain);
    const digits = ring.allocate('coeff', x.indices);
    eachLimb(digits, (j, prime) => engine.nttInverse(digits.limb(j), x.limb(j), prime, scales[j]));
    const out = ring.allocate('coeff', [plain]);
    engine.convertBase(digits.limbs, sources, out.limbs, targets, matrix, ring.N, quotients);
    engine.flush();
    for (const limb of digits.limbs) engine.clear(limb, 4 * ring.N);
    engine.flush();
    digits.dispose();
    return out;
  }

  /** The centred residues modulo other primes, times a factor of each: transformed at their own size, and expanded. */
  private switchUp({ words, logSize }: Plaintext, limbs: number, factor: (p: number) => number): Poly<'ntt'> {
    const { ring } = this;
    const { engine, N } = ring;
    const size = 1 << logSize;
    const out = ring.allocate('ntt', firstIndices(limbs));
    const small = size === N ? out : ring.allocate('ntt', out.indices);
    eachLimb(small, (j, prime) => engine.switchModulus(small.limb(j), words.limb(0), words.prime(0), size, prime));
    eachLimb(small, (j, prime) => engine.nttForward(small.limb(j), small.limb(j), prime, logSize));
    eachLimb(small, (j, prime) => {
      const w = factor(prime.p);
      if (w !== 1) engine.mulScalar(small.limb(j), small.limb(j), encodeOperand(w, prime.p), size, prime);
    });
    if (small !== out) {
      const index = ring.expansionIndex(logSize);
      eachLimb(out, (j) => engine.gather(out.limb(j), small.limb(j), index, N));
      small.dispose();
    }
    return out;
  }

  private conversion(limbs: number, plain: number): BaseConversion {
    const key = `${limbs}:${plain}`;
    let found = this.conversions.get(key);
    if (!found) {
      const indices = firstIndices(limbs);
      const [t, ...primes] = [plain, ...indices].map((i) => BigInt((this.ring.primes[i] as PrimeContext).p));
      const Q = primes.reduce((product, q) => product * q, 1n);
      found = this.converter.scaled(indices, [plain], { before: t as bigint, after: [-1n, Q] });
      this.conversions.set(key, found);
    }
    return found;
  }
}

/** An integer modulo t, centred: what a product with it costs in noise. */
export function centredModulo(x: bigint, t: number): bigint {
  const r = modBigint(x, t);
  return BigInt(r > t / 2 ? r - t : r);
}
