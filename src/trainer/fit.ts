/**
 * Training a sealed network: look in the clear, plan, train with refreshes and checkpoints, and hand the model back under
 * fresh randomness. Without a key: the trainer never sees a weight, and the loss stays locked.
 */
import { HermeticError } from '../base/errors.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import {
  type BatchSource,
  batches as batchesOf,
  type LabelledRows,
  shardBatches,
  type TrainingData,
  trainingData,
} from '../nn/feature-rows.ts';
import { inputSize, outputSize } from '../nn/network.ts';
import { layoutForBatch, type SealedLayout } from '../nn/sealed/layout.ts';
import type { TrainingPlan } from '../nn/sealed/plan.ts';
import { repackForBatch } from '../nn/sealed/repack.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import { disposeAll } from '../nn/sealed/training-step.ts';
import { layoutJson } from '../protocol/layout-json.ts';
import { describeTraining, initializersOf } from '../protocol/provenance.ts';
import type { ReadSealedModel, SealedModel } from '../protocol/sealed-model.ts';
import { requireFittingKeys } from './bootstrapping.ts';
import { completeRecipe, type FitOptions, refreshModeOf, requireLearningRate } from './fit-options.ts';
import { planRun } from './plan-fit.ts';
import { completePrivacy, type PrivacyReport, statedPrivacy } from './privacy.ts';
import { rowsOfRun } from './privacy-run.ts';
import { findRun, newRunName } from './run-checkpoint.ts';
import {
  type DataFingerprint,
  fingerprint,
  joinFingerprints,
  type OpenRecipe,
  requireSameRun,
  shardFingerprints,
} from './run-settings.ts';
import { disposeWeights, leavingWeights, networkOf, type SealedWeights } from './sealed-weights.ts';
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
  /** The run's name, as the owner's books know it. */
  readonly run: string;
  /** Of the rows that were trained on, noise included: what a training record commits to. Of shards elsewhere: without. */
  readonly data: DataFingerprint;
  /** Absent where none was asked for. */
  readonly privacy: PrivacyReport | undefined;
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
  rows: LabelledRows,
  options: FitOptions,
): Promise<FitResult> {
  requireTrainerKey(keys, model.keyId, 'the model');
  const data = trainingData(rows);
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
  own: TrainingData,
  open: OpenRecipe,
  options: FitOptions,
): Promise<FitResult> {
  const { observer = {}, checkpoint: store } = options;
  const held = options.executor?.held;
  const prints = await fingerprintsOf(own, options);
  const print = await joinFingerprints(prints);
  const wish = options.privacy && completePrivacy(options.privacy, model.features, own.features.columns);
  if (wish && options.executor && !options.executor.noise) throw privacyElsewhere();
  const stored = store && (await findRun(store, keys, model, (message) => observer.warning?.(message)));
  if (stored) requireSameRun(stored.settings, open, print, wish);
  // From here on nothing looks at the rows as they are: the recipe, too, is found on those with noise.
  const { data, privacy, report } = await rowsOfRun(own, print, wish, stored?.settings.privacy?.seed, {
    prints,
    ...(held !== undefined && { held }),
  });
  if (report) observer.privacy?.(report);
  const shadow = stored || options.skipShadowRun ? undefined : lookInTheClear(model, open, data, options);
  const recipe = stored?.settings.recipe ?? shadow?.recipe ?? requireLearningRate(open);
  const planned = plan(model, network, keys, recipe, data, options);
  observer.plan?.(planned);
  const batches = batchesHere(data, open, options);
  const identity = { run: stored?.run ?? newRunName(), settings: { recipe, data: print, privacy } };
  observer.begun?.(identity.run);
  const task = { model, keys, network, plan: planned, batches, shards: prints, stored, identity, options };
  const weights = await takeSteps(task);
  const { layout, records } = leave(keys, network, planned, weights);
  const { run } = identity;
  const trained = report && held === undefined ? await fingerprint(data) : print;
  const handed = handBack(model, layout, planned, records, trained.rows, report);
  return { model: handed, recipe, plan: planned, shadow, run, data: trained, privacy: report };
}

function privacyElsewhere(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'rows that lie on other machines get no noise from here', {
    mend: 'Give --noise-key FILE, and a copy to every worker; or leave --privacy away.',
  });
}

function batchesHere(
  data: TrainingData,
  open: OpenRecipe,
  { executor, shards = 1 }: FitOptions,
): ReadonlyMap<number, BatchSource> {
  const held = executor?.held;
  if (held === undefined) return new Map(shardBatches(data, open, shards).entries());
  return new Map([[held, batchesOf(data, { batch: open.batch / shards, seed: open.seed })]]);
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
  network: SealedNetwork,
  keys: TrainerKeys,
  recipe: TrainingRecipe,
  data: TrainingData,
  { refresh, shards = 1, executor }: FitOptions,
): TrainingPlan {
  const refreshedLevel = typeof refresh === 'object' ? refresh.level : undefined;
  return planRun(model, network, keys, recipe, {
    // Shards are of equal size, but for a row.
    rows: data.features.rows * (executor?.held === undefined ? 1 : shards),
    shards,
    refreshMode: refreshModeOf(refresh),
    refreshedLevel,
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

/**
 * The weights as they may leave, in the layout that the model came in: narrowed to the run's batch it would be another
 * network to its owner, and to the next trainer. Takes the weights.
 */
function leave(
  keys: TrainerKeys,
  { architecture, layout: given }: SealedNetwork,
  planned: TrainingPlan,
  weights: SealedWeights,
): { readonly layout: SealedLayout; readonly records: SealedModel['records'] } {
  const batch = Math.max(given.packing.batch, planned.layout.packing.batch);
  const layout = layoutForBatch(given, batch);
  const whole = repackForBatch(keys.evaluator, planned, weights, batch);
  disposeAll(keys.evaluator, weights, whole);
  const records = leavingWeights(keys, { architecture, layout }, whole);
  disposeWeights(whole);
  return { layout, records };
}

function handBack(
  model: ReadSealedModel,
  layout: SealedLayout,
  { recipe, refreshMode }: TrainingPlan,
  records: SealedModel['records'],
  rows: number,
  report: PrivacyReport | undefined,
): SealedModel {
  const { architecture, features, keyId, round, demonstration } = model;
  const privacy = report && statedPrivacy(report);
  const entry = describeTraining({ steps: recipe.steps, rows, refresh: refreshMode, recipe, privacy });
  const provenance = [...model.provenance, entry];
  const packing = layoutJson(layout);
  return { architecture, features, packing, records, keyId, round: round + 1, provenance, demonstration };
}
