/** Chapter: the owner makes a network with random weights, on words (or pixel means) that are public knowledge. */

import type { Dataset } from '../../data/dataset.ts';
import { applyFeatures } from '../../data/features.ts';
import { fitForRecipe } from '../../data/recipe-features.ts';
import { type FeatureSettings, featureCount } from '../../data/settings.ts';
import { initialWeights } from '../../nn/initializers.ts';
import { parameterCount } from '../../nn/weights.ts';
import type { PlainModel } from '../../protocol/model-file.ts';
import { describeInitialization } from '../../protocol/provenance.ts';
import { loadSplit, type Split, selectPart } from '../data-source.ts';
import { formatCount } from '../format.ts';
import { shapeOf } from '../plan-report.ts';
import { PART_SEED, WEIGHT_SEED } from './specs.ts';
import type { DemoStage } from './stage.ts';

export interface DemoNetwork {
  readonly model: PlainModel;
  readonly settings: FeatureSettings;
  readonly split: Split;
  /** The official test rows as the network sees them. */
  readonly test: Dataset;
}

/** HermeticError BAD_ARGUMENT where the data set is not installed. */
export async function prepareNetwork(stage: DemoStage): Promise<DemoNetwork> {
  const { story, timeline, spec } = stage;
  story.chapter('owner', `A network for ${spec.rowName}s`);
  const network = await timeline.phase('owner', 'Fit the features, draw the weights', () => makeNetwork(stage));
  const { architecture } = network.model;
  story.tell(
    `${shapeOf(architecture)}: ${formatCount(parameterCount(architecture))} weights, from a public seed so that all repeats, on ` +
      `${formatCount(featureCount(network.settings))} features (${spec.features}).`,
    timeline.lastSeconds,
  );
  return network;
}

/** HermeticError BAD_ARGUMENT where the data set is not installed. */
export async function makeNetwork({ spec, recipe }: Pick<DemoStage, 'spec' | 'recipe'>): Promise<DemoNetwork> {
  const split = await loadSplit(spec.name);
  if (split === undefined) throw new RangeError(`there is no data set ${spec.name}`);
  const { fitPart } = spec;
  const sample = fitPart === undefined ? split.train : selectPart(split.train, fitPart, PART_SEED);
  const { settings } = fitForRecipe(recipe, sample);
  const { architecture, initializers } = recipe;
  const weights = initialWeights(architecture, initializers, WEIGHT_SEED);
  const provenance = [describeInitialization(initializers)];
  return {
    model: { architecture, weights, features: settings, provenance },
    settings,
    split,
    test: applyFeatures(split.test, settings),
  };
}
