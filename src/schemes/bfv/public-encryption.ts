/** Encryption with the public key (Fan and Vercauteren 2012/144, section 3): (b·v + e0, a·v + e1) is zero under s. */
import { add, firstIndices, multiplyMontgomery, type Poly, toMontgomery } from '../../ring/poly.ts';
import { errorPoly, freshSeed, integersToNtt, Stream, ternaryIntegers, wipe } from '../../ring/sampler.ts';
import type { PolyPair } from '../../rlwe/key-switching.ts';
import type { PublicKey } from '../../rlwe/keys.ts';
import { combine } from '../../rlwe/noise-estimate.ts';
import { BfvCiphertext, polynomialsIn } from './ciphertext.ts';
import type { BfvContext } from './context.ts';

function encryptZero({ ring }: BfvContext, key: PublicKey, limbs: number): PolyPair {
  const secretSeed = freshSeed();
  const errorSeed = freshSeed();
  const indices = firstIndices(limbs);
  const integers = ternaryIntegers(ring, secretSeed, Stream.ephemeral);
  const v = toMontgomery(integersToNtt(ring, integers, indices));
  wipe(ring, integers);
  const half = (part: Poly<'ntt'>, index: number): Poly<'ntt'> =>
    add(multiplyMontgomery(part, v), errorPoly(ring, indices, errorSeed, index));
  const zero: PolyPair = [half(key.b, 0), half(key.a, 1)];
  secretSeed.fill(0);
  errorSeed.fill(0);
  return zero;
}

/** A fresh encryption; values as in `addPlain`. */
export function encryptPublic(context: BfvContext, key: PublicKey, values: readonly bigint[]): BfvCiphertext {
  const { ring, encoder, lift, noise, parameters } = context;
  const limbs = parameters.primes.length;
  return ring.scope(() => {
    const parts = encoder.encode(values).map((m): PolyPair => {
      const [c0, c1] = encryptZero(context, key, limbs);
      return [add(c0, lift.scale(m, limbs)), c1];
    });
    return new BfvCiphertext(parts, combine(noise.publicZero(limbs), noise.plainRounding(limbs)));
  }, polynomialsIn);
}

/** The same integers under fresh randomness: an encryption of zero is added. Noise of a computation stays. */
export function rerandomize(context: BfvContext, key: PublicKey, a: BfvCiphertext): BfvCiphertext {
  return context.ring.scope(() => {
    const parts = a.parts.map(([c0, c1]): PolyPair => {
      const [z0, z1] = encryptZero(context, key, a.limbs);
      return [add(c0, z0), add(c1, z1)];
    });
    return new BfvCiphertext(parts, combine(a.noise, context.noise.publicZero(a.limbs)));
  }, polynomialsIn);
}
