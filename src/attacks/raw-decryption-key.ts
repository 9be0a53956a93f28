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

/**
 * The key from `slots`, all N/2, that are said to be the decryption of `ciphertext` (level 0, both polynomials). Where
 * the quotient is not ternary `key` is the nearest third of the prime's range: a guess.
 */
export function keyFromDecryption(context: CkksContext, ciphertext: CiphertextRecord, slots: SlotValues): KeyCandidate {
  const { ring, encoder } = context;
  const { N } = ring;
  const { p } = ring.primes[0];
  const [c0, c1] = ciphertext.polynomials.map((words) => words.subarray(0, N));
  return ring.scope(
    () => {
      const message = encoder.encode(slots, ciphertext.scale, 1);
      const m = message.read(0);
      message.write(
        0,
        // A zero of c1 tells nothing; the first prime has one in 2^28/N ciphertexts.
        m.map((value, i) => mulMod((value - c0[i] + p) % p, inverseMod(c1[i], p), p)),
      );
      const quotient = firstResidues(message);
      const exact = quotient.every((x) => Math.abs(x) <= 1);
      const third = exact ? 1 : p / 3;
      return { key: Int8Array.from(quotient, (x) => Math.round(x / third)), exact };
    },
    () => [],
  );
}
