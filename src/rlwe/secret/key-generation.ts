/** Public, relinearisation and Galois keys from a secret key. */
import { encodeOperand } from '../../kernels/arithmetic.ts';
import type { PrimeContext } from '../../kernels/prime-context.ts';
import { productModulo } from '../../ring/division.ts';
import {
  automorphism,
  firstIndices,
  multiplyMontgomery,
  type Poly,
  select,
  subtract,
  toMontgomery,
} from '../../ring/poly.ts';
import { errorPoly, freshSeed, uniformPoly } from '../../ring/sampler.ts';
import type { Gadget, RlweContext } from '../context.ts';
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

export interface SwitchingKeyOptions {
  /** Default: the context's own. */
  readonly gadget?: Gadget;
  /** Public seed of the uniform halves, 32 bytes. Default: fresh. */
  readonly seed?: Uint8Array;
}

/** Takes c·from to c·to, for the digits of a gadget. Both hold all primes of the context; `to` in Montgomery form. */
export function generateSwitchingKey(
  context: RlweContext,
  from: Poly<'ntt'>,
  to: Poly<'ntt'>,
  { gadget = context.gadget, seed = freshSeed() }: SwitchingKeyOptions = {},
): SwitchingKey {
  const count = Math.ceil(gadget.limbs / gadget.digitLimbs);
  const errors = freshSeed();
  const digits = Array.from({ length: count }, (_, d) => generateDigit(context, gadget, from, to, seed, errors, d));
  errors.fill(0);
  return { digits, seed };
}

function generateDigit(
  context: RlweContext,
  gadget: Gadget,
  from: Poly<'ntt'>,
  to: Poly<'ntt'>,
  seed: Uint8Array,
  errors: Uint8Array,
  d: number,
): SwitchingKeyDigit {
  const { ring } = context;
  const indices = [...firstIndices(gadget.limbs), ...gadget.special];
  return ring.scope(
    () => {
      const a = uniformPoly(ring, indices, seed, d);
      const b = subtract(errorPoly(ring, indices, errors, d), multiplyMontgomery(a, select(to, indices)));
      addDigit(context, gadget, b, from, d);
      return { a: toMontgomery(a), b: toMontgomery(b) };
    },
    (digit) => [digit.a as never, digit.b as never],
  );
}

/** b += P·from on the limbs of digit d. */
function addDigit(context: RlweContext, gadget: Gadget, b: Poly<'ntt'>, from: Poly<'ntt'>, d: number): void {
  const { ring, engine } = context;
  const { digitLimbs, limbs, special } = gadget;
  for (let j = d * digitLimbs; j < Math.min((d + 1) * digitLimbs, limbs); j++) {
    const prime = ring.primes[j] as PrimeContext;
    const factor = encodeOperand(productModulo(ring.primes, special, prime.p), prime.p);
    engine.mulScalarAdd(b.limb(j), from.limb(j), factor, ring.N, prime);
  }
  engine.flush();
}

/** s² → s. */
export function generateRelinearizationKey(
  context: RlweContext,
  secretKey: SecretKey,
  options: SwitchingKeyOptions = {},
): SwitchingKey {
  const square = multiplyMontgomery(secretKey.plain, secretKey.montgomery);
  const key = generateSwitchingKey(context, square, secretKey.montgomery, options);
  square.dispose();
  return key;
}

/** s → σ_g^-1(s): see `EvaluationKeys`. */
export function generateGaloisKey(
  context: RlweContext,
  secretKey: SecretKey,
  g: number,
  options: SwitchingKeyOptions = {},
): SwitchingKey {
  const to = automorphism(secretKey.montgomery, inverseGalois(g, context.ring.N));
  const key = generateSwitchingKey(context, secretKey.plain, to, options);
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
