/** A training recipe as it stands in checkpoints and records. */
import * as z from 'zod';
import type { TrainingRecipe } from '../nn/architecture.ts';

const finite = z.number();
const whole = z
  .number()
  .int()
  .min(0)
  .max(2 ** 53);

export const recipeSchema: z.ZodType<TrainingRecipe> = z.strictObject({
  loss: z.enum(['delta', 'squaredError']),
  learningRate: finite.positive(),
  momentum: finite.min(0).max(1),
  nesterov: z.boolean(),
  weightDecay: finite.min(0),
  schedule: z.union([
    z.strictObject({ kind: z.enum(['constant', 'linear']) }),
    z.strictObject({ kind: z.enum(['constant', 'linear']), decaySteps: whole }),
  ]),
  batch: whole,
  steps: whole,
  firstStep: whole,
  seed: whole,
});
