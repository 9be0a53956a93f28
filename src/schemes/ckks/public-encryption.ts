/** Encryption with the public key (Lyubashevsky, Peikert and Regev 2010; 2016/421, section 3.4). */

import { add, divideByLast, multiplyMontgomery, type Poly, toMontgomery, truncate } from '../../ring/poly.ts';
import {
  errorPoly,
  freshSeed,
  integersToNtt,
  type SeedSource,
  Stream,
  ternaryIntegers,
  wipe,
} from '../../ring/sampler.ts';
import type { PublicKey } from '../../rlwe/keys.ts';
import { Ciphertext, polynomialsIn } from './ciphertext.ts';
import type { CkksContext } from './context.ts';
import type { SlotValues } from './encoder.ts';

/**
 * An encryption of zero that anyone can make. Below the top it is made one level higher and divided by that level's
 * prime: public processing of the same RLWE sample, which takes its noise from about 500 to rounding, 30.
 */
function encryptZero(
  context: CkksContext,
  key: PublicKey,
  level: number,
  seeds: SeedSource = freshSeed,
): [Poly<'ntt'>, Poly<'ntt'>] {
  if (level === context.maxLevel) return sampleZero(context, key, level, seeds);
  const [c0, c1] = sampleZero(context, key, level + 1, seeds);
  return [divideByLast(c0), divideByLast(c1)];
}

/** (b·v + e0, a·v + e1) over the limbs of a level. */
function sampleZero(
  context: CkksContext,
  key: PublicKey,
  level: number,
  seeds: SeedSource,
): [Poly<'ntt'>, Poly<'ntt'>] {
  const { ring } = context;
  const indices = context.indicesAt(level);
  const secretSeed = seeds();
  const errorSeed = seeds();
  const integers = ternaryIntegers(ring, secretSeed, Stream.ephemeral);
  const v = toMontgomery(integersToNtt(ring, integers, indices));
  wipe(ring, integers);
  const half = (part: Poly<'ntt'>, index: number): Poly<'ntt'> =>
    add(multiplyMontgomery(truncate(part, indices.length), v), errorPoly(ring, indices, errorSeed, index));
  const result: [Poly<'ntt'>, Poly<'ntt'>] = [half(key.b, 0), half(key.a, 1)];
  secretSeed.fill(0);
  errorSeed.fill(0);
  return result;
}

/** A fresh canonical encryption of `values` at a level. */
export function encryptPublic(context: CkksContext, key: PublicKey, values: SlotValues, level: number): Ciphertext {
  return context.ring.scope(() => {
    const scale = context.scales[level] as number;
    const [c0, c1] = encryptZero(context, key, level);
    const message = context.encoder.encode(values, scale, c0.limbCount);
    return new Ciphertext(add(c0, message), c1, level, scale);
  }, polynomialsIn);
}

/**
 * The same value under fresh randomness: what leaves a trainer carries no trace of how it was computed.
 * @param seeds asked for two, which are wiped: one of the ephemeral secret, one of the errors
 */
export function rerandomize(context: CkksContext, key: PublicKey, a: Ciphertext, seeds?: SeedSource): Ciphertext {
  return context.ring.scope(() => {
    const [c0, c1] = encryptZero(context, key, a.level, seeds);
    return new Ciphertext(add(a.c0, c0), add(a.c1, c1), a.level, a.scale);
  }, polynomialsIn);
}
