/** What network shall be made: features fitted on a sample or a well-known data set, architecture, distribution. */
import { parse } from 'csv-parse/sync';
import { parseCsv } from '../../data/csv.ts';
import { type Examples, examplesToFit } from '../../data/examples.ts';
import { applyTable, fitFeatures } from '../../data/features.ts';
import { parseFeatureSettings } from '../../data/parse-settings.ts';
import { fitForRecipe } from '../../data/recipe-features.ts';
import { type FeatureSettings, featureCount } from '../../data/settings.ts';
import { loadXor } from '../../data/xor.ts';
import type { Architecture, TrainingRecipe } from '../../nn/architecture.ts';
import type { TrainingData } from '../../nn/feature-rows.ts';
import { glorotUniform, type Initializer } from '../../nn/initializers.ts';
import { parseArchitecture, parseLayers } from '../../nn/layer-spec.ts';
import { type Recipe, type RecipeName, recipeNames, recipe as recipeOf } from '../../nn/recipes.ts';
import type { CreateNetwork } from '../../protocol/service/types.ts';
import { problem } from '../problems.ts';

export interface NetworkPlan {
  readonly settings: FeatureSettings;
  readonly architecture: Architecture;
  readonly initializers: readonly Initializer[];
  /** How the recipe trains, where there is one. */
  readonly training: TrainingRecipe | undefined;
}

/** @throws HttpProblem 400; HermeticError BAD_ARGUMENT, BAD_DATA */
export async function planNetwork(wish: CreateNetwork): Promise<NetworkPlan> {
  const { layers, recipe: name } = wish;
  if ((layers === undefined) === (name === undefined)) {
    throw problem(400, 'BAD_ARGUMENT', 'the network is not described', { mend: 'Give either layers or a recipe.' });
  }
  if (layers !== undefined) return plainPlan(layers, sampleOf(wish));
  const chosen = recipeNames.find((known) => known === name);
  if (chosen === undefined) {
    throw problem(400, 'BAD_ARGUMENT', 'there is no such recipe', { expected: recipeNames.join(', ') });
  }
  return recipePlan(recipeOf(chosen), wish.sampleCsv === undefined ? await wellKnown(chosen) : sampleOf(wish));
}

function plainPlan(layers: string, examples: Examples): NetworkPlan {
  const outputs = parseLayers(layers).at(-1)?.units ?? 1;
  const { settings } = fitFeatures(examples, { outputs });
  const architecture = parseArchitecture(layers, featureCount(settings));
  return { settings, architecture, initializers: architecture.layers.map(() => glorotUniform()), training: undefined };
}

function recipePlan(recipe: Recipe, examples: Examples): NetworkPlan {
  const { architecture, initializers, training } = recipe;
  const { settings } = fitForRecipe(recipe, examples);
  const [first, ...rest] = architecture.layers;
  const inputs = featureCount(settings);
  if (recipe.data.kind !== 'text' && inputs !== first.inputs) throw misfit(recipe);
  return { settings, architecture: { layers: [{ ...first, inputs }, ...rest] }, initializers, training };
}

function misfit({ name, architecture }: Recipe): Error {
  return problem(400, 'BAD_DATA', `the data do not fit the recipe ${name}`, {
    expected: `${architecture.layers[0].inputs} features`,
    mend: 'Send other data, or layers instead of a recipe.',
  });
}

/** The training half of the data set that a recipe was made for. */
async function wellKnown(name: RecipeName): Promise<Examples> {
  switch (name) {
    case 'xor':
      return loadXor();
    case 'imdb':
    case 'imdb-logistic':
      return (await (await import('../../data/node/imdb.ts')).loadImdb()).train;
    case 'spam':
      return (await (await import('../../data/node/spam.ts')).loadSpam()).train;
    case 'mnist':
      return (await (await import('../../data/node/mnist.ts')).loadMnist()).train;
    case 'mnist38':
      return (await (await import('../../data/node/mnist.ts')).loadMnist38()).train;
    case 'digits':
      return (await (await import('../../data/node/mnist.ts')).loadDigits()).train;
  }
}

function sampleOf({ sampleCsv, label, text }: CreateNetwork): Examples {
  if (sampleCsv === undefined || label === undefined) {
    throw problem(400, 'BAD_ARGUMENT', 'there are no data to fit the features on', {
      mend: 'Send sampleCsv, and in label the name of the column of the classes.',
    });
  }
  const table = parseCsv(sampleCsv, { source: 'the sample', parser: parse });
  return examplesToFit(table, { label, ...(text !== undefined && { text }) });
}

/** The owner's held-out rows as the network sees them. @throws HermeticError BAD_DATA */
export function heldOutData(csv: string | Uint8Array, settings: unknown): TrainingData {
  const table = parseCsv(csv, { source: 'the held-out rows', parser: parse });
  const { features, targets } = applyTable(table, parseFeatureSettings(settings), 'evaluate');
  return { features, targets: targets.values };
}
