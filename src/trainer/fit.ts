/**
 * Training a sealed network: look in the clear, plan, train with refreshes and checkpoints, and hand the model back under
 * fresh randomness. Without a key: the trainer never sees a weight, and the loss stays locked.
 */
import { HermeticError } from '../base/errors.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import { batches as batchesOf, shardBatches, type TrainingData } from '../nn/feature-rows.ts';
import { inputSize, outputSize } from '../nn/network.ts';
import { planTraining, type TrainingPlan } from '../nn/sealed/plan.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import { layoutJson } from '../protocol/layout-json.ts';
import { describeTraining, initializersOf } from '../protocol/provenance.ts';
import type { ReadSealedModel, SealedModel } from '../protocol/sealed-model.ts';
import { requireFittingKeys } from './bootstrapping.ts';
import { completeRecipe, type FitOptions, refreshModeOf, requireLearningRate } from './fit-options.ts';
import { findRun, newRunName } from './run-checkpoint.ts';
import {
  type DataFingerprint,
  joinFingerprints,
  type OpenRecipe,
  requireSameRun,
  shardFingerprints,
} from './run-settings.ts';
import { disposeWeights, leavingWeights, networkOf } from './sealed-weights.ts';
import { checkInTheClear, type ShadowCheck } from './shadow-check.ts';
import { requireTrainerKey, type TrainerKeys } from './trainer-keys.ts';
import { takeSteps } from './training-run.ts';

export interface FitResult {
  /** Re-randomised, with the run in its provenance; to be written with `writeSealedModel`. */
  readonly model: SealedModel;
  readonly recipe: TrainingRecipe;
  readonly plan: TrainingPlan;
  /** Absent where the run was resumed or the shadow run passed over. */
  readonly shadow: ShadowCheck | undefined;
}

/**
 * Trains `model` on the trainer's own rows.
 * @throws HermeticError WRONG_KEY; PLAN_REFUSED with what would fit; BAD_ARGUMENT where the checkpoints are of another
 *   run; DISK where another process is at them; REFRESH_FAILED, POLICY_DENIED and ABORTED, after which the same call goes
 *   on from the last checkpoint; LEVELS_EXHAUSTED
 */
export async function fit(
  model: ReadSealedModel,
  keys: TrainerKeys,
  data: TrainingData,
  options: FitOptions,
): Promise<FitResult> {
  requireTrainerKey(keys, model.keyId, 'the model');
  requireFittingData(model, data);
  const network = networkOf(model);
  const open = completeRecipe(options.recipe, network);
  // Refuses before any time is spent; no plan depends on the learning rate.
  if (typeof options.refresh === 'object') requireFittingKeys(keys, network, options.refresh);
  plan(model, network, keys, { ...open, learningRate: 1 }, data, options);
  const release = await options.checkpoint?.claim?.();
  try {
    return await fitAlone(model, network, keys, data, open, options);
  } finally {
    await release?.();
  }
}

/** The run, with no other in the same checkpoints. */
async function fitAlone(
  model: ReadSealedModel,
  network: SealedNetwork,
  keys: TrainerKeys,
  data: TrainingData,
  open: OpenRecipe,
  options: FitOptions,
): Promise<FitResult> {
  const { observer = {}, checkpoint: store } = options;
  const prints = await fingerprintsOf(data, options);
  const print = await joinFingerprints(prints);
  const stored = store && (await findRun(store, keys, model, (message) => observer.warning?.(message)));
  if (stored) requireSameRun(stored.settings, open, print);
  const shadow = stored || options.skipShadowRun ? undefined : lookInTheClear(model, open, data, options);
  const recipe = stored?.settings.recipe ?? shadow?.recipe ?? requireLearningRate(open);
  const planned = plan(model, network, keys, recipe, data, options);
  observer.plan?.(planned);
  const batches = options.executor ? [] : shardBatches(data, open, options.shards ?? 1);
  const identity = { run: stored?.run ?? newRunName(), settings: { recipe, data: print } };
  const run = { model, keys, network, plan: planned, batches, shards: prints, stored, identity, options };
  const weights = await takeSteps(run);
  const records = leavingWeights(keys, planned, weights);
  disposeWeights(weights);
  const entry = { steps: recipe.steps, rows: print.rows, refresh: planned.refreshMode, recipe };
  return { model: handBack(model, planned, records, entry), recipe, plan: planned, shadow };
}

/** Of every shard, wherever its rows are. */
async function fingerprintsOf(data: TrainingData, options: FitOptions): Promise<readonly DataFingerprint[]> {
  const { executor, shards = 1 } = options;
  const own = await shardFingerprints(data, executor?.held === undefined ? shards : 1);
  return executor ? executor.fingerprints(own, shards) : own;
}

/** @throws HermeticError BAD_DATA unless features and targets are as many as the network has inputs and outputs */
function requireFittingData({ architecture }: ReadSealedModel, { features, targets }: TrainingData): void {
  const expected = [inputSize(architecture), outputSize(architecture)];
  const got = [features.columns, features.rows === 0 ? expected[1] : targets.length / features.rows];
  if (got[0] === expected[0] && got[1] === expected[1]) return;
  throw new HermeticError('BAD_DATA', 'the data do not fit the network', {
    expected: `${expected[0]} features and ${expected[1]} outputs`,
    got: `${got[0]} and ${got[1]}`,
    mend: "Make the features with the model's own settings, which travel in its file.",
  });
}

function plan(
  model: ReadSealedModel,
  { architecture, layout }: SealedNetwork,
  keys: TrainerKeys,
  recipe: TrainingRecipe,
  data: TrainingData,
  { refresh, shards = 1, executor }: FitOptions,
): TrainingPlan {
  const { slots, maxLevel } = keys.context;
  return planTraining(architecture, recipe, {
    slots,
    maxLevel,
    level: Math.min(...model.records.map((record) => record.level)),
    refreshMode: refreshModeOf(refresh),
    ...(typeof refresh === 'object' && { refreshedLevel: refresh.level }),
    layout,
    // Shards are of equal size, but for a row.
    rows: data.features.rows * (executor?.held === undefined ? 1 : shards),
    shards,
  });
}

/** Rows of a step in the clear: enough to see the ranges, few enough not to be waited for. */
const SHADOW_ROWS = 256;

function lookInTheClear(
  { architecture, provenance }: ReadSealedModel,
  recipe: OpenRecipe,
  data: TrainingData,
  { observer = {} }: FitOptions,
): ShadowCheck {
  const batch = Math.min(recipe.batch, SHADOW_ROWS);
  const batches = batchesOf(data, { batch, seed: recipe.seed });
  const check = checkInTheClear(architecture, recipe, batches, initializersOf(provenance, architecture));
  for (const warning of check.warnings) observer.warning?.(warning);
  observer.shadow?.(check);
  return check;
}

function handBack(
  model: ReadSealedModel,
  { layout }: TrainingPlan,
  records: SealedModel['records'],
  entry: Parameters<typeof describeTraining>[0],
): SealedModel {
  const { architecture, features, keyId, round, demonstration } = model;
  const provenance = [...model.provenance, describeTraining(entry)];
  const packing = layoutJson(layout);
  return { architecture, features, packing, records, keyId, round: round + 1, provenance, demonstration };
}
