/** What a trainer finds out in the clear, on weights of its own, before it computes on anyone's: see `nn/shadow-run.ts`. */

import { derivative, evaluatePolynomial } from '../nn/activations.ts';
import type { Activation, Architecture, TrainingRecipe } from '../nn/architecture.ts';
import type { BatchSource } from '../nn/feature-rows.ts';
import type { Initializer } from '../nn/initializers.ts';
import { proposeLearningRate } from '../nn/learning-rate.ts';
import { type ShadowReport, shadowRun } from '../nn/shadow-run.ts';
import type { OpenRecipe } from './run-settings.ts';

export interface ShadowCheck {
  /** With the learning rate that was given, or else proposed. */
  readonly recipe: TrainingRecipe;
  /** True where the learning rate was proposed. */
  readonly proposed: boolean;
  readonly report: ShadowReport;
  /** Sentences for the user. */
  readonly warnings: readonly string[];
}

/** The recipe in the clear: completes it, measures the ranges, and warns. @throws HermeticError DIVERGED where no rate works */
export function checkInTheClear(
  architecture: Architecture,
  recipe: OpenRecipe,
  batches: BatchSource,
  initializers: readonly Initializer[],
): ShadowCheck {
  const proposed = recipe.learningRate === undefined;
  const propose = () => proposeLearningRate(architecture, recipe, batches, { initializers }).learningRate;
  const complete = { ...recipe, learningRate: recipe.learningRate ?? propose() };
  const report = shadowRun(architecture, complete, batches, { initializers });
  const warnings = report.diverged
    ? [`in the clear, this recipe diverges at learning rate ${complete.learningRate}: ${propose()} works`]
    : rangeWarnings(architecture, report);
  return { recipe: complete, proposed, report, warnings };
}

/** Activations that stand for a bounded function turn round outside the interval they were fitted on. */
function rangeWarnings({ layers }: Architecture, { ranges }: ShadowReport): string[] {
  return layers.flatMap(({ activation }, i) => {
    const turn = turningPoint(activation);
    const { preactivation } = ranges[i];
    if (turn === undefined || preactivation <= turn) return [];
    const reach = `layer ${i + 1}: |z| may reach ${preactivation.toFixed(1)}`;
    return [`${reach}, but ${activation.name} turns at ${turn.toFixed(1)}: lower the learning rate, or take lin4`];
  });
}

const SEARCH_END = 64;
const SEARCH_STEP = 1 / 64;

/** The least |z| > 0 at which a polynomial of odd degree ≥ 3 stops rising; even ones are not monotone anywhere. */
export function turningPoint(activation: Activation): number | undefined {
  const { coefficients } = activation;
  const degree = coefficients.findLastIndex((c) => c !== 0);
  if (degree < 3 || degree % 2 === 0) return undefined;
  const slope = derivative(coefficients);
  const sign = Math.sign(evaluatePolynomial(slope, 0));
  for (let z = SEARCH_STEP; z <= SEARCH_END; z += SEARCH_STEP) {
    if ([z, -z].some((at) => Math.sign(evaluatePolynomial(slope, at)) !== sign)) return z;
  }
  return undefined;
}
