/** `hermetic init`: a network with random weights, and feature settings fitted on sample data. */

import { buildCommand, type Command } from '@stricli/core';
import { HermeticError } from '../../base/errors.ts';
import type { Examples } from '../../data/examples.ts';
import { type FittedFeatures, fitFeatures } from '../../data/features.ts';
import { fitForRecipe } from '../../data/recipe-features.ts';
import { featureCount } from '../../data/settings.ts';
import type { Architecture } from '../../nn/architecture.ts';
import { glorotUniform, type Initializer, initialWeights } from '../../nn/initializers.ts';
import { parseArchitecture, parseLayers } from '../../nn/layer-spec.ts';
import { type Recipe, type RecipeName, recipe, recipeNames } from '../../nn/recipes.ts';
import { summarize } from '../../nn/summary.ts';
import { parameterCount } from '../../nn/weights.ts';
import { describeInitialization } from '../../protocol/provenance.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { examplesForFitting } from '../data-source.ts';
import { type DataFlags, dataFlags, type FittingFlags, fittingFlags, type OutputFlags, outputFlags } from '../flags.ts';
import { formatBytes } from '../format.ts';
import { writePlainModel } from '../model-files.ts';
import { type ForceFlags, forceFlags, requireOutput } from '../output-file.ts';
import { integer, text } from '../parsers.ts';

interface Flags extends DataFlags, FittingFlags, ForceFlags, OutputFlags {
  readonly layers: string | undefined;
  readonly recipe: RecipeName | undefined;
  readonly bias: boolean;
  readonly seed: number | undefined;
  readonly out: string;
}

/** The seed's bits can be searched: a sign of each of the first weights is enough to tell the right one. */
const PUBLIC_SEED =
  'weights from --seed are no secret: whoever knows the seed, or tries all of them, knows the weights, sealed or not. ' +
  'Leave it out for a network that shall be secret.';

export const init: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: 'Make a network with random weights, ready to be sealed',
    fullDescription: [
      'Fits the feature settings (columns, mean and deviation, or vocabulary) on sample data, which need not be the',
      'data that the network shall learn from, and draws the weights. The settings travel in the model file.',
      '',
      '  hermetic init --data sample.csv --label y --layers 8:square,1:lin4 --out model.safetensors',
    ].join('\n'),
  },
  parameters: {
    flags: {
      ...dataFlags,
      ...fittingFlags,
      layers: {
        kind: 'parsed',
        parse: text,
        brief: 'Units and activation of each layer, such as 8:square,1:lin4',
        placeholder: 'SPEC',
        optional: true,
      },
      recipe: { kind: 'enum', values: recipeNames, brief: 'Take the network of this recipe', optional: true },
      bias: { kind: 'boolean', brief: 'Give every layer a bias (default with --layers)', default: true },
      seed: {
        kind: 'parsed',
        parse: integer(0, 2 ** 53 - 1),
        brief:
          'Repeatable weights, for demonstrations: whoever knows or finds the seed knows them (default: secret ones)',
        placeholder: 'SEED',
        optional: true,
      },
      out: { kind: 'parsed', parse: text, brief: 'File to write', placeholder: 'model.safetensors' },
      ...forceFlags,
      ...outputFlags,
    },
  },
  func: runInit,
});

async function runInit(this: HermeticContext, flags: Flags): Promise<void> {
  const console = new Console(this.io, flags);
  if (flags.seed !== undefined) console.warn(PUBLIC_SEED);
  const plan = planOf(flags);
  await requireOutput({ out: flags.out, kind: 'safetensors', inputs: [flags.data], force: flags.force });
  const examples = await examplesForFitting(flags, this.io.signal);
  const { settings, warnings } = plan.fit(examples);
  for (const warning of warnings) console.warn(warning);
  const architecture = plan.architecture(featureCount(settings));
  const initializers = plan.initializers ?? architecture.layers.map(() => glorotUniform());
  const weights = initialWeights(architecture, initializers, flags.seed);
  const bytes = await writePlainModel(flags.out, {
    architecture,
    weights,
    features: settings,
    // The distribution is public and tells a trainer's shadow run what to draw; the seed would tell the weights.
    provenance: [describeInitialization(initializers)],
  });
  console.result(
    {
      out: flags.out,
      bytes,
      features: featureCount(settings),
      classes: settings.label.classes.length,
      parameters: parameterCount(architecture),
      layers: architecture.layers.map(({ units, activation }) => ({ units, activation: activation.name })),
    },
    (colors) => `${summarize(architecture)}\n\n${colors.bold(flags.out)}  ${formatBytes(bytes)}, not yet sealed`,
  );
}

interface InitPlan {
  readonly fit: (examples: Examples) => FittedFeatures;
  readonly architecture: (inputs: number) => Architecture;
  readonly initializers: readonly Initializer[] | undefined;
}

/** What shall be made, before any data are read. HermeticError BAD_ARGUMENT. */
function planOf({ layers, recipe: name, vocabulary, bias }: Flags): InitPlan {
  if ((layers === undefined) === (name === undefined)) {
    throw new HermeticError('BAD_ARGUMENT', 'the network is not described', {
      mend: 'Give either --layers SPEC or --recipe NAME.',
    });
  }
  if (name !== undefined) return recipePlan(recipe(name), vocabulary);
  const spec = layers ?? '';
  const outputs = parseLayers(spec).at(-1)?.units ?? 1;
  const options = { outputs, ...(vocabulary !== undefined && { vocabularySize: vocabulary }) };
  return {
    fit: (examples) => fitFeatures(examples, options),
    architecture: (inputs) => parseArchitecture(spec, inputs, bias),
    initializers: undefined,
  };
}

function recipePlan(chosen: Recipe, vocabulary: number | undefined): InitPlan {
  const { name, architecture, initializers, data } = chosen;
  return {
    fit: (examples) => fitForRecipe(chosen, examples, vocabulary),
    architecture: (inputs) => {
      const [first, ...rest] = architecture.layers;
      if (data.kind !== 'text' && inputs !== first.inputs) {
        throw new HermeticError('BAD_DATA', `the data do not fit the recipe ${name}`, {
          expected: `${first.inputs} features`,
          got: `${inputs}`,
          mend: 'Name other data, or give --layers instead of --recipe.',
        });
      }
      return { layers: [{ ...first, inputs }, ...rest] };
    },
    initializers,
  };
}
