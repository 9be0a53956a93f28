/** How to train: the options that `train` and `simulate` share, and the recipe they make. */

import type { FlagParametersForType } from '@stricli/core';
import { HermeticError } from '../base/errors.ts';
import { datasetBatches, requireBatch } from '../data/batches.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Architecture, Loss, Schedule, TrainingRecipe } from '../nn/architecture.ts';
import type { BatchSource } from '../nn/feature-rows.ts';
import { glorotUniform, type Initializer } from '../nn/initializers.ts';
import { proposeLearningRate } from '../nn/learning-rate.ts';
import { type RecipeName, recipe, recipeNames } from '../nn/recipes.ts';
import { shadowRun } from '../nn/shadow-run.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Console } from './console.ts';
import type { HermeticContext } from './context.ts';
import { parseBatch } from './flags.ts';
import { formatPercent } from './format.ts';
import { fraction, integer, nonNegativeNumber, positiveNumber } from './parsers.ts';

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
  readonly architecture: Architecture;
  readonly data: Dataset;
  /** What was done to the model so far: tells the distribution that its weights were drawn from. */
  readonly provenance: readonly JsonValue[];
  /** Largest batch that the model was sealed for. */
  readonly sealedBatch?: number;
}

export interface PreparedTraining {
  readonly recipe: TrainingRecipe;
  readonly batches: BatchSource;
}

/**
 * The recipe from the options, the rest from --recipe or by default; where no learning rate is given, a shadow run
 * finds one, and where one is given, a shadow run tries it (HermeticError DIVERGED where it blows up).
 */
export function prepareTraining(console: Console, flags: TrainingFlags, setup: TrainingSetup): PreparedTraining {
  const { data, architecture } = setup;
  const base = flags.recipe === undefined ? undefined : recipe(flags.recipe).training;
  const rows = data.features.rows;
  const batch = flags.batch ?? Math.min(base?.batch ?? setup.sealedBatch ?? 256, largestBatch(rows));
  requireBatch(rows, batch);
  const seed = flags.seed ?? base?.seed ?? 1;
  const batches = datasetBatches(data, { batch, seed });
  const learningRate = flags.learningRate ?? base?.learningRate;
  const draft: Omit<TrainingRecipe, 'learningRate'> = {
    loss: flags.loss ?? base?.loss ?? 'delta',
    momentum: flags.momentum ?? base?.momentum ?? 0.9,
    nesterov: flags.nesterov ?? base?.nesterov ?? true,
    weightDecay: flags.weightDecay ?? base?.weightDecay ?? 0,
    schedule: scheduleOf(flags, learningRate === undefined || base?.schedule.kind === 'linear', base?.schedule),
    batch,
    steps: flags.steps ?? base?.steps ?? 20,
    firstStep: flags.firstStep ?? base?.firstStep ?? 0,
    seed,
  };
  const initializers = initializersOf(setup.provenance, architecture);
  if (learningRate === undefined) {
    return { batches, recipe: { ...draft, learningRate: propose(console, architecture, draft, batches, initializers) } };
  }
  const chosen = { ...draft, learningRate };
  if (flags.shadow) tryInTheClear(console, architecture, chosen, batches, initializers);
  return { batches, recipe: chosen };
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

function propose(
  console: Console,
  architecture: Architecture,
  draft: Omit<TrainingRecipe, 'learningRate'>,
  batches: BatchSource,
  initializers: readonly Initializer[],
): number {
  const { learningRate, tried } = proposeLearningRate(architecture, draft, batches, { initializers });
  const stable = tried.filter(({ diverged }) => !diverged).length;
  console.note(
    `learning rate ${learningRate}: the best of ${tried.length} tried on random weights in the clear, ` +
      `${stable} of which stayed in range (--learning-rate sets another)`,
  );
  return learningRate;
}

function tryInTheClear(
  console: Console,
  architecture: Architecture,
  chosen: TrainingRecipe,
  batches: BatchSource,
  initializers: readonly Initializer[],
): void {
  const report = shadowRun(architecture, chosen, batches, { initializers });
  if (!report.diverged) {
    console.note(`shadow run in the clear, on random weights: batch accuracy ${formatPercent(report.accuracy, 1)}`);
    return;
  }
  throw new HermeticError('DIVERGED', `the shadow run diverged at step ${report.steps}: this recipe blows up`, {
    got: `a learning rate of ${chosen.learningRate}`,
    mend: 'Leave --learning-rate out to have one proposed, or give --no-shadow to train all the same.',
  });
}

/** The distribution that the owner drew from, as `init` wrote it down; otherwise Glorot's. */
export function initializersOf(provenance: readonly JsonValue[], architecture: Architecture): readonly Initializer[] {
  for (const entry of provenance) {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) continue;
    const { kind, initializers } = entry as { kind?: JsonValue; initializers?: JsonValue };
    if (kind === 'init' && Array.isArray(initializers) && initializers.length === architecture.layers.length) {
      return (initializers as readonly JsonValue[]).map(asInitializer);
    }
  }
  return architecture.layers.map(() => glorotUniform());
}

/** An initializer as it stands in a file: its kind must be known and its numbers finite. */
function asInitializer(value: JsonValue): Initializer {
  const record = typeof value === 'object' && value !== null ? (value as Record<string, JsonValue>) : {};
  const numbers = NUMBERS_OF[String(record.kind)];
  if (numbers?.every((name) => Number.isFinite(record[name]))) return record as unknown as Initializer;
  return glorotUniform();
}

const NUMBERS_OF: Readonly<Record<string, readonly string[] | undefined>> = {
  normal: ['mean', 'deviation'],
  uniform: ['low', 'high'],
  alternatingUniform: ['low', 'high'],
  scaledNormal: ['scale'],
  glorotNormal: [],
  glorotUniform: [],
  heNormal: [],
  zeros: [],
};
