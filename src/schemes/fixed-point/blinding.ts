/**
 * The blinded refresh of fixed point (security rule 2): the trainer adds a uniform integer to every slot, 2^40 times as wide
 * as fresh slots may be large, the owner divides the sums by the excess of scale, rounding, and encrypts them anew; the
 * trainer takes the divided masks off. The sum's distribution differs from the mask's by 2^-40 in statistical distance; the
 * two roundings together are off by one unit at most. That slots stay within the bound of fresh ones is what the next step
 * counts on too.
 */

import { HermeticError } from '../../base/errors.ts';
import { shiftRounded } from '../../base/integers.ts';
import type { FixedPointCiphertext } from './ciphertext.ts';
import type { FixedPointEvaluator } from './fixed-point-evaluator.ts';

/** How much wider the masks are than what they hide, in bits. */
export const MASK_BITS = 40;

/** What the owner sees: one part of one ciphertext, masked, and by how many bits its scale is too large. */
export interface MaskedPart<X> {
  readonly masked: X;
  readonly excess: number;
}

export interface FixedPointBlinding<X> {
  readonly parts: readonly MaskedPart<X>[];
  /** Takes the masks off the owner's answers, in the order of `parts`; frees those and the parts. */
  unblind(answers: readonly X[], level: number): FixedPointCiphertext<X>[];
}

/** HermeticError LEVELS_EXHAUSTED where the plaintext modulus has no room for the masks. */
export function blindFixedPoint<X>(
  evaluator: FixedPointEvaluator<X>,
  ciphertexts: readonly FixedPointCiphertext<X>[],
): FixedPointBlinding<X> {
  const { integers, slots } = evaluator;
  const blind = (a: FixedPointCiphertext<X>, part: 're' | 'im') => {
    const source = a[part];
    if (source === undefined) return undefined;
    const mask = drawMask(slots, maskBits(evaluator.options.freshBound * a.scale, integers.plainBits));
    const fresh = integers.rerandomize ? integers.rerandomize(source.value) : source.value;
    const masked = integers.addPlain(fresh, mask);
    if (fresh !== source.value) integers.dispose(fresh);
    return { masked, mask, excess: Math.max(0, a.logScale - evaluator.options.logScale) };
  };
  const blinded = ciphertexts.map((a) => ({ re: blind(a, 're'), im: blind(a, 'im') }));
  const parts = blinded.flatMap(({ re, im }) => [re, im].filter((part) => part !== undefined));
  const unblind = (answers: readonly X[], level: number) => {
    if (answers.length !== parts.length)
      throw new RangeError(`answers: expected ${parts.length}, got ${answers.length}`);
    let next = 0;
    for (const { masked } of parts) integers.dispose(masked);
    const open = (part: (typeof parts)[number] | undefined) => {
      if (part === undefined) return undefined;
      const answer = answers[next++];
      const lifted = part.mask.map((r) => -shiftRounded(r, part.excess));
      const value = integers.addPlain(answer, lifted);
      integers.dispose(answer);
      return value;
    };
    return blinded.map(({ re, im }) => evaluator.adopt({ re: open(re), im: open(im) }, level));
  };
  return { parts, unblind };
}

function maskBits(bound: number, plainBits: number): number {
  const bits = Math.ceil(Math.log2(bound)) + MASK_BITS;
  if (bits + 1 <= plainBits) return bits;
  throw new HermeticError('LEVELS_EXHAUSTED', 'the plaintext modulus has no room for the masks of a refresh', {
    expected: `at most ${Math.floor(plainBits - 1)} bits`,
    got: `${bits}`,
    mend: 'Take more plaintext primes, or fewer bits of scale.',
  });
}

/** Uniform in [0, 2^bits), from the system's generator. */
function drawMask(count: number, bits: number): bigint[] {
  const words = Math.ceil(bits / 32);
  return Array.from({ length: count }, () => {
    const drawn = crypto.getRandomValues(new Uint32Array(words));
    const whole = drawn.reduce((x, word) => (x << 32n) | BigInt(word), 0n);
    return BigInt.asUintN(bits, whole);
  });
}
