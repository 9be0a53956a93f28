/**
 * The one parameter set of YASHE' (Bos, Lauter, Loftus and Naehrig 2013/075, section 5), for teaching. The ring is
 * Z[Y]/(Y^32 + 1), held in the smallest that the kernels transform, Z[X]/(X^64 + 1), as the polynomials in Y = X². The
 * modulus has room for seven products, and is by that far too large: NTRU with such a modulus is overstretched.
 */
import { HermeticError } from '../../base/errors.ts';
import { dot28Primes } from '../../ring/primes.ts';
import { logModulus } from '../../rlwe/security-table.ts';

export const YASHE_SET = 'insecure-yashe-32';

export interface YasheParameters {
  readonly set: typeof YASHE_SET;
  /** Of the kernels' ring. */
  readonly logN: number;
  /** n, the degree of the ring of Y: half of the kernels'. */
  readonly N: number;
  /** Integers in a ciphertext, N/2. */
  readonly slots: number;
  /** Of q. */
  readonly primes: readonly number[];
  /** Of products, as many. */
  readonly productPrimes: readonly number[];
  /** t_1, t_2, …: each has a key of its own. */
  readonly plainPrimes: readonly number[];
  readonly logQ: number;
  readonly securityBits: 0;
  readonly insecure: true;
  /** SHA-256 of the canonical description. */
  readonly hash: Uint8Array;
}

/** Of the kernels. */
const LOG_N = 6;
const LIMBS = 20;
export const MAX_PLAIN_PRIMES = 16;

/** The set by its name, with 1 … 16 plaintext primes of 27 bits. Throws BAD_ARGUMENT for another name. */
export async function yasheParameters(name: string, plainPrimes = 5): Promise<YasheParameters> {
  if (name !== YASHE_SET) {
    throw new HermeticError('BAD_ARGUMENT', 'unknown parameter set', {
      expected: YASHE_SET,
      got: JSON.stringify(name.slice(0, 40)),
    });
  }
  if (!Number.isInteger(plainPrimes) || plainPrimes < 1 || plainPrimes > MAX_PLAIN_PRIMES) {
    throw new RangeError(`plainPrimes: expected an integer from 1 to ${MAX_PLAIN_PRIMES}, got ${plainPrimes}`);
  }
  const candidates = dot28Primes(LOG_N);
  const shape = {
    logN: LOG_N,
    productPrimes: candidates.slice(0, LIMBS),
    primes: candidates.slice(LIMBS, 2 * LIMBS),
    plainPrimes: candidates.slice(-plainPrimes).reverse(),
  };
  const content = new TextEncoder().encode(JSON.stringify({ scheme: 'yashe', ...shape }));
  return {
    set: YASHE_SET,
    ...shape,
    N: 1 << (LOG_N - 1),
    slots: 1 << (LOG_N - 2),
    logQ: logModulus(shape.primes),
    securityBits: 0,
    insecure: true,
    hash: new Uint8Array(await crypto.subtle.digest('SHA-256', content)),
  };
}
