/**
 * The trainer's side of the blinded refresh (training.md, "Refresh"): every coefficient of the message gets a fresh
 * uniform integer before the owner decrypts it, and loses it again under encryption afterwards.
 *
 * The mask is m = d_0 + q_0·d_1 + q_0·q_1·d_2 − centre with d_0 < q_0, d_1 < q_1 and d_2 < q_2 − 2 uniform: uniform on an
 * interval of width q_0·q_1·(q_2 − 2), centred. A message below q_0·q_1/2 ≈ 2^55 then never wraps, and the sum's
 * distribution differs from the mask's by |message| / 2^83 in statistical distance: 2^-50 a coefficient at 2^33.
 */
import type { Blocks } from '../../kernels/heap.ts';
import { add, type Poly, subtract, toNtt, truncate } from '../../ring/poly.ts';
import { freshSeed, type SeedSource, Stream, uniformWords } from '../../ring/sampler.ts';
import type { PublicKey } from '../../rlwe/keys.ts';
import { Ciphertext, polynomialsIn } from './ciphertext.ts';
import type { CkksContext } from './context.ts';
import { rerandomize } from './public-encryption.ts';

/** What the trainer keeps while the owner works: masks as mixed-radix digits, and the scales of the messages. */
export interface Blinding {
  /** To be sent: level 0, re-randomised, masked. */
  readonly masked: readonly Ciphertext[];
  readonly scales: readonly number[];
  /** Digits of the masks; freed by `unblind` or `discard`. */
  readonly masks: readonly Blocks[];
  discard(): void;
}

/** Seeds that `blind` asks for, for each ciphertext: of its mask, and two of its re-randomisation. */
export const SEEDS_OF_A_MASK = 3;

/**
 * Ciphertexts at level 0, or higher: then their modulus is reduced to level 0's, which keeps their scale.
 * @param seeds asked `SEEDS_OF_A_MASK` times for each ciphertext, and wiped. The same seeds and ciphertexts give the same
 *   bytes; the same seeds must never meet other ciphertexts, whose difference they would show
 */
export function blind(
  context: CkksContext,
  key: PublicKey,
  ciphertexts: readonly Ciphertext[],
  seeds: SeedSource = freshSeed,
): Blinding {
  const masks = ciphertexts.map(() => drawMask(context, seeds()));
  const masked = ciphertexts.map((ciphertext, i) =>
    context.ring.scope(() => {
      const { baseLimbs } = context;
      const bottom = new Ciphertext(
        truncate(ciphertext.c0, baseLimbs),
        truncate(ciphertext.c1, baseLimbs),
        0,
        ciphertext.scale,
      );
      const fresh = rerandomize(context, key, bottom, seeds);
      const mask = maskPoly(context, masks[i] as Blocks, 0);
      return new Ciphertext(add(fresh.c0, mask), fresh.c1, 0, ciphertext.scale);
    }, polynomialsIn),
  );
  const discard = (): void => {
    for (const mask of masks) {
      mask.wipe();
      mask.release();
    }
    for (const ciphertext of masked) ciphertext.dispose();
  };
  return { masked, scales: ciphertexts.map((c) => c.scale), masks, discard };
}

/** Takes the masks off the owner's answers, which stand at a higher level. The blinding is used up. */
export function unblind(context: CkksContext, blinding: Blinding, refreshed: readonly Ciphertext[]): Ciphertext[] {
  const result = refreshed.map((ciphertext, i) =>
    context.ring.scope(() => {
      const mask = maskPoly(context, blinding.masks[i] as Blocks, ciphertext.level);
      const scale = blinding.scales[i] as number;
      return new Ciphertext(subtract(ciphertext.c0, mask), truncate(ciphertext.c1), ciphertext.level, scale);
    }, polynomialsIn),
  );
  blinding.discard();
  return result;
}

function drawMask(context: CkksContext, seed: Uint8Array): Blocks {
  const { ring, engine, base, baseLimbs } = context;
  const digits = base.allocateDigits();
  for (let j = 0; j < baseLimbs; j++) {
    const bound = topDigits(context, j);
    const words = uniformWords(ring, seed, Stream.mask, j, bound);
    engine.copy(digits.item(j), words, 4 * ring.N);
    engine.flush();
    ring.releaseLimb(words);
  }
  seed.fill(0);
  return digits;
}

/** How many values digit j takes: all of its prime's, two fewer for the top one. */
function topDigits(context: CkksContext, j: number): number {
  const prime = context.parameters.primes[j] as number;
  return j === context.baseLimbs - 1 ? prime - 2 : prime;
}

/** The mask over the limbs of a level. */
function maskPoly(context: CkksContext, digits: Blocks, level: number): Poly<'ntt'> {
  let width = 1n;
  for (let j = 0; j < context.baseLimbs; j++) width *= BigInt(topDigits(context, j));
  return toNtt(context.base.evaluateMinus(digits, context.indicesAt(level), width / 2n, true));
}
