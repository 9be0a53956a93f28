/**
 * Networks that are known to train: architecture, initial distribution, hyper-parameters, and what the data must look
 * like. Learning rates are for gradients averaged over the batch.
 */

import { activation } from './activations.ts';
import type { Activation, Architecture, DenseLayer, TrainingRecipe } from './architecture.ts';
import { alternatingUniform, type Initializer, scaledNormal, uniform, zeros } from './initializers.ts';

export type RecipeName = 'xor' | 'imdb' | 'imdb-logistic' | 'spam' | 'mnist' | 'mnist38' | 'digits';

/**
 * What the features are, for the data floor to make. 'xor': rows (a − ½, b − ½, 1). 'text': presence × idf of the
 * commonest words, rows L2-normalised, centred, one scale for all such that mean ‖x‖² = meanSquareNorm. 'image': MNIST
 * averaged down to side × side pixels (14: means of 2 × 2; 8: of 3 × 3, without the border of two), centred by the mean
 * image, every row scaled to ‖x‖² = side².
 */
export type RecipeData =
  | { readonly kind: 'xor'; readonly dataset: 'xor' }
  | {
      readonly kind: 'text';
      readonly dataset: 'imdb' | 'spam';
      readonly vocabulary: number;
      readonly meanSquareNorm: number;
    }
  | {
      readonly kind: 'image';
      readonly dataset: 'mnist';
      /** Kept classes, in the order of the outputs. */
      readonly classes: readonly number[];
      readonly side: number;
      /** Subtracted from the one-hot targets. */
      readonly targetShift: number;
    };

export interface Recipe {
  readonly name: RecipeName;
  readonly title: string;
  readonly data: RecipeData;
  readonly architecture: Architecture;
  /** Of the kernels, one a layer. */
  readonly initializers: readonly Initializer[];
  readonly training: TrainingRecipe;
}

/** Nesterov's momentum .9, rate falling linearly to zero over the run, δ = ŷ − y. */
function nesterov(
  options: Pick<TrainingRecipe, 'learningRate' | 'batch' | 'steps'> & Partial<TrainingRecipe>,
): TrainingRecipe {
  return {
    loss: 'delta',
    momentum: 0.9,
    nesterov: true,
    weightDecay: 0,
    schedule: { kind: 'linear', decaySteps: options.steps },
    firstStep: 0,
    seed: 1,
    ...options,
  };
}

function network(
  inputs: number,
  ...layers: readonly (readonly [units: number, activation: Activation])[]
): Architecture {
  const built: DenseLayer[] = [];
  for (const [units, phi] of layers) {
    built.push({ kind: 'dense', inputs: built.at(-1)?.units ?? inputs, units, activation: phi, useBias: false });
  }
  return { layers: built };
}

const linear: Activation = activation('linear');
const lin4: Activation = activation('lin4');
const shiftedSquare: Activation = activation('shiftedSquare');
const digitClasses = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

function withOutputBias({ layers }: Architecture): Architecture {
  return { layers: layers.map((layer, i) => ({ ...layer, useBias: i === layers.length - 1 })) };
}

const all: readonly Recipe[] = [
  {
    name: 'xor',
    title: 'XOR, 3-4-1',
    data: { kind: 'xor', dataset: 'xor' },
    architecture: withOutputBias(network(3, [4, activation('square')], [1, activation('sigmoid3')])),
    initializers: [uniform({ low: -1, high: 1 }), alternatingUniform({ low: 0.25, high: 1 })],
    // .2 on the mean of the four rows is .05 on their sum.
    training: nesterov({ learningRate: 0.2, momentum: 0.8, schedule: { kind: 'constant' }, batch: 4, steps: 30 }),
  },
  {
    name: 'imdb',
    title: 'IMDB reviews, 4000-8-1',
    data: { kind: 'text', dataset: 'imdb', vocabulary: 4000, meanSquareNorm: 4000 },
    architecture: network(4000, [8, linear], [1, lin4]),
    initializers: [scaledNormal({ scale: 0.3 }), scaledNormal({ scale: 1 })],
    training: nesterov({ learningRate: 0.012, batch: 1024, steps: 40 }),
  },
  {
    name: 'imdb-logistic',
    title: 'IMDB reviews, logistic regression',
    data: { kind: 'text', dataset: 'imdb', vocabulary: 4000, meanSquareNorm: 1 },
    architecture: network(4000, [1, lin4]),
    initializers: [zeros()],
    training: nesterov({ learningRate: 32, weightDecay: 3e-4, batch: 1024, steps: 40 }),
  },
  {
    name: 'spam',
    title: 'Spam, 2000-8-1',
    data: { kind: 'text', dataset: 'spam', vocabulary: 2000, meanSquareNorm: 2000 },
    architecture: network(2000, [8, linear], [1, lin4]),
    initializers: [scaledNormal({ scale: 0.3 }), scaledNormal({ scale: 1 })],
    training: nesterov({ learningRate: 0.02, batch: 256, steps: 40 }),
  },
  {
    name: 'mnist',
    title: 'MNIST, 784-64-10',
    data: { kind: 'image', dataset: 'mnist', classes: digitClasses, side: 28, targetShift: 0.1 },
    architecture: network(784, [64, shiftedSquare], [10, linear]),
    initializers: [scaledNormal({ scale: 0.7 }), scaledNormal({ scale: 0.1 })],
    training: nesterov({ learningRate: 0.08, batch: 256, steps: 100 }),
  },
  {
    name: 'mnist38',
    title: 'MNIST 3 against 8, 196-16-2',
    data: { kind: 'image', dataset: 'mnist', classes: [3, 8], side: 14, targetShift: 0.1 },
    architecture: network(196, [16, shiftedSquare], [2, linear]),
    initializers: [scaledNormal({ scale: 0.7 }), scaledNormal({ scale: 0.1 })],
    training: nesterov({ learningRate: 0.16, batch: 256, steps: 40 }),
  },
  {
    name: 'digits',
    title: 'MNIST at 8 × 8, 64-32-10',
    data: { kind: 'image', dataset: 'mnist', classes: digitClasses, side: 8, targetShift: 0.1 },
    architecture: network(64, [32, shiftedSquare], [10, linear]),
    initializers: [scaledNormal({ scale: 0.7 }), scaledNormal({ scale: 0.1 })],
    training: nesterov({ learningRate: 0.25, batch: 256, steps: 80 }),
  },
];

export const recipeNames: readonly RecipeName[] = all.map((recipe) => recipe.name);

/** The recipe of that name. RangeError for others. */
export function recipe(name: RecipeName): Recipe {
  const found = all.find((candidate) => candidate.name === name);
  if (found === undefined) throw new RangeError(`recipe: expected one of ${recipeNames.join(', ')}, got '${name}'`);
  return found;
}

/** The four rows of XOR, (a − ½, b − ½, 1) each, and their targets. */
export const xorRows: readonly (readonly number[])[] = [
  [-0.5, -0.5, 1],
  [-0.5, 0.5, 1],
  [0.5, -0.5, 1],
  [0.5, 0.5, 1],
];
export const xorTargets: readonly number[] = [0, 1, 1, 0];
