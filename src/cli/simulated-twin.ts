/** The twin of a sealed run, trained in the clear with noise of the size that encryption would add. */

import { setImmediate } from 'node:timers/promises';
import type { TrainingRecipe } from '../nn/architecture.ts';
import type { BatchSource } from '../nn/feature-rows.ts';
import { initialWeights } from '../nn/initializers.ts';
import type { TrainingPlan } from '../nn/sealed/plan.ts';
import { appendReport, checkFinite, emptyCurves, startState, type TwinRun, trainingSteps } from '../nn/twin.ts';
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
export async function simulateTwin(
  console: Console,
  model: PublicModel,
  plan: TrainingPlan,
  open: OpenRecipe,
  batches: BatchSource,
  signal: AbortSignal,
): Promise<SimulatedRun> {
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
    const noise = { weightNoise, activationNoise: SLOT_NOISE, seed: 1 };
    const state = startState(architecture, weights);
    const curves = emptyCurves();
    for (const report of trainingSteps(architecture, state, recipe, batches, { noise, signal })) {
      checkFinite(report);
      appendReport(curves, report);
      progress.update(report.step + 1);
      // Ctrl-C is heard between two steps.
      await setImmediate();
    }
    return { recipe, run: { weights: state.weights, velocity: state.velocity, curves } };
  } finally {
    progress.stop();
  }
}
