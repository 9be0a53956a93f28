/** Public, relinearisation and Galois keys of YASHE' from its secret key (2013/075, section 5). */
import { automorphism, multiplyInteger, multiplyMontgomery, type Poly, toMontgomery } from '../../../ring/poly.ts';
import { freshSeed, Stream, ternaryIntegers } from '../../../ring/sampler.ts';
import type { YasheContext } from '../context.ts';
import type { YasheEvaluationKeys, YasheKeyNeeds, YashePublicKey, YasheSwitchingKey } from '../keys.ts';
import { mask } from '../public-encryption.ts';
import type { YasheSecretKey } from './secret-key.ts';

/** h = t·g/f for a ternary g. */
export function generateYashePublicKey(context: YasheContext, key: YasheSecretKey): YashePublicKey {
  const { ring, parameters } = context;
  const h = parameters.plainPrimes.map((t, j) =>
    keeping(context, () => {
      const seed = freshSeed();
      const g = toMontgomery(multiplyInteger(context.small(ternaryIntegers(ring, seed, Stream.secret)), BigInt(t)));
      seed.fill(0);
      return multiplyMontgomery(key.inverses[j] as Poly<'ntt'>, g);
    }),
  );
  return { h };
}

export function generateYasheEvaluationKeys(
  context: YasheContext,
  key: YasheSecretKey,
  publicKey: YashePublicKey,
  needs: YasheKeyNeeds,
): YasheEvaluationKeys {
  const elements = new Set(needs.rotations.map((steps) => context.galoisElement(steps)));
  elements.delete(1);
  const all = (from: (f: Poly<'ntt'>) => Poly<'ntt'>): YasheSwitchingKey[] =>
    key.montgomery.map((f, j) =>
      switchingKey(context, from(f), key.inverses[j] as Poly<'ntt'>, publicKey.h[j] as Poly<'ntt'>),
    );
  return {
    relinearization: needs.relinearization ? all((f) => multiplyMontgomery(f, f)) : undefined,
    galois: new Map([...elements].map((g) => [g, all((f) => automorphism(f, g))])),
  };
}

/** from → f; `from` in Montgomery form. Frees it. */
function switchingKey(
  context: YasheContext,
  from: Poly<'ntt'>,
  inverse: Poly<'ntt'>,
  h: Poly<'ntt'>,
): YasheSwitchingKey {
  const { ring, engine } = context;
  const quotient = multiplyMontgomery(inverse, from);
  from.dispose();
  const key = context.indices.map((i) =>
    keeping(context, () => {
      const part = mask(context, h);
      engine.add(part.limb(i), part.limb(i), quotient.limb(i), ring.N, part.prime(i));
      engine.flush();
      return toMontgomery(part);
    }),
  );
  quotient.dispose();
  return key;
}

function keeping(context: YasheContext, compute: () => Poly<'ntt'>): Poly<'ntt'> {
  return context.ring.scope(compute, (poly) => [poly as never]);
}
