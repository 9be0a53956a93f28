/** What a file says about the parameters it was made with, and what a reader must know to check its residues. */
import * as z from 'zod';
import { checkBytes, checkInteger, checkPowerOfTwo } from '../base/checks.ts';

/** Stands in every file, for people and for `inspect`; the parameter hash is what binds. */
export interface ParameterDescription {
  /** Name of the set, `L14` for example. */
  readonly set: string;
  /** Ring degree. */
  readonly N: number;
  /** log2 of the whole modulus, special primes included. */
  readonly logQP: number;
  readonly securityBits: number;
  /** True where the security table does not vouch for the set: each load warns. */
  readonly insecure: boolean;
}

/** A parameter set as this floor sees it: enough to compute the size of every body and check every residue. */
export interface CiphertextParameters {
  readonly description: ParameterDescription;
  /** SHA-256 of the full parameters, 32 bytes. */
  readonly hash: Uint8Array;
  /** Primes of the ciphertext modulus, bottom first. */
  readonly primes: readonly number[];
  /** limbsAtLevel[l] = number of primes of a ciphertext at level l; its last index is the top level. */
  readonly limbsAtLevel: readonly number[];
}

const MAX_RING_DEGREE: number = 1 << 17;
/** More limbs than any set has; with the ring degree it bounds a polynomial to 256 MiB. */
const MAX_LIMBS = 512;

export const parameterDescription: z.ZodType<ParameterDescription> = z.strictObject({
  set: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, 'expected the name of a parameter set'),
  N: z
    .number()
    .int()
    .min(2)
    .max(MAX_RING_DEGREE)
    .refine((n) => Number.isInteger(Math.log2(n)), 'expected a power of two'),
  logQP: z.number().min(0).max(1e5),
  securityBits: z.number().min(0).max(1e4),
  insecure: z.boolean(),
});

/** Guards the door against a caller's inconsistent parameters; throws TypeError or RangeError. */
export function checkParameters(parameters: CiphertextParameters): CiphertextParameters {
  const { description, hash, primes, limbsAtLevel } = parameters;
  checkPowerOfTwo('N', description.N, 2, MAX_RING_DEGREE);
  checkBytes('hash', hash, 32);
  checkInteger('number of primes', primes.length, 1, MAX_LIMBS);
  for (const prime of primes) checkInteger('prime', prime, 2, 2 ** 32 - 1);
  checkInteger('number of levels', limbsAtLevel.length, 1, primes.length);
  for (const limbs of limbsAtLevel) checkInteger('limbs', limbs, 1, primes.length);
  return parameters;
}

/** Says once a load that values of such a file are not protected. */
export function warnIfInsecure(description: ParameterDescription, onWarning: (message: string) => void): void {
  if (!description.insecure) return;
  onWarning(
    `parameters "${description.set}" are marked insecure (${description.securityBits} bits claimed): ` +
      'anyone may be able to read what this file holds. Use set L13, L14, L15 or B16 for anything real.',
  );
}
