/** What the attacks share: polynomials of a few terms as files carry them, integers out of slots, guesses at a key. */
import { modBigint } from '../kernels/arithmetic.ts';
import { readPoly } from '../protocol/ckks-codec.ts';
import { add, multiplyMontgomery, type Poly, toCoefficients, toMontgomery, toNtt } from '../ring/poly.ts';
import type { PublicKey } from '../rlwe/keys.ts';
import type { CkksContext } from '../schemes/ckks/context.ts';
import type { SlotValues } from '../schemes/ckks/encoder.ts';

export interface Term {
  readonly coefficient: bigint;
  /** Any integer: X^N = −1, so exponents count modulo 2N. */
  readonly exponent: number;
}

/** Σ coefficient·X^exponent over the primes of level 0: residues in NTT form, limb after limb. */
export function polynomialOf(context: CkksContext, terms: readonly Term[]): Uint32Array {
  const { ring } = context;
  const { N } = ring;
  return ring.scope(
    () => {
      const sum = ring.allocate('coeff', context.indicesAt(0));
      for (let j = 0; j < sum.limbCount; j++) {
        const { p } = sum.prime(j);
        const words = new Uint32Array(N);
        for (const { coefficient, exponent } of terms) {
          const place = ((exponent % (2 * N)) + 2 * N) % (2 * N);
          const signed = place < N ? coefficient : -coefficient;
          words[place % N] = (words[place % N] + modBigint(signed, p)) % p;
        }
        sum.write(j, words);
      }
      return readPoly(toNtt(sum));
    },
    () => [],
  );
}

/** Steps of a coefficient of 1 in `coefficientsOf`. */
const FINENESS = 2 ** 16;

/** The real coefficients, below 2^10 in magnitude, of the polynomial that takes these values at the slots; to 2^-16. */
export function coefficientsOf(context: CkksContext, slots: SlotValues): Float64Array {
  return context.ring.scope(
    () => Float64Array.from(firstResidues(context.encoder.encode(slots, FINENESS, 1)), (x) => x / FINENESS),
    () => [],
  );
}

/** Coefficients modulo the first prime, centred. */
export function firstResidues(poly: Poly<'ntt'>): Int32Array {
  const coefficients = toCoefficients(poly, 1);
  const { p } = coefficients.prime(0);
  const centred = Int32Array.from(coefficients.read(0), (word) => (word > p / 2 ? word - p : word));
  coefficients.dispose();
  return centred;
}

/** The nearest of −1, 0 and 1 to each number. */
export function nearestTernary(values: ArrayLike<number>): Int8Array {
  return Int8Array.from(values, (value) => (value > 0.5 ? 1 : value < -0.5 ? -1 : 0));
}

/** No error of the sampler, a centred binomial of 2·21 coins, is larger. */
const MAX_ERROR = 21;

/** How the attacker knows that a guess is the key: b + a·s is an error polynomial, small in every coefficient. */
export function fitsPublicKey(context: CkksContext, { a, b }: PublicKey, guess: Int8Array): boolean {
  const { ring } = context;
  return ring.scope(
    () => {
      const coefficients = ring.allocate('coeff', [0]);
      const { p } = coefficients.prime(0);
      coefficients.write(
        0,
        Uint32Array.from(guess, (x) => (x + p) % p),
      );
      const s = toMontgomery(toNtt(coefficients));
      return firstResidues(add(multiplyMontgomery(a, s), b)).every((error) => Math.abs(error) <= MAX_ERROR);
    },
    () => [],
  );
}
