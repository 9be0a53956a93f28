/**
 * Stochastic gradient descent with momentum, in the form that sealed training uses, where only additions and
 * products with known constants touch the weights w and the velocity v:
 *
 *   y  = w + μ·v   (Nesterov)   or   y = w
 *   g  = mean over the rows of ∂L/∂y  +  weightDecay · y       (biases decay as well)
 *   v' = μ·v − lr_t·g
 *   w' = w + v'
 *
 * Nesterov 1983; Sutskever, Martens, Dahl and Hinton 2013. Plain descent is μ = 0.
 */

import type { LayerWeights, Schedule, TrainingRecipe } from './architecture.ts';
import { constant } from './schedules.ts';
import { copyWeights, parameterArrays } from './weights.ts';

/** The part of a recipe that the optimizer owns. */
export type Optimizer = Pick<TrainingRecipe, 'momentum' | 'nesterov' | 'weightDecay' | 'schedule'> & {
  /** Undefined: the shadow run proposes one. */
  readonly learningRate: number | undefined;
};

export interface SgdOptions {
  readonly learningRate?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly weightDecay?: number;
  readonly schedule?: Schedule;
}

/** Defaults as in Keras: no momentum, no Nesterov, no decay, a constant rate. */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { learningRate, momentum = 0, weightDecay = 0, schedule = constant() } = options;
  if (learningRate !== undefined && !(learningRate > 0 && Number.isFinite(learningRate))) {
    throw new RangeError(`learningRate: expected a positive number, got ${learningRate}`);
  }
  if (!(momentum >= 0 && momentum < 1)) throw new RangeError(`momentum: expected 0 ≤ momentum < 1, got ${momentum}`);
  if (!(weightDecay >= 0 && Number.isFinite(weightDecay))) {
    throw new RangeError(`weightDecay: expected a number of at least 0, got ${weightDecay}`);
  }
  return { learningRate, momentum, nesterov: options.nesterov ?? false, weightDecay, schedule };
}

/** y: the weights at which the gradient is taken. A copy with Nesterov's momentum, else the weights themselves. */
export function lookahead(
  weights: readonly LayerWeights[],
  velocity: readonly LayerWeights[],
  { momentum, nesterov }: Pick<TrainingRecipe, 'momentum' | 'nesterov'>,
): readonly LayerWeights[] {
  if (!nesterov || momentum === 0) return weights;
  const ahead = copyWeights(weights);
  const targets = parameterArrays(ahead);
  parameterArrays(velocity).forEach((v, p) => {
    const y = targets[p];
    for (let i = 0; i < y.length; i++) y[i] += momentum * v[i];
  });
  return ahead;
}

/** g += weightDecay·y, in place. */
export function addWeightDecay(
  gradients: readonly LayerWeights[],
  at: readonly LayerWeights[],
  weightDecay: number,
): void {
  if (weightDecay === 0) return;
  const points = parameterArrays(at);
  parameterArrays(gradients).forEach((g, p) => {
    const y = points[p];
    for (let i = 0; i < g.length; i++) g[i] += weightDecay * y[i];
  });
}

/** v' = μ·v − rate·g and w' = w + v', in place. */
export function updateWeights(
  weights: readonly LayerWeights[],
  velocity: readonly LayerWeights[],
  gradients: readonly LayerWeights[],
  momentum: number,
  rate: number,
): void {
  const velocities = parameterArrays(velocity);
  const slopes = parameterArrays(gradients);
  parameterArrays(weights).forEach((w, p) => {
    const v = velocities[p];
    const g = slopes[p];
    for (let i = 0; i < w.length; i++) {
      v[i] = momentum * v[i] - rate * g[i];
      w[i] += v[i];
    }
  });
}
