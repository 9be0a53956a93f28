/**
 * The optimizer on ciphertexts, off the critical path of levels.
 *
 * Nesterov's method is kept at its lookahead points: with y = w + μ·v and ṽ = (1 + μ)·v,
 *
 *   G = (1 + μ)·lr·∂L/∂y,  c = (1 + μ)·lr·weightDecay
 *   ṽ' = μ·ṽ − c·y − G
 *   y' = (1 − c)·y + μ²/(1 + μ)·ṽ − G
 *
 * so that the forward pass starts at fresh weights and no level goes to the lookahead. The last step gives the weights
 * themselves, w' = (1 − lr·weightDecay)·y − lr·∂L/∂y. Plain momentum: w' = (1 − c)·w + μ·v − G, v' = μ·v − c·w − G with
 * G = lr·∂L/∂w, c = lr·weightDecay. Velocities are absent until the first step has been taken.
 */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import type { TrainingRecipe } from '../architecture.ts';
import { learningRateAt } from '../schedules.ts';
import { flattenLayers, type LayerCiphertexts, mapLayers, unflattenLayers } from './layer-ciphertexts.ts';

export interface UpdateRule {
  /** lr or (1 + μ)·lr, over the batch: what the summed gradient is multiplied by. */
  readonly rate: number;
  /** The same at the run's base learning rate. */
  readonly nominalRate: number;
  /** w' = keep·w + carry·v − G */
  readonly keep: number;
  readonly carry: number;
  /** v' = momentum·v − decay·w − G; undefined: no velocity. */
  readonly momentum: number | undefined;
  readonly decay: number;
}

/** The rule of a step; `last`: leave plain weights and no velocity. */
export function updateRule(recipe: TrainingRecipe, step: number, last: boolean): UpdateRule {
  const { momentum, nesterov, weightDecay, batch } = recipe;
  const learningRate = learningRateAt(recipe, step);
  const ahead = nesterov && !last ? 1 + momentum : 1;
  const decay = ahead * learningRate * weightDecay;
  const ends = last && nesterov;
  const carry = ends ? 0 : nesterov ? momentum ** 2 / (1 + momentum) : momentum;
  return {
    rate: (ahead * learningRate) / batch,
    nominalRate: ((1 + momentum) * recipe.learningRate) / batch,
    keep: 1 - decay,
    carry,
    momentum: momentum === 0 || last ? undefined : momentum,
    decay,
  };
}

export interface Parameters<C> {
  readonly weights: readonly LayerCiphertexts<C>[];
  readonly velocities: readonly LayerCiphertexts<C>[] | undefined;
}

/** New weights and velocities, all at the level of the lowest gradient. */
export function updateSealed<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  rule: UpdateRule,
  { weights, velocities }: Parameters<C>,
  gradients: readonly LayerCiphertexts<C>[],
): Parameters<C> {
  const slopes = flattenLayers(gradients);
  const level = Math.min(...slopes.map((gradient) => gradient.level));
  const before = flattenLayers(weights);
  const speeds = velocities && flattenLayers(velocities);
  const updated = slopes.map((gradient, i) =>
    updateOne(evaluator, rule, { weight: before[i], velocity: speeds?.[i] }, gradient, level),
  );
  const after = updated.flatMap(({ velocity }) => (velocity === undefined ? [] : [velocity]));
  return {
    weights: unflattenLayers(
      weights,
      updated.map(({ weight }) => weight),
    ),
    velocities: after.length === 0 ? undefined : unflattenLayers(weights, after),
  };
}

/** A weight ciphertext and its velocity. */
export interface Parameter<C> {
  readonly weight: C;
  readonly velocity: C | undefined;
}

/** One ciphertext's update, at `level`: that of the lowest gradient of all. */
export function updateOne<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  { keep, carry, momentum, decay }: UpdateRule,
  { weight, velocity }: Parameter<C>,
  gradient: C,
  level: number,
): Parameter<C> {
  return evaluator.scope(() => {
    const step = evaluator.dropToLevel(gradient, level);
    const kept = keep === 1 ? evaluator.dropToLevel(weight, level) : scaled(evaluator, weight, keep, level);
    const carried =
      velocity === undefined || carry === 0 ? kept : evaluator.add(kept, scaled(evaluator, velocity, carry, level));
    const next = evaluator.subtract(carried, step);
    if (momentum === undefined) return { weight: next, velocity: undefined };
    const slowed =
      velocity === undefined
        ? evaluator.negate(step)
        : evaluator.subtract(scaled(evaluator, velocity, momentum, level), step);
    const decayed = decay === 0 ? slowed : evaluator.subtract(slowed, scaled(evaluator, weight, decay, level));
    return { weight: next, velocity: decayed };
  });
}

/** factor · a at `level`. */
function scaled<C extends SlotCiphertext>(evaluator: Evaluator<C>, a: C, factor: number, level: number): C {
  return evaluator.scope(() =>
    evaluator.rescale(evaluator.multiplyScalar(evaluator.dropToLevel(a, level + 1), factor)),
  );
}

/**
 * The weights w of a run that stops early, of Nesterov's lookahead points: y − μ/(1 + μ)·ṽ. One level of the velocities;
 * the weights as they are in all other cases.
 */
export function plainWeights<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  recipe: TrainingRecipe,
  { weights, velocities }: Parameters<C>,
): readonly LayerCiphertexts<C>[] {
  if (!recipe.nesterov || velocities === undefined) return weights;
  const speeds = flattenLayers(velocities);
  const factor = recipe.momentum / (1 + recipe.momentum);
  let next = 0;
  return mapLayers(weights, (y) =>
    evaluator.scope(() => {
      const velocity = speeds[next++];
      return evaluator.subtract(y, scaled(evaluator, velocity, factor, velocity.level - 1));
    }),
  );
}
