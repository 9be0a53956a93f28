/**
 * Proposes a learning rate where the user named none: shadow runs over a geometric grid, from far below 1/λ upwards,
 * λ being the largest curvature of the loss at the start (a quadratic loss diverges beyond 2/λ or so).
 */

import { HermeticError } from '../base/errors.ts';
import type { Architecture, LayerWeights, TrainingRecipe } from './architecture.ts';
import type { Batch, BatchSource } from './feature-rows.ts';
import { initialWeights } from './initializers.ts';
import { batchGradients } from './network.ts';
import { type ShadowOptions, shadowRun } from './shadow-run.ts';
import { copyWeights, parameterArrays } from './weights.ts';

export interface LearningRateProposal {
  readonly learningRate: number;
  /** Every rate tried, ascending, and what became of it. */
  readonly tried: readonly { readonly learningRate: number; readonly loss: number; readonly diverged: boolean }[];
}

/**
 * Tries rates 2^k/λ, k = −6 … 3, upwards until one diverges, λ being the largest curvature of the loss at the start.
 * Proposes, of the rates whose double did not diverge either, the one with the least loss. To be quick it takes at
 * most `maxSteps` steps of at most `maxRows` rows. HermeticError DIVERGED where no rate works.
 */
export function proposeLearningRate(
  architecture: Architecture,
  recipe: Omit<TrainingRecipe, 'learningRate'>,
  batches: BatchSource,
  options: ShadowOptions & { readonly maxSteps?: number; readonly maxRows?: number },
): LearningRateProposal {
  const { maxSteps = 40, maxRows = 256, seed = 1 } = options;
  const source = cached(firstRows(batches, maxRows));
  const steps = Math.min(recipe.steps, maxSteps);
  const weights = initialWeights(architecture, options.initializers, seed);
  const step = 1 / largestCurvature(architecture, weights, source.next(0), recipe);
  const tried: { learningRate: number; loss: number; diverged: boolean }[] = [];
  for (let k = -6; k <= 3 && !tried.at(-1)?.diverged; k++) {
    const learningRate = Number((step * 2 ** k).toPrecision(2));
    const shortened = { ...recipe, steps, learningRate, schedule: shorten(recipe, steps) };
    const { loss, diverged } = shadowRun(architecture, shortened, source, options);
    tried.push({ learningRate, loss, diverged });
  }
  const safe = tried.filter((candidate, i) => !candidate.diverged && tried[i + 1]?.diverged !== true);
  if (safe.length === 0) {
    throw new HermeticError('DIVERGED', 'no learning rate keeps this network in range', {
      got: `divergence at ${tried.map((candidate) => candidate.learningRate).join(', ')}`,
      mend: 'Scale the features, or take an activation without a range (lin4, shiftedSquare).',
    });
  }
  const best = safe.reduce((a, b) => (b.loss <= a.loss ? b : a));
  return { learningRate: best.learningRate, tried };
}

/** The largest eigenvalue of the loss's Hessian in absolute value, by power iteration on gradient differences. */
function largestCurvature(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  batch: Batch,
  recipe: Pick<TrainingRecipe, 'loss'>,
): number {
  const rows = batch.targets.length / architecture.layers.at(-1)!.units;
  const gradientAt = (at: readonly LayerWeights[]) =>
    parameterArrays(batchGradients(architecture, at, batch.features, batch.targets, rows, recipe.loss).gradients);
  const base = gradientAt(weights);
  const size = Math.hypot(...parameterArrays(weights).map(length), 1e-3);
  let direction = base;
  let curvature = 0;
  for (let iteration = 0; iteration < 8; iteration++) {
    const scale = (1e-4 * size) / Math.max(Math.hypot(...direction.map(length)), Number.MIN_VALUE);
    const moved = copyWeights(weights);
    parameterArrays(moved).forEach((w, p) => {
      for (let i = 0; i < w.length; i++) w[i] += scale * direction[p][i];
    });
    direction = gradientAt(moved).map((g, p) => g.map((value, i) => value - base[p][i]));
    curvature = Math.hypot(...direction.map(length)) / (1e-4 * size);
  }
  return curvature > 0 && Number.isFinite(curvature) ? curvature : 1;
}

function length(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

/** The schedule as it would look over `steps` steps: a linear decay shrinks with the run. */
function shorten(recipe: Omit<TrainingRecipe, 'learningRate'>, steps: number): TrainingRecipe['schedule'] {
  const { schedule } = recipe;
  if (schedule.kind === 'constant' || schedule.decaySteps === undefined) return schedule;
  return { kind: 'linear', decaySteps: Math.max(1, Math.round((schedule.decaySteps * steps) / recipe.steps)) };
}

function firstRows(batches: BatchSource, maxRows: number): BatchSource {
  const { batch, columns, outputs } = batches;
  if (batch <= maxRows) return batches;
  const next = (step: number): Batch => {
    const { features, targets } = batches.next(step);
    return { features: features.slice(0, maxRows * columns), targets: targets.slice(0, maxRows * outputs) };
  };
  return { batch: maxRows, columns, outputs, next };
}

/** Keeps the batches already made, as every rate is tried on the same ones. */
function cached(batches: BatchSource): BatchSource {
  const made = new Map<number, Batch>();
  const next = (step: number): Batch => {
    const batch = made.get(step) ?? batches.next(step);
    made.set(step, batch);
    return batch;
  };
  return { ...batches, next };
}
