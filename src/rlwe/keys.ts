/** Public key material. Nothing in this file is secret. */
import type { Domain, Poly } from '../ring/poly.ts';

/** (b, a) with b = −a·s + e modulo the ciphertext modulus; a is expanded from the seed. */
export interface PublicKey {
  readonly b: Poly<'ntt'>;
  readonly a: Poly<'ntt'>;
  readonly seed: Uint8Array;
}

/** One digit: b = −a·s + e + P·(indicator of the digit)·s', over all primes, in Montgomery form. */
export interface SwitchingKeyDigit {
  readonly b: Poly<'ntt'>;
  readonly a: Poly<'ntt'>;
}

/** Takes a product with s' to the key s (hybrid key switching, Han and Ki 2019/688). */
export interface SwitchingKey {
  readonly digits: readonly SwitchingKeyDigit[];
  /** Digit d's a is the uniform polynomial (seed, d). */
  readonly seed: Uint8Array;
}

/** Galois keys by element. A key that `get` returns is valid until the next call: it may be the place that all share. */
export interface GaloisKeys {
  get(g: number): SwitchingKey | undefined;
}

export interface EvaluationKeys {
  readonly relinearization: SwitchingKey | undefined;
  /**
   * By Galois element g. The key for g takes s to σ_g^-1(s): the switch comes first, the automorphism last, so that
   * several rotations share one decomposition (hoisting) without permuting its digits.
   */
  readonly galois: ReadonlyMap<number, SwitchingKey>;
}

/** All polynomials of a set of keys, to count or free them. */
export function* polynomialsOf(keys: EvaluationKeys): Generator<Poly<Domain>> {
  const all = [...keys.galois.values()];
  if (keys.relinearization) all.push(keys.relinearization);
  for (const key of all) for (const { a, b } of key.digits) yield* [a as Poly<Domain>, b as Poly<Domain>];
}

/** Which evaluation keys a computation uses. */
export interface EvaluationKeyNeeds {
  /** Slot steps, both signs. */
  readonly rotations: readonly number[];
  readonly conjugation: boolean;
  readonly relinearization: boolean;
}
