/**
 * One raw decryption of a known ciphertext is the key (Li and Micciancio 2020/1533, section 3: IND-CPA-D). CKKS decrypts
 * to m + e, noise included, where c0 + c1·s = m + e. Encoded again and rounded, the raw slots are the integers m + e
 * exactly, and s = (m + e − c0)/c1: a division at every point of the NTT.
 */
import { inverseMod, mulMod } from '../kernels/arithmetic.ts';
import type { CiphertextRecord } from '../protocol/ciphertext-record.ts';
import type { CkksContext } from '../schemes/ckks/context.ts';
import type { SlotValues } from '../schemes/ckks/encoder.ts';
import { firstResidues } from './ternary.ts';

export interface KeyCandidate {
  readonly key: Int8Array;
  /** All coefficients of the quotient are −1, 0 or 1: the slots were those of the decryption, to the last bit. */
  readonly exact: boolean;
}

/** A zero of c1 tells nothing: the first prime has one in one of 2^28/N ciphertexts, all of a level's hardly ever. */
function limbWithoutZero(words: Uint32Array, N: number): number {
  for (let limb = 0; (limb + 1) * N <= words.length; limb++) {
    if (!words.subarray(limb * N, (limb + 1) * N).includes(0)) return limb;
  }
  return 0;
}

/**
 * The key from `slots`, all N/2, that are said to be the decryption of `ciphertext` (level 0, both polynomials). Where
 * the quotient is not ternary `key` is the nearest third of the prime's range: a guess.
 */
export function keyFromDecryption(context: CkksContext, ciphertext: CiphertextRecord, slots: SlotValues): KeyCandidate {
  const { ring, encoder } = context;
  const { N } = ring;
  const [c0, c1] = ciphertext.polynomials;
  const limb = limbWithoutZero(c1, N);
  const { p } = ring.primes[limb];
  return ring.scope(
    () => {
      const m = encoder.encode(slots, ciphertext.scale, limb + 1).read(limb);
      const values = m.map((value, i) => {
        const at = limb * N + i;
        return mulMod((value - c0[at] + p) % p, inverseMod(c1[at], p), p);
      });
      const ratio = ring.allocate('ntt', [limb]);
      ratio.write(0, values);
      const quotient = firstResidues(ratio);
      const exact = quotient.every((x) => Math.abs(x) <= 1);
      const third = exact ? 1 : p / 3;
      return { key: Int8Array.from(quotient, (x) => Math.round(x / third)), exact };
    },
    () => [],
  );
}
