/** Weights sent as predictions: a ciphertext of the sealed model, at the lowest level, in a file that asks for its slots. */
import type { CiphertextRecord } from '../protocol/ciphertext-record.ts';
import { fromRecord, readPoly } from '../protocol/ckks-codec.ts';
import { predictionLayoutJson } from '../protocol/layout-json.ts';
import type { SealedPredictions } from '../protocol/sealed-predictions.ts';
import { polynomialOf } from './ternary.ts';
import type { UnlockTarget } from './unlock-key.ts';

/**
 * Row j asks for ½ + slot/width, both parts: what lies within ±width/2 falls into [0, 1]. Reducing the modulus to level
 * 0 changes neither slots nor scale.
 */
export function weightsAsPredictions(
  target: UnlockTarget,
  weights: CiphertextRecord,
  width: number,
): SealedPredictions {
  const { context, keyId, modelId } = target;
  const { slots, baseLimbs } = context;
  const { scale } = weights;
  const half = BigInt(Math.round((scale * width) / 2));
  const shift = polynomialOf(context, [
    { coefficient: half, exponent: 0 },
    { coefficient: half, exponent: slots },
  ]);
  const { c0, c1 } = fromRecord(context, weights);
  const [words0, words1] = [c0, c1].map(readPoly);
  for (const poly of [c0, c1]) poly.dispose();
  const { N, primes } = context.ring;
  const shifted = shift.map((word, i) => (word + words0[i]) % primes[Math.floor(i / N)].p);
  const polynomials = [shifted, words1.slice(0, shift.length)];
  const record = { level: 0, scale, limbs: baseLimbs, firstRow: 0, rowCount: slots, polynomials };
  const packing = predictionLayoutJson({ form: 'blocks', outputs: 2, factor: width, slots, pitch: slots });
  return { rows: slots, classes: 2, keyId, modelId, packing, records: [record] };
}
