/** Feature settings as a recipe wants them. */

import type { Examples } from '../data/examples.ts';
import { type FittedFeatures, fitFeatures } from '../data/features.ts';
import { xorSettings } from '../data/xor.ts';
import type { Recipe } from '../nn/recipes.ts';

/** HermeticError BAD_DATA where nothing can be learned from the examples. */
export function fitForRecipe({ data, architecture }: Recipe, examples: Examples, vocabulary?: number): FittedFeatures {
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
