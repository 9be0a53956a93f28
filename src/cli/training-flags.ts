/** How to train: the options that `train` and `simulate` share, and the recipe they make. */

import type { FlagParametersForType } from '@stricli/core';
import { datasetBatches, requireBatch } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Loss, Schedule } from '../nn/architecture.ts';
import type { BatchSource } from '../nn/feature-rows.ts';
import { type RecipeName, recipe, recipeNames } from '../nn/recipes.ts';
import type { OpenRecipe } from '../trainer/run-settings.ts';
import type { HermeticContext } from './context.ts';
import { parseBatch } from './flags.ts';
import { fraction, integer, nonNegativeNumber, positiveNumber, privacyBudget } from './parsers.ts';

export interface TrainingFlags {
  readonly recipe: RecipeName | undefined;
  readonly batch: number | undefined;
  readonly steps: number | undefined;
  readonly learningRate: number | undefined;
  readonly momentum: number | undefined;
  readonly nesterov: boolean | undefined;
  readonly weightDecay: number | undefined;
  readonly schedule: Schedule['kind'] | undefined;
  readonly decaySteps: number | undefined;
  readonly firstStep: number | undefined;
  readonly loss: Loss | undefined;
  readonly seed: number | undefined;
  readonly shadow: boolean;
  /** ε of noise on every row. */
  readonly privacy: number | undefined;
}

const count = integer(1, 2 ** 31);

export const trainingFlags: FlagParametersForType<TrainingFlags, HermeticContext> = {
  recipe: { kind: 'enum', values: recipeNames, brief: 'Take what is not given from this recipe', optional: true },
  batch: parsed(parseBatch, 'Rows of a step, a power of two (default: 256, or what the model was sealed for)', 'ROWS'),
  steps: parsed(count, 'Steps to take (default: 20)', 'STEPS'),
  learningRate: parsed(positiveNumber, 'Learning rate (default: what a shadow run in the clear finds good)', 'RATE'),
  momentum: parsed(fraction, 'Momentum (default: 0.9)', 'MU'),
  nesterov: { kind: 'boolean', brief: "Nesterov's momentum (default: yes)", optional: true },
  weightDecay: parsed(nonNegativeNumber, 'Weight decay (default: 0)', 'LAMBDA'),
  schedule: {
    kind: 'enum',
    values: ['constant', 'linear'],
    brief: 'Learning rate over the steps (default: linear, falling to zero, where the rate is proposed)',
    optional: true,
  },
  decaySteps: parsed(count, 'Steps after which a linear schedule reaches zero, over all trainers', 'STEPS'),
  firstStep: parsed(integer(0, 2 ** 31), 'Steps of the schedule that earlier trainers have taken', 'STEP'),
  loss: {
    kind: 'enum',
    values: ['delta', 'squaredError'],
    brief: 'Error of the output (default: delta, which is prediction − target)',
    optional: true,
  },
  seed: parsed(integer(0, 2 ** 53 - 1), 'Seed of the order of the rows; public (default: 1)', 'SEED'),
  shadow: { kind: 'boolean', brief: 'Try the recipe in the clear on random weights first', default: true },
  privacy: parsed(
    privacyBudget,
    'ε of differential privacy: noise on every row before training, so that the owner, too, learns little of one (δ 1e-5)',
    'EPSILON',
  ),
};

interface OptionalParsed {
  readonly kind: 'parsed';
  readonly parse: (value: string) => number;
  readonly brief: string;
  readonly placeholder: string;
  readonly optional: true;
}

function parsed(parse: (value: string) => number, brief: string, placeholder: string): OptionalParsed {
  return { kind: 'parsed', parse, brief, placeholder, optional: true };
}

export interface TrainingSetup {
  readonly data: Dataset;
  /** Largest batch that the model was sealed for. */
  readonly sealedBatch?: number;
}

export interface PreparedTraining {
  /** Without a learning rate: a shadow run shall find one. */
  readonly recipe: OpenRecipe;
  readonly batches: BatchSource;
}

/** The recipe from the options, the rest from --recipe or by default; without a learning rate where none is given. */
export function prepareTraining(flags: TrainingFlags, setup: TrainingSetup): PreparedTraining {
  const base = flags.recipe === undefined ? undefined : recipe(flags.recipe).training;
  const { rows } = setup.data.features;
  const batch = flags.batch ?? Math.min(base?.batch ?? setup.sealedBatch ?? 256, largestBatch(rows));
  requireBatch(rows, batch);
  const seed = flags.seed ?? base?.seed ?? 1;
  const learningRate = flags.learningRate ?? base?.learningRate;
  const linear = base === undefined ? learningRate === undefined : base.schedule.kind === 'linear';
  return {
    batches: datasetBatches(setup.data, { batch, seed }),
    recipe: {
      loss: flags.loss ?? base?.loss ?? 'delta',
      learningRate,
      momentum: flags.momentum ?? base?.momentum ?? 0.9,
      nesterov: flags.nesterov ?? base?.nesterov ?? true,
      weightDecay: flags.weightDecay ?? base?.weightDecay ?? 0,
      schedule: scheduleOf(flags, linear, base?.schedule),
      batch,
      steps: flags.steps ?? base?.steps ?? 20,
      firstStep: flags.firstStep ?? base?.firstStep ?? 0,
      seed,
    },
  };
}

function largestBatch(rows: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, rows)));
}

function scheduleOf(flags: TrainingFlags, linear: boolean, base: Schedule | undefined): Schedule {
  const kind = flags.schedule ?? (linear || flags.decaySteps !== undefined ? 'linear' : 'constant');
  if (kind === 'constant') return { kind };
  // The recipe's own length counts only where no other number of steps is asked for.
  const decaySteps = flags.decaySteps ?? (flags.steps === undefined ? base?.decaySteps : undefined);
  return decaySteps === undefined ? { kind } : { kind, decaySteps };
}
