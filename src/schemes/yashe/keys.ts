/** Public key material of YASHE'. Nothing in this file is secret, or would be if the scheme were not broken. */
import { ChineseRemainder } from '../../ring/chinese-remainder.ts';
import { type Poly, toCoefficients } from '../../ring/poly.ts';
import type { YasheContext } from './context.ts';

/** h_j = t_j·g_j/f_j modulo q, for each plaintext prime. */
export interface YashePublicKey {
  readonly h: readonly Poly<'ntt'>[];
}

/** For each limb i of q: P_i·from/f + e_i + h·s_i in Montgomery form, P_i being 1 modulo q_i and 0 modulo the others. */
export type YasheSwitchingKey = readonly Poly<'ntt'>[];

export interface YasheEvaluationKeys {
  /** f_j² → f_j, a key for each plaintext prime. */
  readonly relinearization: readonly YasheSwitchingKey[] | undefined;
  /** By Galois element g: f_j(X^g) → f_j. */
  readonly galois: ReadonlyMap<number, readonly YasheSwitchingKey[]>;
}

export interface YasheKeyNeeds {
  /** Slot steps, both signs. */
  readonly rotations: readonly number[];
  readonly relinearization: boolean;
}

export interface YasheKeyIntegers {
  readonly N: number;
  readonly q: bigint;
  /** For each plaintext prime, the coefficients of h in [0, q). */
  readonly parts: readonly { readonly t: bigint; readonly h: readonly bigint[] }[];
}

/** The public key as integers: h·f ≡ t·g modulo q and Y^N + 1, f and g small. What an attack starts from. */
export function publicKeyIntegers({ parameters }: YasheContext, { h }: YashePublicKey): YasheKeyIntegers {
  const remainders = new ChineseRemainder(parameters.primes);
  const q = remainders.modulus;
  const parts = h.map((poly, j) => {
    const coefficients = toCoefficients(poly);
    const ofY = (words: Uint32Array) => words.filter((_, i) => i % 2 === 0);
    const lifted = remainders.lift(poly.limbs.map((_, i) => ofY(coefficients.read(i))));
    coefficients.dispose();
    return { t: BigInt(parameters.plainPrimes[j] as number), h: lifted.map((x) => (x < 0n ? x + q : x)) };
  });
  return { N: parameters.N, q, parts };
}
