/** A run before it is run: its plan, or why there can be none, and what it takes. */
import type { TrainingRecipe } from '../nn/architecture.ts';
import { planTraining, type RefreshMode, type TrainingPlan } from '../nn/sealed/plan.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import type { ReadSealedModel } from '../protocol/sealed-model.ts';
import { completeRecipe, type FitOptions, type FitRecipe, refreshModeOf } from './fit-options.ts';
import { type PlanSizes, planSizes } from './plan-sizes.ts';
import { networkOf } from './sealed-weights.ts';
import { requireTrainerKey, type TrainerKeys } from './trainer-keys.ts';

export interface PlannedFit {
  readonly steps: number;
  readonly batch: number;
  readonly refreshMode: RefreshMode;
  /** Levels of a step, and those that a refresh brings back. */
  readonly levelsPerStep: number;
  readonly maxLevel: number;
  readonly stepsPerRefresh: number;
  /** Of the whole run, the one after the last step included. */
  readonly refreshes: number;
  /** That a refresh carries. */
  readonly ciphertexts: number;
  readonly sizes: PlanSizes;
}

/**
 * What `fit` would do with this recipe and so many rows, found without touching a ciphertext.
 * @throws HermeticError WRONG_KEY; PLAN_REFUSED with what would fit
 */
export function planFit(
  model: ReadSealedModel,
  keys: TrainerKeys,
  rows: number,
  recipe: FitRecipe,
  refresh: FitOptions['refresh'] | 'owner',
): PlannedFit {
  requireTrainerKey(keys, model.keyId, 'the model');
  const network = networkOf(model);
  const refreshMode = refresh === 'owner' ? 'owner' : refreshModeOf(refresh);
  // No plan depends on the learning rate.
  const whole = { ...completeRecipe(recipe, network), learningRate: 1 };
  const refreshedLevel = typeof refresh === 'object' ? refresh.level : undefined;
  const plan = planRun(model, network, keys, whole, { rows, refreshMode, refreshedLevel });
  const { steps } = whole;
  const { batch, levelsPerStep, maxLevel, stepsPerRefresh, ciphertexts } = plan;
  return {
    steps,
    batch,
    refreshMode,
    levelsPerStep,
    maxLevel,
    stepsPerRefresh,
    refreshes: refreshCalls(plan),
    ciphertexts: ciphertexts.refreshed,
    sizes: planSizes(plan, keys.context.parameters),
  };
}

/** How often a run asks for a refresh: those between its steps, and one for the model that is handed back. */
export function refreshCalls({ refreshMode, refreshes }: Pick<TrainingPlan, 'refreshMode' | 'refreshes'>): number {
  return refreshMode === 'none' ? 0 : refreshes + 1;
}

/** Largest batch of a sealed model: that which it was sealed for. @throws HermeticError BAD_FILE */
export function largestBatch(model: ReadSealedModel): number {
  return networkOf(model).layout.packing.offset;
}

/** The plan of a run on a sealed model. @throws HermeticError PLAN_REFUSED */
export function planRun(
  { records }: ReadSealedModel,
  { architecture, layout }: SealedNetwork,
  { context: { slots, maxLevel } }: TrainerKeys,
  recipe: TrainingRecipe,
  run: {
    readonly rows: number;
    readonly refreshMode: RefreshMode;
    readonly refreshedLevel: number | undefined;
    readonly shards?: number;
  },
): TrainingPlan {
  const { rows, refreshMode, refreshedLevel, shards = 1 } = run;
  return planTraining(architecture, recipe, {
    slots,
    maxLevel,
    level: Math.min(...records.map((record) => record.level)),
    refreshMode,
    ...(refreshedLevel !== undefined && { refreshedLevel }),
    layout,
    rows,
    shards,
  });
}
