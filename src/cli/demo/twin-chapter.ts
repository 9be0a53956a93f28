/** Chapter: the same in the clear, to see what sealing cost. */

import { applyFeatures } from '../../data/features.ts';
import { selectPart } from '../data-source.ts';
import { formatPercent } from '../format.ts';
import { largestDifference, type TwinOutcome, trainTwin } from './clear-twin.ts';
import type { DemoNetwork } from './network.ts';
import type { DemoRound } from './round.ts';
import { PART_SEED } from './specs.ts';
import type { DemoStage } from './stage.ts';

export interface TwinChapter extends TwinOutcome {
  /** max |sealed − clear| over all weights, at the end. */
  readonly maxWeightError: number;
}

export async function runTwin(
  stage: DemoStage,
  network: DemoNetwork,
  rounds: readonly DemoRound[],
): Promise<TwinChapter> {
  const { story, timeline, spec, signal } = stage;
  story.chapter('owner', 'The twin: the same in the clear');
  const total = rounds.reduce((sum, { recipe }) => sum + recipe.steps, 0);
  const progress = story.progress({ unit: 'step', total, every: total });
  const outcome = await timeline
    .phase('owner', 'Train the twin in the clear', () =>
      trainTwin({
        architecture: network.model.architecture,
        weights: network.model.weights,
        rounds: rounds.map(({ recipe }, index) => ({ recipe, data: dataOf(stage, network, index) })),
        test: network.test,
        curveEvery: spec.curveEvery,
        signal,
        onStep: (done) => progress.update(done),
      }),
    )
    .finally(() => progress.stop());
  const last = rounds[rounds.length - 1];
  const maxWeightError = largestDifference(last.weights, outcome.weights[outcome.weights.length - 1]);
  const accuracy = outcome.evaluations[outcome.evaluations.length - 1].accuracy;
  story.tell(
    `Same recipe, order and first weights: ${story.colors.bold(formatPercent(accuracy))}. No weight differs by more ` +
      `than ${maxWeightError.toExponential(1)}.`,
    timeline.lastSeconds,
  );
  return { ...outcome, maxWeightError };
}

function dataOf(
  { spec }: DemoStage,
  { split, settings }: DemoNetwork,
  index: number,
): ReturnType<typeof applyFeatures> {
  const mine = selectPart(split.train, { index: index + 1, parts: spec.trainers }, PART_SEED);
  return applyFeatures(mine, settings);
}
