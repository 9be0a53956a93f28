/**
 * Parameter sets of BFV (Brakerski 2012/078; Fan and Vercauteren 2012/144) on dot28 primes. From the largest prime down:
 * the special modulus of key switching, the auxiliary modulus of products, the ciphertext modulus; the smallest primes
 * are plaintext moduli, for noise grows with them. All are 1 modulo 2N, so the kernels' NTT encodes slots.
 */
import { HermeticError } from '../../base/errors.ts';
import { dot28Primes } from '../../ring/primes.ts';
import { checkSecurity, logModulus } from '../../rlwe/security-table.ts';

export interface BfvParameters {
  readonly set: string;
  readonly logN: number;
  readonly N: number;
  /** Integers in a ciphertext, N/2. */
  readonly slots: number;
  /** Ciphertext primes, bottom first: Q. */
  readonly primes: readonly number[];
  readonly specialPrimes: readonly number[];
  /** Of products, as many as ciphertext primes. */
  readonly productPrimes: readonly number[];
  /** t_1, t_2, …: slots hold integers modulo their product, each ciphertext an RLWE ciphertext for each. */
  readonly plainPrimes: readonly number[];
  readonly logQP: number;
  /** 128, or 0 for insecure sets. */
  readonly securityBits: number;
  readonly insecure: boolean;
  /** SHA-256 of the canonical description. */
  readonly hash: Uint8Array;
}

export interface BfvShape {
  readonly logN: number;
  /** Limbs of Q. */
  readonly limbs: number;
  /** Limbs of the special modulus, and of a digit of key switching. */
  readonly special: number;
  readonly plainPrimes: number;
}

/**
 * log2(QP) is checked against the security table when a set is made. F14S gives a limb of F14's Q to the special modulus:
 * fewer digits, so that keys are smaller and switches cheaper, for less room for sums.
 */
const SHAPES: Readonly<Record<string, Omit<BfvShape, 'plainPrimes'>>> = {
  F13: { logN: 13, limbs: 6, special: 1 },
  F14: { logN: 14, limbs: 13, special: 2 },
  F14S: { logN: 14, limbs: 12, special: 3 },
  F15: { logN: 15, limbs: 25, special: 5 },
};

const BFV_SETS: readonly string[] = Object.keys(SHAPES);

const MAX_PLAIN_PRIMES = 16;

/** A named set at 128 bits, `plainPrimes` (1 … 16) plaintext primes of 27 bits. Throws BAD_ARGUMENT for an unknown name. */
export async function bfvParameters(name: string, plainPrimes = 5): Promise<BfvParameters> {
  const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name] : undefined;
  if (!shape) {
    throw new HermeticError('BAD_ARGUMENT', 'unknown parameter set', {
      expected: BFV_SETS.join(', '),
      got: JSON.stringify(name.slice(0, 40)),
    });
  }
  return build(name, { ...shape, plainPrimes }, false);
}

/** Small rings for tests. Broken by anyone; says so in its name. */
export async function insecureBfvParameters(shape: BfvShape): Promise<BfvParameters> {
  const { logN, limbs, special, plainPrimes } = shape;
  return build(`insecure-bfv-${logN}-${limbs}-${special}-${plainPrimes}`, shape, true);
}

async function build(set: string, shape: BfvShape, insecure: boolean): Promise<BfvParameters> {
  const { logN, limbs, special, plainPrimes: plain } = shape;
  const fits = [logN, limbs, special, plain].every(Number.isInteger) && limbs >= 1 && limbs <= 40 && special >= 1;
  if (!fits || logN < 6 || logN > 15 || special > limbs || plain < 1 || plain > MAX_PLAIN_PRIMES) {
    throw new RangeError(
      `expected logN 6..15, limbs 1..40, special 1..limbs, plainPrimes 1..${MAX_PLAIN_PRIMES}; ` +
        `got ${logN}, ${limbs}, ${special}, ${plain}`,
    );
  }
  const candidates = dot28Primes(logN);
  const specialPrimes = candidates.slice(0, special);
  const productPrimes = candidates.slice(special, special + limbs);
  const primes = candidates.slice(special + limbs, special + 2 * limbs);
  const plainPrimes = candidates.slice(-plain).reverse();
  if (!insecure) checkSecurity(logN, [...primes, ...specialPrimes]);
  const content = { scheme: 'bfv', logN, primes, specialPrimes, productPrimes, plainPrimes, insecure };
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(content)));
  return {
    set,
    logN,
    N: 1 << logN,
    slots: 1 << (logN - 1),
    primes,
    specialPrimes,
    productPrimes,
    plainPrimes,
    logQP: logModulus([...primes, ...specialPrimes]),
    securityBits: insecure ? 0 : 128,
    insecure,
    hash: new Uint8Array(digest),
  };
}
