/** Public, relinearisation and Galois keys from a secret key. */
import { encodeOperand, mulMod } from '../../kernels/arithmetic.ts';
import type { PrimeContext } from '../../kernels/prime-context.ts';
import { automorphism, multiplyMontgomery, type Poly, subtract, toMontgomery } from '../../ring/poly.ts';
import { errorPoly, freshSeed, uniformPoly } from '../../ring/sampler.ts';
import type { RlweContext } from '../context.ts';
import type { EvaluationKeyNeeds, EvaluationKeys, PublicKey, SwitchingKey, SwitchingKeyDigit } from '../keys.ts';
import type { SecretKey } from './secret-key.ts';

export function generatePublicKey(context: RlweContext, secretKey: SecretKey): PublicKey {
  const { ring } = context;
  const indices = context.indicesAt(context.maxLevel);
  const seed = freshSeed();
  const a = uniformPoly(ring, indices, seed);
  const b = ring.scope(
    () => subtract(errorPoly(ring, indices, freshSeed()), multiplyMontgomery(a, secretKey.montgomery)),
    (poly) => [poly as never],
  );
  return { a, b, seed };
}

/** Takes c·from to c·to. `to` in Montgomery form. */
export function generateSwitchingKey(context: RlweContext, from: Poly<'ntt'>, to: Poly<'ntt'>): SwitchingKey {
  const seed = freshSeed();
  const count = Math.ceil(context.ciphertextLimbs / context.specialLimbs);
  const errors = freshSeed();
  const digits = Array.from({ length: count }, (_, d) => generateDigit(context, from, to, seed, errors, d));
  return { digits, seed };
}

function generateDigit(
  context: RlweContext,
  from: Poly<'ntt'>,
  to: Poly<'ntt'>,
  seed: Uint8Array,
  errors: Uint8Array,
  d: number,
): SwitchingKeyDigit {
  const { ring } = context;
  const indices = context.extendedIndices(context.ciphertextLimbs);
  return ring.scope(
    () => {
      const a = uniformPoly(ring, indices, seed, d);
      const b = subtract(errorPoly(ring, indices, errors, d), multiplyMontgomery(a, to));
      addDigit(context, b, from, d);
      return { a: toMontgomery(a), b: toMontgomery(b) };
    },
    (digit) => [digit.a as never, digit.b as never],
  );
}

/** b += P·from on the limbs of digit d. */
function addDigit(context: RlweContext, b: Poly<'ntt'>, from: Poly<'ntt'>, d: number): void {
  const { ring, engine, specialIndices, specialLimbs, ciphertextLimbs } = context;
  for (let j = d * specialLimbs; j < Math.min((d + 1) * specialLimbs, ciphertextLimbs); j++) {
    const prime = ring.primes[j] as PrimeContext;
    let special = 1;
    for (const i of specialIndices) special = mulMod(special, (ring.primes[i] as PrimeContext).p % prime.p, prime.p);
    engine.mulScalarAdd(b.limb(j), from.limb(j), encodeOperand(special, prime.p), ring.N, prime);
  }
  engine.flush();
}

/** s² → s. */
export function generateRelinearizationKey(context: RlweContext, secretKey: SecretKey): SwitchingKey {
  const square = multiplyMontgomery(secretKey.plain, secretKey.montgomery);
  const key = generateSwitchingKey(context, square, secretKey.montgomery);
  square.dispose();
  return key;
}

/** s → σ_g^-1(s): see `EvaluationKeys`. */
export function generateGaloisKey(context: RlweContext, secretKey: SecretKey, g: number): SwitchingKey {
  const to = automorphism(secretKey.montgomery, inverseGalois(g, context.ring.N));
  const key = generateSwitchingKey(context, secretKey.plain, to);
  to.dispose();
  return key;
}

function inverseGalois(g: number, N: number): number {
  let inverse = 1n;
  const modulus = BigInt(2 * N);
  // The group has exponent N/2, so g^(N/2 − 1) inverts g.
  for (let square = BigInt(g), e = N / 2 - 1; e > 0; e >>= 1, square = (square * square) % modulus) {
    if (e & 1) inverse = (inverse * square) % modulus;
  }
  return Number(inverse);
}

export function generateEvaluationKeys(
  context: RlweContext,
  secretKey: SecretKey,
  needs: EvaluationKeyNeeds,
  onProgress: (done: number, total: number) => void = () => {},
): EvaluationKeys {
  const { ring } = context;
  const elements = new Set(needs.rotations.map((steps) => ring.galoisElement(steps)));
  elements.delete(1);
  if (needs.conjugation) elements.add(2 * ring.N - 1);
  const total = elements.size + (needs.relinearization ? 1 : 0);
  let done = 0;
  const relinearization = needs.relinearization ? generateRelinearizationKey(context, secretKey) : undefined;
  if (relinearization) onProgress(++done, total);
  const galois = new Map<number, SwitchingKey>();
  for (const g of elements) {
    galois.set(g, generateGaloisKey(context, secretKey, g));
    onProgress(++done, total);
  }
  return { relinearization, galois };
}
