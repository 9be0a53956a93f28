/** The learning rate of a step. */

import type { Schedule, TrainingRecipe } from './architecture.ts';

export function constant(): Schedule {
  return { kind: 'constant' };
}

/** learningRate · (1 − t/decaySteps); without `decaySteps`, down to zero at the end of the run. */
export function linearDecay(decaySteps?: number): Schedule {
  return decaySteps === undefined ? { kind: 'linear' } : { kind: 'linear', decaySteps };
}

/** What a schedule needs of a recipe. */
export type ScheduledRecipe = Pick<TrainingRecipe, 'learningRate' | 'schedule' | 'firstStep' | 'steps'>;

/**
 * The rate of step `step` = 0, 1, … of this run, t = firstStep + step in all: learningRate, or
 * learningRate · max(0, 1 − t/decaySteps) with decaySteps = firstStep + steps unless given.
 */
export function learningRateAt(recipe: ScheduledRecipe, step: number): number {
  const { learningRate, schedule, firstStep } = recipe;
  if (schedule.kind === 'constant') return learningRate;
  const decaySteps = schedule.decaySteps ?? firstStep + recipe.steps;
  return learningRate * Math.max(0, 1 - (firstStep + step) / decaySteps);
}
