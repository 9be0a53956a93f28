/** Feature settings as a recipe wants them. */

import { HermeticError } from '../base/errors.ts';
import type { Recipe } from '../nn/recipes.ts';
import type { Examples } from './examples.ts';
import { type FittedFeatures, fitFeatures } from './features.ts';
import { xorSettings } from './xor.ts';

/** HermeticError BAD_DATA where nothing can be learned from the examples. */
export function fitForRecipe(recipe: Recipe, examples: Examples, vocabulary?: number): FittedFeatures {
  const { data, architecture } = recipe;
  requireKind(recipe, examples);
  const outputs = architecture.layers[architecture.layers.length - 1].units;
  switch (data.kind) {
    case 'xor':
      return { settings: xorSettings(), warnings: [] };
    case 'image':
      return fitFeatures(examples, { outputs, offset: data.targetShift });
    case 'text':
      return fitFeatures(examples, {
        outputs,
        vocabularySize: vocabulary ?? data.vocabulary,
        meanSquareNorm: data.meanSquareNorm,
      });
  }
}

function requireKind({ name, data }: Recipe, { inputs }: Examples): void {
  const columns = data.kind === 'xor' ? xorSettings().inputs.mean.length : undefined;
  const fits =
    columns === undefined ? inputs.kind === data.kind : inputs.kind === 'numeric' && inputs.columns.length === columns;
  if (fits) return;
  throw new HermeticError('BAD_DATA', `the data do not fit the recipe ${name}`, {
    expected: data.kind === 'xor' ? 'the data set xor:train' : `${data.kind}s`,
    got: inputs.kind === 'numeric' ? 'numbers' : `${inputs.kind}s`,
    mend: 'Name other data, or give --layers instead of --recipe.',
  });
}
