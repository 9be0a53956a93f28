/**
 * How noise grows in YASHE', in the heuristic of independent coefficients; the invariant noise v is t/q·f·c = m + v + t·K.
 * Decryption is right while |v| < 1/2. As f = 1 + t·f' is itself of the size of t, a product multiplies noise by about
 * t²·N^(3/2): twice the bits of BFV. Public: it depends on the operations alone, and on public plaintexts.
 */
import { combine, countPairs, type Noise } from '../../rlwe/noise-estimate.ts';
import type { YasheParameters } from './parameters.ts';

/** Variance of the sampled errors, and of ternary coefficients (src/ring/sampler.ts). */
const ERROR_VARIANCE = 10.5;
const TERNARY_VARIANCE = 2 / 3;
/**
 * Deviations that a coefficient never reaches: 2^8. Of so few slots one may outweigh the others, and a product makes its
 * share larger: noise is not Gaussian, and among some hundred random circuits of seven products several exceed 2^3
 * deviations, one 2^5.
 */
const TAIL_BITS = 8;
const LIMIT = -1 - TAIL_BITS;
/** Room for sums in `depth`: after each product, 2^(2·3) ciphertexts of its noise may be added up. */
const SUM_BITS = 3;

export class NoiseModel {
  private readonly N: number;
  private readonly t: number;
  private readonly limbs: number;
  private readonly logQ: number;
  /** Of a coefficient of f. */
  private readonly keyVariance: number;

  constructor({ N, plainPrimes, primes, logQ }: YasheParameters) {
    this.N = N;
    this.t = Math.max(...plainPrimes);
    this.limbs = primes.length;
    this.logQ = logQ;
    this.keyVariance = TERNARY_VARIANCE * this.t ** 2;
  }

  /** t/q times a polynomial of this variance. */
  private scaled(variance: number, degree: number): Noise {
    return { bits: Math.log2(this.t) - this.logQ + Math.log2(variance) / 2, degree };
  }

  /** Of f·(e + h·s) = f·e + t·g·s. */
  private maskVariance(): number {
    return this.N * (this.keyVariance * ERROR_VARIANCE + (this.t * TERNARY_VARIANCE) ** 2);
  }

  fresh(): Noise {
    return combine(this.scaled(this.maskVariance(), 1), this.plainRounding());
  }

  /** Of round(q·m/t), or of round(P·c/q): a rest times f. */
  plainRounding(): Noise {
    return this.scaled((this.N * this.keyVariance) / 12, 1);
  }

  /** Σ_i digit_i·(e_i + h·s_i) times f, digits below q_i/2. */
  keySwitch(): Noise {
    return this.scaled(((this.limbs * this.N * 2 ** 56) / 12) * this.maskVariance(), 1);
  }

  /** Σ of products, rounded and switched from f² to f. The same object is the noise of one ciphertext. */
  product(pairs: readonly (readonly [Noise, Noise])[]): Noise {
    const grown = countPairs(pairs).map(([a, b, count]) => {
      const { bits, degree } = combine(a, b, this.plainRounding());
      const multiples = ((degree + 1) * this.N * this.keyVariance) / 12;
      const factor = Math.log2(count * this.t) + Math.log2(this.N * multiples) / 2 + (a === b ? 0.5 : 0);
      return { bits: bits + factor, degree: degree + 1 };
    });
    // A rest r becomes r·f².
    const rounding = this.scaled((2 * this.N ** 2 * this.keyVariance ** 2) / 12, 2);
    return combine(...grown, rounding, this.keySwitch());
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

  isDecryptable({ bits }: Noise): boolean {
    return bits <= LIMIT;
  }

  /** Bits left until decryption may fail. */
  budget({ bits }: Noise): number {
    return LIMIT - bits;
  }

  /** Products that may follow one another from a fresh ciphertext that was rotated, sums of 64 after each. */
  depth(): number {
    let noise = combine(this.fresh(), this.keySwitch());
    for (let products = 0; ; products++) {
      const { bits, degree } = this.product([[noise, noise]]);
      noise = { bits: bits + SUM_BITS, degree };
      if (!this.isDecryptable(noise)) return products;
    }
  }
}
