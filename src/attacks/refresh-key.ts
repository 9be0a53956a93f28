/**
 * The reaction attack on a refresh: an owner who says "out of range", one bit a call, gives the key away (Zhang,
 * Plantard and Susilo, ICISC 2011, after Hall, Goldberg and Schneier, ICICS 1999). The request
 * c0 = B − 1, c1 = 2·X^-k decrypts to 2·X^-k·s with B − 1 added to its first coefficient, which is 2·s_k: the bound B
 * is exceeded where s_k = 1 and nowhere else. Mirrored, the question is whether s_k = −1.
 *
 * A third of the coefficients take one question, the others two: 5/3·N calls in all.
 */
import type { CiphertextRecord } from '../protocol/ciphertext-record.ts';
import type { CkksContext } from '../schemes/ckks/context.ts';
import { polynomialOf } from './ternary.ts';

/** Whether the owner reacted as to something out of range. */
export type Reaction = (request: CiphertextRecord) => Promise<boolean>;

export interface ReactionAttack {
  readonly context: CkksContext;
  /** The largest coefficient that the refresh is said to let pass. */
  readonly bound: bigint;
  readonly reaction: Reaction;
  /** Called after each coefficient. */
  readonly onProgress?: (done: number) => void;
}

export async function keyFromReactions(
  attack: ReactionAttack,
): Promise<{ readonly key: Int8Array; readonly calls: number }> {
  const { context, bound, reaction, onProgress } = attack;
  const key = new Int8Array(context.ring.N);
  let calls = 0;
  const is = (k: number, value: 1 | -1): Promise<boolean> => {
    calls++;
    return reaction(question(context, bound, k, value));
  };
  for (let k = 0; k < key.length; k++) {
    key[k] = (await is(k, 1)) ? 1 : (await is(k, -1)) ? -1 : 0;
    onProgress?.(k + 1);
  }
  return { key, calls };
}

/** Out of range exactly where s_k is `value`. */
export function question(context: CkksContext, bound: bigint, k: number, value: 1 | -1): CiphertextRecord {
  const c0 = polynomialOf(context, [{ coefficient: BigInt(value) * (bound - 1n), exponent: 0 }]);
  const c1 = polynomialOf(context, [{ coefficient: 2n, exponent: -k }]);
  return { level: 0, scale: context.scales[0], limbs: context.baseLimbs, polynomials: [c0, c1] };
}
