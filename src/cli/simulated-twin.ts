/** The twin of a sealed run, trained in the clear with noise of the size that encryption would add. */

import type { TrainingRecipe } from '../nn/architecture.ts';
import type { BatchSource } from '../nn/feature-rows.ts';
import { initialWeights } from '../nn/initializers.ts';
import type { TrainingPlan } from '../nn/sealed/plan.ts';
import { type TwinRun, trainInTheClear } from '../nn/twin.ts';
import { initializersOf } from '../protocol/provenance.ts';
import type { OpenRecipe } from '../trainer/run-settings.ts';
import { checkInTheClear } from '../trainer/shadow-check.ts';
import type { Console } from './console.ts';
import type { PublicModel } from './public-model.ts';

/** Absolute noise of a slot after a step, as a standard deviation: what decrypted training steps measure. */
const SLOT_NOISE = 2 ** -13;

export interface SimulatedRun {
  readonly recipe: TrainingRecipe;
  readonly run: TwinRun;
}

/** HermeticError DIVERGED, ABORTED. */
export function simulateTwin(
  console: Console,
  model: PublicModel,
  plan: TrainingPlan,
  open: OpenRecipe,
  batches: BatchSource,
  signal: AbortSignal,
): SimulatedRun {
  const { architecture } = model;
  const initializers = initializersOf(model.provenance, architecture);
  const { recipe, warnings, proposed } = checkInTheClear(architecture, open, batches, initializers);
  for (const warning of warnings) console.warn(warning);
  if (proposed) console.note(`learning rate ${recipe.learningRate}: proposed by a shadow run on random weights`);
  const weights = model.weights ?? initialWeights(architecture, initializers, 1);
  // Weights are stored scaled up, which makes their noise that much smaller.
  const weightNoise = SLOT_NOISE / Math.max(...plan.layout.weightScales);
  const progress = console.progress({ unit: 'step', total: recipe.steps, title: 'twin' });
  try {
    const run = trainInTheClear(architecture, weights, recipe, batches, {
      noise: { weightNoise, activationNoise: SLOT_NOISE, seed: 1 },
      signal,
      onStep: ({ step }) => progress.update(step + 1),
    });
    return { recipe, run };
  } finally {
    progress.stop();
  }
}
