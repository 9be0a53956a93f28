/** Exact lifts of residues to centred integers (assembly/mixed-radix.ts). */
import { inverseMod, modBigint } from '../kernels/arithmetic.ts';
import type { Address, Blocks } from '../kernels/heap.ts';
import type { PrimeContext } from '../kernels/prime-context.ts';
import { eachLimb, type Poly } from './poly.ts';
import type { Ring } from './ring.ts';

/** Mixed-radix digits of polynomials modulo the lowest `limbs` primes, and what can be made of them. */
export class MixedRadix {
  readonly limbs: number;
  /** Q, the product of the primes. */
  readonly modulus: bigint;
  private readonly ring: Ring;
  private readonly inverses: Address;
  private readonly halves: Address;
  private readonly primeWords: Address;
  private readonly doubles: Address;
  private readonly weights = new Map<string, Address>();

  constructor(ring: Ring, limbs: number) {
    this.ring = ring;
    this.limbs = limbs;
    const { engine } = ring;
    const primes = this.primes().map((c) => c.p);
    this.modulus = primes.reduce((product, p) => product * BigInt(p), 1n);
    this.inverses = this.put(primes.flatMap((q) => primes.map((p) => (p === q ? 0 : inverseMod(q % p, p)))));
    this.halves = this.put(digitsOf(this.modulus / 2n, primes));
    this.primeWords = this.put(primes);
    this.doubles = engine.allocate(8 * limbs);
    let product = 1;
    primes.forEach((p, j) => {
      engine.heap.f64(this.doubles, limbs)[j] = product;
      product *= p;
    });
  }

  private primes(): readonly PrimeContext[] {
    return this.ring.primes.slice(0, this.limbs);
  }

  private put(words: readonly number[]): Address {
    const at = this.ring.engine.allocate(4 * words.length);
    this.ring.engine.heap.u32(at, words.length).set(words);
    return at;
  }

  /** Room for the digits of N integers, one block a digit. */
  allocateDigits(): Blocks {
    return this.ring.engine.allocateBlocks(this.limbs, 4 * this.ring.N);
  }

  /** Digits of a polynomial's residues modulo the lowest primes; wipe and release them. */
  digits(a: Poly<'coeff'>): Blocks {
    const { engine, N } = this.ring;
    const out = this.allocateDigits();
    engine.mixedRadixDigits(out.first, a.limbs.slice(0, this.limbs), this.primes(), this.inverses, N);
    engine.flush();
    return out;
  }

  /** The centred integers modulo other primes: exact. */
  evaluate(digits: Blocks, indices: readonly number[]): Poly<'coeff'> {
    return this.evaluateMinus(digits, indices, this.modulus, false);
  }

  /** Integer minus `centre`, for every coefficient (`always`) or where the integer exceeds Q/2 (centre = Q). */
  evaluateMinus(digits: Blocks, indices: readonly number[], centre: bigint, always: boolean): Poly<'coeff'> {
    const out = this.ring.allocate('coeff', indices);
    eachLimb(out, (j, prime) => {
      const weights = this.weightsFor(prime, centre);
      const { engine, N } = this.ring;
      engine.mixedRadixEvaluate(out.limb(j), digits.first, this.limbs, weights, this.halves, always, N, prime);
    });
    return out;
  }

  /** The centred integers times `scale`, as N doubles (a copy). */
  toDoubles(digits: Blocks, scale: number): Float64Array {
    const { engine, N } = this.ring;
    const out = engine.allocate(8 * N);
    engine.mixedRadixToDouble(out, digits.first, this.limbs, this.doubles, this.halves, this.primeWords, scale, N);
    engine.flush();
    const values = engine.heap.f64(out, N).slice();
    engine.release(out, 8 * N);
    return values;
  }

  /** Π_{i<j} q_i mod p for each j, then the centre. */
  private weightsFor(prime: PrimeContext, centre: bigint): Address {
    const key = `${prime.p}:${centre}`;
    let at = this.weights.get(key);
    if (at === undefined) {
      const words: number[] = [];
      let product = 1n;
      for (const q of this.primes()) {
        words.push(modBigint(product, prime.p));
        product *= BigInt(q.p);
      }
      at = this.put([...words, modBigint(centre, prime.p)]);
      this.weights.set(key, at);
    }
    return at;
  }
}

function digitsOf(x: bigint, primes: readonly number[]): number[] {
  let rest = x;
  return primes.map((p) => {
    const digit = Number(rest % BigInt(p));
    rest /= BigInt(p);
    return digit;
  });
}
