/** The twin: the same recipe, order and first weights as the sealed run, trained in the clear, step for step. */

import { datasetBatches } from '../../data/batches.ts';
import type { Dataset } from '../../data/dataset.ts';
import type { Architecture, LayerWeights, TrainingRecipe } from '../../nn/architecture.ts';
import { type Evaluation, evaluateData } from '../../nn/evaluation.ts';
import { trainInTheClear } from '../../nn/twin.ts';
import { copyWeights, parameterArrays } from '../../nn/weights.ts';
import type { Point } from '../report/report.ts';

export interface TwinTask {
  readonly architecture: Architecture;
  readonly weights: readonly LayerWeights[];
  /** One a trainer, in their order; momentum begins anew with each. */
  readonly rounds: readonly { readonly data: Dataset; readonly recipe: TrainingRecipe }[];
  readonly test: Dataset;
  readonly curveEvery: number;
  readonly signal: AbortSignal;
  readonly onStep?: (done: number) => void;
}

export interface TwinOutcome {
  /** After each round. */
  readonly weights: readonly (readonly LayerWeights[])[];
  readonly evaluations: readonly Evaluation[];
  readonly trainingLoss: readonly Point[];
  readonly testLoss: readonly Point[];
  readonly testAccuracy: readonly Point[];
}

export function evaluateOn(test: Dataset, architecture: Architecture, weights: readonly LayerWeights[]): Evaluation {
  return evaluateData(architecture, weights, { features: test.features, targets: test.targets.values });
}

/** HermeticError DIVERGED, ABORTED. */
export function trainTwin({ architecture, rounds, test, curveEvery, signal, onStep, ...task }: TwinTask): TwinOutcome {
  const after: LayerWeights[][] = [];
  const evaluations: Evaluation[] = [];
  const trainingLoss: Point[] = [];
  const measured: { step: number; evaluation: Evaluation }[] = [];
  let weights = task.weights;
  let before = 0;
  const measure = (step: number, at: readonly LayerWeights[]): Evaluation => {
    const evaluation = evaluateOn(test, architecture, at);
    measured.push({ step, evaluation });
    return evaluation;
  };
  measure(0, weights);
  for (const { data, recipe } of rounds) {
    const batches = datasetBatches(data, recipe);
    const run = trainInTheClear(architecture, weights, recipe, batches, {
      signal,
      onStep: (report, state) => {
        const done = before + report.step + 1;
        trainingLoss.push({ step: done - 1, value: report.loss });
        if (done % curveEvery === 0 && report.step + 1 < recipe.steps) measure(done, state.weights);
        onStep?.(done);
      },
    });
    before += recipe.steps;
    weights = run.weights;
    after.push(copyWeights(weights));
    evaluations.push(measure(before, weights));
  }
  const points = (value: (evaluation: Evaluation) => number): Point[] =>
    measured.map(({ step, evaluation }) => ({ step, value: value(evaluation) }));
  return {
    weights: after,
    evaluations,
    trainingLoss,
    testLoss: points(({ loss }) => loss),
    testAccuracy: points(({ accuracy }) => accuracy),
  };
}

/** max |a − b| over all weights. */
export function largestDifference(a: readonly LayerWeights[], b: readonly LayerWeights[]): number {
  const others = parameterArrays(b);
  let largest = 0;
  parameterArrays(a).forEach((values, p) => {
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] - others[p][i]));
  });
  return largest;
}
