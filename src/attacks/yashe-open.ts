/** Decryption with the keys that `yashe-key.ts` has found: round(t/q·f·c) modulo t (2013/075, section 5). */
import { modBigint } from '../kernels/arithmetic.ts';
import { multiplyMontgomery, type Poly, toMontgomery, toNtt } from '../ring/poly.ts';
import type { YasheCiphertext } from '../schemes/yashe/ciphertext.ts';
import type { YasheContext } from '../schemes/yashe/context.ts';
import { publicKeyIntegers, type YashePublicKey } from '../schemes/yashe/keys.ts';
import { recoverYasheKey } from './yashe-key.ts';

/** f_j for each plaintext prime, as integers; undefined where one was not found. `onKey` is told after each. */
export function recoverYasheKeys(
  context: YasheContext,
  publicKey: YashePublicKey,
  onKey: (done: number) => void = () => {},
): bigint[][] | undefined {
  const { q, parts } = publicKeyIntegers(context, publicKey);
  const found: bigint[][] = [];
  for (const { t, h } of parts) {
    const f = recoverYasheKey(h, q, t);
    if (f === undefined) return undefined;
    found.push(f);
    onKey(found.length);
  }
  return found;
}

/** The integers in the slots, centred. */
export function openYasheCiphertext(
  context: YasheContext,
  keys: readonly (readonly bigint[])[],
  { parts }: YasheCiphertext,
): bigint[] {
  const { ring, lift, encoder, plainIndices, slots } = context;
  const repeated = ring.scope(
    () =>
      encoder.decode(
        parts.map((c, j) => {
          const phase = multiplyMontgomery(c, polynomialOf(context, keys[j] as readonly bigint[]));
          return lift.divide(phase, plainIndices[j] as number);
        }),
      ),
    () => [],
  );
  return repeated.slice(0, slots);
}

/** Coefficients of powers of Y = X², in Montgomery form. */
function polynomialOf({ ring, indices }: YasheContext, coefficients: readonly bigint[]): Poly<'ntt'> {
  const poly = ring.allocate('coeff', indices);
  for (let j = 0; j < poly.limbCount; j++) {
    const { p } = poly.prime(j);
    const words = new Uint32Array(ring.N);
    coefficients.forEach((x, i) => {
      words[2 * i] = modBigint(x, p);
    });
    poly.write(j, words);
  }
  return toMontgomery(toNtt(poly));
}
