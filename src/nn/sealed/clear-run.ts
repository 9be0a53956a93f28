/** A sealed run on the clear scheme, from sealing to opening: for simulations with noise, and for tests. */

import type { ClearCiphertext } from '../../schemes/clear/clear-ciphertext.ts';
import { ClearEvaluator, type ClearOptions } from '../../schemes/clear/clear-evaluator.ts';
import type { Architecture, LayerWeights, TrainingRecipe } from '../architecture.ts';
import type { BatchSource } from '../feature-rows.ts';
import { ciphertextNames, type LayerCiphertexts, mapLayers, unflattenLayers } from './layer-ciphertexts.ts';
import type { SealedLayout } from './layout.ts';
import { type PlanOptions, planTraining, type TrainingPlan } from './plan.ts';
import { clearRefresher, noRefresher } from './refreshers.ts';
import { type SealedState, type SealedTraining, trainSealed } from './training-loop.ts';
import { packWeights, unpackWeights } from './weight-slots.ts';

export function sealClear(
  evaluator: ClearEvaluator,
  architecture: Architecture,
  layout: SealedLayout,
  weights: readonly LayerWeights[],
  level: number,
): LayerCiphertexts<ClearCiphertext>[] {
  const packed = packWeights(architecture, layout, weights);
  return unflattenLayers(
    ciphertextNames(architecture, layout),
    packed.map(({ slots }) => evaluator.encrypt(slots, level)),
  );
}

export function openClear(
  evaluator: ClearEvaluator,
  architecture: Architecture,
  layout: SealedLayout,
  weights: readonly LayerCiphertexts<ClearCiphertext>[],
): LayerWeights[] {
  return unpackWeights(
    architecture,
    layout,
    mapLayers(weights, (ciphertext) => evaluator.decrypt(ciphertext)),
  );
}

export interface ClearRun {
  readonly evaluator: ClearEvaluator;
  readonly plan: TrainingPlan;
  readonly state: SealedState<ClearCiphertext>;
  readonly weights: LayerWeights[];
  /** Ciphertexts alive beside those given and returned. */
  readonly leaked: number;
}

export interface ClearRunOptions {
  readonly plan?: Partial<PlanOptions>;
  readonly scheme?: Partial<ClearOptions>;
  readonly training?: Partial<SealedTraining<ClearCiphertext>>;
}

export async function trainOnClear(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  recipe: TrainingRecipe,
  batches: BatchSource,
  options: ClearRunOptions = {},
): Promise<ClearRun> {
  const slots = options.plan?.slots ?? 256;
  const maxLevel = options.plan?.maxLevel ?? 20;
  const evaluator = new ClearEvaluator({ slots, levels: maxLevel, ...options.scheme });
  const plan = planTraining(architecture, recipe, { slots, maxLevel, refreshMode: 'owner', ...options.plan });
  const sealed = sealClear(evaluator, architecture, plan.layout, weights, maxLevel);
  const before = evaluator.live;
  const state = await trainSealed({
    evaluator,
    plan,
    state: { weights: sealed, velocities: undefined, step: 0 },
    batches,
    refresher: plan.refreshMode === 'none' ? noRefresher<ClearCiphertext>() : clearRefresher(evaluator),
    ...options.training,
  });
  const leaked = evaluator.live - before - plan.ciphertexts.weights;
  return { evaluator, plan, state, weights: openClear(evaluator, architecture, plan.layout, state.weights), leaked };
}
