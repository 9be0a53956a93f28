/** Encryption with the public key (2013/075, section 5): round(q·m/t) + e + h·s, s and e small. */
import { add, multiplyMontgomery, type Poly, toMontgomery } from '../../ring/poly.ts';
import { errorIntegers, freshSeed, Stream, ternaryIntegers } from '../../ring/sampler.ts';
import { polynomialsIn, YasheCiphertext } from './ciphertext.ts';
import type { YasheContext } from './context.ts';
import type { YashePublicKey } from './keys.ts';

/** e + h·s, fresh: what hides a message, or a part of a switching key. */
export function mask(context: YasheContext, h: Poly<'ntt'>): Poly<'ntt'> {
  const { ring } = context;
  const seeds = [freshSeed(), freshSeed()] as const;
  const s = toMontgomery(context.small(ternaryIntegers(ring, seeds[0], Stream.ephemeral)));
  const masked = add(context.small(errorIntegers(ring, seeds[1])), multiplyMontgomery(h, s));
  for (const seed of seeds) seed.fill(0);
  return masked;
}

/** A fresh encryption; values as in `addPlain`. */
export function encryptPublic(context: YasheContext, key: YashePublicKey, values: readonly bigint[]): YasheCiphertext {
  const { ring, lift, noise, indices } = context;
  return ring.scope(() => {
    const parts = context
      .encode(values)
      .map((m, j) => add(lift.scale(m, indices.length), mask(context, key.h[j] as Poly<'ntt'>)));
    return new YasheCiphertext(parts, noise.fresh());
  }, polynomialsIn);
}
