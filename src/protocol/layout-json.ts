/** How weights and predictions lie in slots, as the plain JSON that stands in files. */
import * as z from 'zod';
import type { SealedLayout } from '../nn/sealed/layout.ts';
import type { PredictionLayout } from '../nn/sealed/predict.ts';
import type { JsonValue } from './json.ts';
import { parseHeader } from './schema.ts';

/** What `parseSealedLayout` of the network room reads. */
export function layoutJson({ version, packing, weightScales, biasScales }: SealedLayout): JsonValue {
  const { real, ...rest } = packing;
  return {
    version,
    packing: { ...rest, ...(real && { real }) },
    weightScales: [...weightScales],
    biasScales: [...biasScales],
  };
}

/** The layout of a file of predictions: that of each of its batches, whose rows the records tell. */
export type BatchedPredictionLayout = Omit<PredictionLayout, 'rows'>;

const size = z
  .number()
  .int()
  .min(1)
  .max(1 << 20);

const predictionLayout = z
  .strictObject({
    version: z.literal(1),
    form: z.enum(['list', 'blocks']),
    outputs: size,
    factor: z
      .number()
      .refine((factor) => Math.abs(factor) > 1e-9 && Math.abs(factor) < 1e9, 'expected a usable factor'),
    slots: size,
    pitch: size,
    real: z.literal(true).optional(),
  })
  .refine(({ slots, pitch }) => [slots, pitch].every((n) => Number.isInteger(Math.log2(n))) && pitch <= slots);

export function predictionLayoutJson(layout: BatchedPredictionLayout): JsonValue {
  const { form, outputs, factor, slots, pitch, real } = layout;
  return { version: 1, form, outputs, factor, slots, pitch, ...(real && { real }) };
}

/** @throws HermeticError BAD_FILE */
export function parsePredictionLayout(value: JsonValue): BatchedPredictionLayout {
  const { version: _, ...layout } = parseHeader(predictionLayout, value, 'the layout of the predictions');
  return layout;
}
