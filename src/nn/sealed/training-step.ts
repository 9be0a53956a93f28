/** One step of training on ciphertexts: prepare, forward, loss, backward, update. Each phase frees what it leaves behind. */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import type { CipherTensor } from '../../tensor/cipher-tensor.ts';
import { rowDiagonals } from '../../tensor/row-diagonals.ts';
import type { TrainingRecipe } from '../architecture.ts';
import type { Batch } from '../feature-rows.ts';
import type { ActivationForward } from './activation.ts';
import type { LayerCiphertexts } from './layer-ciphertexts.ts';
import { outputError } from './output-loss.ts';
import { backwardSealed, forwardSealed, type SealedNetwork } from './sealed-network.ts';
import { type Parameters, type UpdateRule, updateRule, updateSealed } from './update.ts';

export type StepPhase = 'prepare' | 'forward' | 'loss' | 'backward' | 'update';

export interface StepTask<C extends SlotCiphertext> {
  readonly evaluator: Evaluator<C>;
  readonly network: SealedNetwork;
  readonly recipe: TrainingRecipe;
  /** Of this run, from 0. */
  readonly step: number;
}

/** Told of each finished phase, and of the lowest level among what it made. */
export type PhaseObserver = (phase: StepPhase, level: number) => void;

/** A phase that is done, and the lowest level among what it made. */
export interface PhaseDone {
  readonly phase: StepPhase;
  readonly level: number;
}

/** The phases of a step as a generator: between two of them the caller may let others work, or stop. */
export function* stepPhases<C extends SlotCiphertext>(
  task: StepTask<C>,
  parameters: Parameters<C>,
  batch: Batch,
): Generator<PhaseDone, Parameters<C>, undefined> {
  const gradients = yield* gradientPhases(task, parameters.weights, batch);
  try {
    return updateSealed(task.evaluator, ruleOf(task), parameters, gradients);
  } finally {
    disposeAll(task.evaluator, gradients, parameters);
  }
}

/** The phases up to rate · gradients of the rows of `batch`, which may be one shard of the step's. */
export function* gradientPhases<C extends SlotCiphertext>(
  task: StepTask<C>,
  weights: readonly LayerCiphertexts<C>[],
  batch: Batch,
): Generator<PhaseDone, LayerCiphertexts<C>[], undefined> {
  const { evaluator, network, recipe } = task;
  const { architecture, layout } = network;
  const first = architecture.layers[0];
  const rows = evaluator.prepareDiagonals(
    rowDiagonals(layout.packing, { values: batch.features, columns: first.inputs, bias: first.useBias }),
  );
  let passes: ActivationForward<C>[] = [];
  let gradients: LayerCiphertexts<C>[] = [];
  let delta: CipherTensor<C> | undefined;
  let done = false;
  try {
    yield { phase: 'prepare', level: lowestLevel(weights) };
    passes = forwardSealed(evaluator, network, weights, rows, true);
    yield { phase: 'forward', level: lowestLevel(passes) };
    delta = outputError(evaluator, layout.packing, recipe.loss, passes[passes.length - 1], batch.targets);
    yield { phase: 'loss', level: lowestLevel(delta) };
    gradients = backwardSealed(evaluator, network, weights, rows, passes, delta, ruleOf(task));
    yield { phase: 'backward', level: lowestLevel(gradients) };
    done = true;
    return gradients;
  } finally {
    disposeAll(evaluator, [passes, delta, done ? [] : gradients], [weights, done ? gradients : []]);
    rows[Symbol.dispose]();
  }
}

/** The rule of the task's step. */
export function ruleOf({ recipe, step }: Pick<StepTask<SlotCiphertext>, 'recipe' | 'step'>): UpdateRule {
  return updateRule(recipe, step, step === recipe.steps - 1);
}

/** Every ciphertext in nested arrays and objects. */
function ciphertextsIn<C extends SlotCiphertext>(value: unknown, found: Set<C> = new Set()): Set<C> {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return found;
  if ('level' in value && 'scale' in value) found.add(value as C);
  else for (const item of Object.values(value)) ciphertextsIn(item, found);
  return found;
}

export function lowestLevel(value: unknown): number {
  return Math.min(...[...ciphertextsIn(value)].map(({ level }) => level));
}

/** Frees every ciphertext in `made` that is not in `kept`. */
export function disposeAll<C extends SlotCiphertext>(evaluator: Evaluator<C>, made: unknown, kept: unknown): void {
  const spared = ciphertextsIn<C>(kept);
  evaluator.dispose(...[...ciphertextsIn<C>(made)].filter((ciphertext) => !spared.has(ciphertext)));
}
