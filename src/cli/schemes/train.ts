/** The same network, by the same code, on whatever scheme: sealed, trained, opened, and held against its twin in the clear. */

import { datasetBatches } from '../../data/batches.ts';
import { applyFeatures } from '../../data/features.ts';
import type { LayerWeights, TrainingRecipe } from '../../nn/architecture.ts';
import { predictFeatures } from '../../nn/evaluation.ts';
import { recipe as recipeOf } from '../../nn/recipes.ts';
import {
  ciphertextNames,
  flattenLayers,
  type LayerCiphertexts,
  mapLayers,
  unflattenLayers,
} from '../../nn/sealed/layer-ciphertexts.ts';
import { planTraining, type TrainingPlan } from '../../nn/sealed/plan.ts';
import { trainSealed } from '../../nn/sealed/training-loop.ts';
import { packWeights, unpackWeights } from '../../nn/sealed/weight-slots.ts';
import type { SlotCiphertext } from '../../schemes/scheme.ts';
import { evaluateOn, largestDifference, trainTwin } from '../demo/clear-twin.ts';
import { neededKeys } from '../demo/keys.ts';
import { type DemoNetwork, makeNetwork } from '../demo/network.ts';
import { demoSpec } from '../demo/specs.ts';
import type { PartyOptions, SchemeParty } from './party.ts';

/** What is trained, the same for every scheme. */
export interface SchemeTask {
  readonly network: DemoNetwork;
  readonly recipe: TrainingRecipe;
  /** Complex slots that the network fills. */
  readonly slots: number;
  readonly twin: { readonly weights: readonly LayerWeights[]; readonly accuracy: number };
}

/** Exclusive or, with `steps` of its recipe, and its twin. */
export async function xorTask(steps: number | undefined, signal: AbortSignal): Promise<SchemeTask> {
  const spec = demoSpec('xor');
  const { architecture, training, ...rest } = recipeOf('xor');
  const network = await makeNetwork({ spec, recipe: { architecture, training, ...rest } });
  const recipe = { ...training, steps: steps ?? spec.steps ?? training.steps };
  const data = applyFeatures(network.split.train, network.settings);
  const twin = trainTwin({
    architecture,
    weights: network.model.weights,
    rounds: [{ data, recipe }],
    test: network.test,
    curveEvery: recipe.steps,
    signal,
  });
  const weights = twin.weights[0];
  const accuracy = evaluateOn(network.test, architecture, weights).accuracy;
  return { network, recipe, slots: LEAST_SLOTS, twin: { weights, accuracy } };
}

/** Two blocks of eight: four hidden units in pairs, four rows. */
const LEAST_SLOTS = 16;

/** The rotations that training and predicting take on a scheme of so many slots. */
export function rotationsOf({ network, recipe }: Pick<SchemeTask, 'network' | 'recipe'>): PartyOptions['rotations'] {
  return (kind, slots, maxLevel) => {
    const real = kind === 'real';
    const plan = planTraining(network.model.architecture, recipe, { slots, maxLevel, real, refreshMode: 'owner' });
    const rows = Array.from({ length: plan.batch - 1 }, (_, r) => r + 1);
    return [...new Set([...neededKeys(plan).rotations, ...rows, ...rows.map((r) => -r)])];
  };
}

export interface SchemeRun {
  readonly weights: readonly LayerWeights[];
  readonly accuracy: number;
  /** ŷ of the four rows. */
  readonly outputs: Float64Array;
  readonly maxWeightError: number;
  readonly steps: number;
  readonly stepMs: readonly number[];
  readonly levelsPerStep: number;
  readonly refreshes: number;
  /** Ciphertexts of the sealed network. */
  readonly ciphertexts: number;
}

/** What comes out of the run, for files; valid until it returns. */
export interface SealedObserver<C> {
  readonly onTrained?: (plan: TrainingPlan, weights: readonly LayerCiphertexts<C>[]) => void | Promise<void>;
  readonly onStep?: (done: number) => void;
}

/** HermeticError as whatever fails; ABORTED by the signal. */
export async function trainOnScheme<C extends SlotCiphertext>(
  { network, recipe, twin }: SchemeTask,
  party: SchemeParty<C>,
  signal: AbortSignal,
  observer: SealedObserver<C> = {},
): Promise<SchemeRun> {
  const { evaluator } = party;
  const { architecture } = network.model;
  const { mode } = party.refresher;
  const plan = planTraining(architecture, recipe, {
    slots: evaluator.slots,
    maxLevel: evaluator.maxLevel,
    real: party.capabilities.slots === 'real',
    refreshMode: mode,
  });
  const sealed = sealOn(party, plan, network.model.weights);
  const stepMs: number[] = [];
  let refreshes = 0;
  const state = await trainSealed({
    evaluator,
    plan,
    state: { weights: sealed, velocities: undefined, step: 0 },
    batches: datasetBatches(applyFeatures(network.split.train, network.settings), recipe),
    refresher: {
      mode,
      refresh: (ciphertexts, request) => {
        refreshes++;
        return party.refresher.refresh(ciphertexts, request);
      },
    },
    signal,
    onStep: ({ ms }) => {
      stepMs.push(ms);
      observer.onStep?.(stepMs.length);
    },
  });
  await observer.onTrained?.(plan, state.weights);
  const opened = openOn(party, plan, state.weights);
  evaluator.dispose(...flattenLayers(sealed), ...flattenLayers(state.weights));
  return {
    weights: opened,
    accuracy: evaluateOn(network.test, architecture, opened).accuracy,
    outputs: predictFeatures(architecture, opened, network.test.features),
    maxWeightError: largestDifference(opened, twin.weights),
    steps: stepMs.length,
    stepMs,
    levelsPerStep: plan.levelsPerStep,
    refreshes,
    ciphertexts: plan.ciphertexts.weights,
  };
}

/** The owner's part: weights to ciphertexts at the plan's level. */
export function sealOn<C extends SlotCiphertext>(
  party: SchemeParty<C>,
  { architecture, layout, freshLevel }: Pick<TrainingPlan, 'architecture' | 'layout' | 'freshLevel'>,
  weights: readonly LayerWeights[],
): LayerCiphertexts<C>[] {
  const packed = packWeights(architecture, layout, weights).map(({ slots, real }) =>
    party.encrypt(real ? { re: slots.re } : slots, freshLevel),
  );
  return unflattenLayers(ciphertextNames(architecture, layout), packed);
}

/** The owner's part: ciphertexts to weights. */
function openOn<C extends SlotCiphertext>(
  party: SchemeParty<C>,
  { architecture, layout }: Pick<TrainingPlan, 'architecture' | 'layout'>,
  weights: readonly LayerCiphertexts<C>[],
): LayerWeights[] {
  return unpackWeights(
    architecture,
    layout,
    mapLayers(weights, (ciphertext) => party.decrypt(ciphertext)),
  );
}
