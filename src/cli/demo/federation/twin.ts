/** The same rounds in the clear, from the same first weights, to see what sealing cost. */

import { applyFeatures } from '../../../data/features.ts';
import { parseFeatureSettings } from '../../../data/parse-settings.ts';
import type { TrainingRecipe } from '../../../nn/architecture.ts';
import { readModelFile } from '../../../protocol/model-file.ts';
import type { Lineage } from '../../../protocol/service/types.ts';
import { selectPart } from '../../data-source.ts';
import { formatPercent } from '../../format.ts';
import type { Point } from '../../report/report.ts';
import { largestDifference, trainTwin } from '../clear-twin.ts';
import type { FederationRound } from './round.ts';
import { PART_SEED, ROW_NAME, TRAINERS } from './spec.ts';
import type { FederationService, FederationStage } from './stage.ts';

export interface FederationTwin {
  /** Accuracy on the held-out rows, by step. */
  readonly accuracy: readonly Point[];
  readonly finalAccuracy: number;
  /** max |sealed − clear| over all weights of the head. */
  readonly maxWeightError: number;
}

const CURVE_EVERY = 3;

/** Opens the first model and the head, and trains the one into what should be the other. */
export async function runFederationTwin(
  stage: FederationStage,
  { client }: FederationService,
  { network, models }: Lineage,
  rounds: readonly FederationRound[],
): Promise<FederationTwin> {
  const { story, timeline, split, signal } = stage;
  story.chapter('owner', 'The twin: the same in the clear');
  const first = models.find(({ parentId }) => parentId === undefined);
  const twin = await timeline.phase('owner', 'Train the twin in the clear', async () => {
    const before = readModelFile(await client.openModel(first?.id ?? network.headId, { signal }));
    const sealed = readModelFile(await client.openModel(network.headId, { signal }));
    const settings = parseFeatureSettings(before.features);
    const mine = (index: number) => selectPart(split.train, { index: index + 1, parts: TRAINERS.length }, PART_SEED);
    const outcome = trainTwin({
      architecture: before.architecture,
      weights: before.weights,
      rounds: rounds.map(({ recipe }, i) => ({
        recipe: recipe as TrainingRecipe,
        data: applyFeatures(mine(i), settings),
      })),
      test: applyFeatures(split.test, settings),
      curveEvery: CURVE_EVERY,
      signal,
    });
    const clear = outcome.weights[outcome.weights.length - 1];
    return { accuracy: outcome.testAccuracy, maxWeightError: largestDifference(sealed.weights, clear) };
  });
  const finalAccuracy = twin.accuracy[twin.accuracy.length - 1].value;
  story.tell(
    `Same recipes, order and first weights: ${story.colors.bold(formatPercent(finalAccuracy))} of the ${ROW_NAME}s. No ` +
      `weight differs by more than ${twin.maxWeightError.toExponential(1)}.`,
    timeline.lastSeconds,
  );
  return { ...twin, finalAccuracy };
}
