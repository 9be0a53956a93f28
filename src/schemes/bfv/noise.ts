/**
 * How noise grows in BFV, coefficient by coefficient (Costache, Laine and Player 2019/493, on invariant noise; Biasioli,
 * Marcolla, Calderini and Mono 2023/600, on powers of s). Public: it depends on the operations alone, and on public
 * plaintexts.
 *
 * The invariant noise v of a ciphertext is t/Q·(c0 + c1·s) = m + v + t·K, K an integer polynomial. Decryption is right
 * while |v| < 1/2. Estimates are log2 of the standard deviation of v's coefficients, for the largest t; s is uniform
 * ternary, so a rounding r0 + r1·s, or K itself, has variance κ² = (1 + 2N/3)/12.
 *
 * - Product: (m_a + v_a + t·K_a)(m_b + v_b + t·K_b), its noise v_a·(m_b + t·K_b) + v_b·(m_a + t·K_a): √N·t·κ a factor.
 *   v holds powers of s, and the coefficients of s^i·s are larger than of independent factors: variance i + 1 times.
 * - Product with a batched plaintext of d values: its 2d coefficients are uniform modulo t, √(2d/12)·t.
 * - Sum: variances add, for the noises of different ciphertexts are independent; twice the same doubles.
 */

import { combine, countPairs, type Noise } from '../../rlwe/noise-estimate.ts';
import { logModulus } from '../../rlwe/security-table.ts';
import type { BfvParameters } from './parameters.ts';

/** Of the samplers (src/ring/sampler.ts): √10.5. */
const SIGMA = Math.sqrt(10.5);
/** Deviations that a coefficient never reaches, 2^3: 2^-50 for each. */
const TAIL_BITS = 3;
/** v beyond 1/2 is wrong. */
const LIMIT = -1 - TAIL_BITS;
/** A rounding is free where it stays that far below the noise that is there: it adds 2^-7 of its variance. */
const HIDDEN_BITS = 3;
/** Room for sums in `depth`: after each product, 2^(2·1) ciphertexts of its noise may be added up. */
const SUM_BITS = 1;

export class NoiseModel {
  private readonly N: number;
  private readonly t: number;
  private readonly parameters: BfvParameters;
  /** log2 of the product of the lowest l primes. */
  private readonly logQ: readonly number[];

  constructor(parameters: BfvParameters) {
    this.parameters = parameters;
    this.N = parameters.N;
    this.t = Math.max(...parameters.plainPrimes);
    this.logQ = [0, ...parameters.primes.map((_, j) => logModulus(parameters.primes.slice(0, j + 1)))];
  }

  /** An error of this deviation modulo the lowest `limbs` primes. */
  private error(deviation: number, limbs: number, degree: number): Noise {
    return { bits: Math.log2(this.t) - (this.logQ[limbs] as number) + Math.log2(deviation), degree };
  }

  /** Deviation of r0 + r1·s, and r2·s² where that is there, for uniform rests r; `power` as in `Noise`. */
  private rest({ square = false, power = 0 } = {}): number {
    const { N } = this;
    return Math.sqrt((1 + ((power + 1) * 2 * N) / 3 + (square ? (8 * N ** 2) / 9 : 0)) / 12);
  }

  /** A fresh encryption under the secret key: one error polynomial, and the rounding of Q·m/t. */
  fresh(): Noise {
    const limbs = this.parameters.primes.length;
    return combine(this.error(SIGMA, limbs, 0), this.plainRounding(limbs));
  }

  /** An encryption of zero under the public key: e·v + e0 + e1·s. */
  publicZero(limbs: number): Noise {
    return this.error(SIGMA * Math.sqrt(1 + (4 * this.N) / 3), limbs, 1);
  }

  /** What a reduction to `limbs` limbs adds. */
  reduction(limbs: number): Noise {
    return this.error(this.rest(), limbs, 1);
  }

  /** Of round(Q·m/t), which replaces Q/t·m. */
  plainRounding(limbs: number): Noise {
    return this.error(Math.sqrt(1 / 12), limbs, 0);
  }

  /** What key switching adds: Σ_d digit_d·e_d / P over digits of some limbs, and a rounding. */
  keySwitch(limbs: number): Noise {
    const { specialPrimes, primes } = this.parameters;
    const digits = Math.ceil(limbs / specialPrimes.length);
    const digitBits = logModulus(primes.slice(0, specialPrimes.length)) - logModulus(specialPrimes);
    const sum = this.error(SIGMA * Math.sqrt((digits * this.N) / 12) * 2 ** digitBits, limbs, 0);
    return combine(sum, this.reduction(limbs));
  }

  /** Σ of products of ciphertexts of `limbs` limbs, before rounding. The same object is the noise of one ciphertext. */
  product(pairs: readonly (readonly [Noise, Noise])[], limbs: number): Noise {
    return combine(
      ...countPairs(pairs).map(([a, b, count]) => {
        // The right factor is rounded to the auxiliary modulus, whose primes are larger than those of Q.
        const { bits, degree } = combine(a, b, this.reduction(limbs));
        const factor = Math.log2(count * this.t * this.rest({ power: degree })) + Math.log2(this.N) / 2;
        return { bits: bits + factor + (a === b ? 0.5 : 0), degree: degree + 1 };
      }),
    );
  }

  /** A division to `limbs` limbs before relinearisation rounds r0 + r1·s + r2·s², and the switch follows. */
  relinearization(limbs: number): Noise {
    return combine(this.squareRounding(limbs), this.keySwitch(limbs));
  }

  /** Of r0 + r1·s + r2·s². */
  private squareRounding(limbs: number): Noise {
    return this.error(this.rest({ square: true }), limbs, 2);
  }

  /** After a product with a batched plaintext of `period` values. */
  timesPlain({ bits, degree }: Noise, period: number): Noise {
    return { bits: bits + Math.log2(this.t * Math.sqrt((2 * period) / 12)), degree };
  }

  /** After a product with an integer, which is reduced modulo t. */
  timesInteger({ bits, degree }: Noise, factor: bigint): Noise {
    const magnitude = Math.min(Number(factor < 0n ? -factor : factor), this.t / 2);
    return { bits: bits + Math.log2(Math.max(1, magnitude)), degree };
  }

  /** The fewest limbs whose roundings stay hidden below this noise; of a product before relinearisation `squared`. */
  limbsFor({ bits }: Noise, limbs: number, squared = false): number {
    const rounding = (kept: number) => (squared ? this.squareRounding(kept) : this.reduction(kept));
    let kept = limbs;
    while (kept > 1 && rounding(kept - 1).bits <= bits - HIDDEN_BITS) kept--;
    return kept;
  }

  isDecryptable({ bits }: Noise): boolean {
    return bits <= LIMIT;
  }

  /** Bits left until decryption may fail. */
  budget({ bits }: Noise): number {
    return LIMIT - bits;
  }

  /**
   * Products of ciphertexts that may follow one another from an encryption under the public key, with sums of four
   * ciphertexts after each.
   */
  depth(): number {
    let limbs = this.parameters.primes.length;
    let noise = combine(this.publicZero(limbs), this.plainRounding(limbs));
    for (let products = 0; ; products++) {
      const grown = this.product([[noise, noise]], limbs);
      limbs = this.limbsFor(grown, limbs, true);
      const { bits, degree } = combine(grown, this.relinearization(limbs));
      noise = { bits: bits + SUM_BITS, degree };
      if (!this.isDecryptable(noise)) return products;
    }
  }
}
