/**
 * Training in the clear, step for step the recipe of sealed training: the twin that a sealed run is measured against,
 * the shadow run of a trainer, and, with noise of a predicted size added, the forecast of a sealed run.
 */

import { HermeticError } from '../base/errors.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Architecture, LayerWeights, TrainingRecipe } from './architecture.ts';
import type { BatchSource } from './feature-rows.ts';
import { accuracy } from './metrics.ts';
import { batchGradients, inputSize, type NetworkObservers, outputSize } from './network.ts';
import { addWeightDecay, lookahead, updateWeights } from './optimizers.ts';
import { learningRateAt } from './schedules.ts';
import { checkArchitecture, checkWeights, copyWeights, parameterArrays, zeroWeights } from './weights.ts';

/** Gaussian noise as a scheme would add it; the figures are absolute standard deviations. */
export interface TwinNoise {
  /** Added to every weight after each update. */
  readonly weightNoise: number;
  /** Added to every z, every h and every δ of every layer. */
  readonly activationNoise: number;
  /** Seed of the noise; public. */
  readonly seed: number;
}

/** Where a run stands. `trainingSteps` changes it in place. */
export interface TrainingState {
  readonly weights: LayerWeights[];
  readonly velocity: LayerWeights[];
  /** Steps taken by this run. */
  step: number;
}

export interface StepReport {
  /** The step just taken, from 0. */
  readonly step: number;
  readonly learningRate: number;
  /** `lossValue` of the batch, and its accuracy, at the point where the gradient was taken. */
  readonly loss: number;
  readonly accuracy: number;
  /** √Σg² over all parameters, weight decay included. */
  readonly gradientNorm: number;
}

/** A curve has an entry for each step. */
export interface TrainingCurves {
  readonly loss: number[];
  readonly accuracy: number[];
  readonly learningRate: number[];
  readonly gradientNorm: number[];
}

export interface TwinOptions {
  /** Velocity to start from (zero), and the steps this run has behind it (0): what a checkpoint stores. */
  readonly velocity?: readonly LayerWeights[];
  readonly startStep?: number;
  readonly noise?: TwinNoise;
  readonly onStep?: (report: StepReport, state: TrainingState) => void;
  readonly signal?: AbortSignal;
}

export interface TwinRun {
  readonly weights: LayerWeights[];
  readonly velocity: LayerWeights[];
  readonly curves: TrainingCurves;
}

/** What `trainingSteps` shows of a step before the update. */
export interface StepObservers extends NetworkObservers {
  readonly lookahead?: (weights: readonly LayerWeights[]) => void;
  readonly gradients?: (gradients: readonly LayerWeights[]) => void;
}

/**
 * Trains for recipe.steps steps and returns the new weights; those given stay as they are. The same arguments give
 * the same bits, and so does a run that stops and goes on from its weights, velocity and step.
 * HermeticError DIVERGED as soon as the loss is not finite, ABORTED by the signal.
 */
export function trainInTheClear(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  recipe: TrainingRecipe,
  batches: BatchSource,
  options: TwinOptions = {},
): TwinRun {
  const state = startState(architecture, weights, options);
  const curves = emptyCurves();
  for (const report of trainingSteps(architecture, state, recipe, batches, options)) {
    checkFinite(report);
    appendReport(curves, report);
    options.onStep?.(report, state);
  }
  return { weights: state.weights, velocity: state.velocity, curves };
}

/** Copies of weights and velocity, checked against the architecture. */
export function startState(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  options: Pick<TwinOptions, 'velocity' | 'startStep'> = {},
): TrainingState {
  checkArchitecture(architecture);
  checkWeights(architecture, weights);
  if (options.velocity !== undefined) checkWeights(architecture, options.velocity);
  return {
    weights: copyWeights(weights),
    velocity: options.velocity === undefined ? zeroWeights(architecture) : copyWeights(options.velocity),
    step: options.startStep ?? 0,
  };
}

/** The training loop: takes a step of `state` each time a report is asked for. Divergence is the caller's to judge. */
export function* trainingSteps(
  architecture: Architecture,
  state: TrainingState,
  recipe: TrainingRecipe,
  batches: BatchSource,
  options: Pick<TwinOptions, 'noise' | 'signal'> & { readonly observers?: StepObservers } = {},
): Generator<StepReport, void, undefined> {
  checkBatches(architecture, batches);
  const outputs = outputSize(architecture);
  while (state.step < recipe.steps) {
    if (options.signal?.aborted) throw new HermeticError('ABORTED', `training stopped before step ${state.step}`);
    const { step } = state;
    const noise = noiseOfStep(options.noise, step);
    const batch = batches.next(step);
    const at = lookahead(state.weights, state.velocity, recipe);
    options.observers?.lookahead?.(at);
    const observers = joinObservers(options.observers, noise);
    const result = batchGradients(
      architecture,
      at,
      batch.features,
      batch.targets,
      batches.batch,
      recipe.loss,
      observers,
    );
    addWeightDecay(result.gradients, at, recipe.weightDecay);
    options.observers?.gradients?.(result.gradients);
    const learningRate = learningRateAt(recipe, step);
    updateWeights(state.weights, state.velocity, result.gradients, recipe.momentum, learningRate);
    noise?.perturbWeights(state.weights);
    state.step++;
    yield {
      step,
      learningRate,
      loss: result.loss,
      accuracy: accuracy(result.outputs, batch.targets, outputs),
      gradientNorm: norm(result.gradients),
    };
  }
}

export function emptyCurves(): TrainingCurves {
  return { loss: [], accuracy: [], learningRate: [], gradientNorm: [] };
}

export function appendReport(curves: TrainingCurves, report: StepReport): void {
  curves.loss.push(report.loss);
  curves.accuracy.push(report.accuracy);
  curves.learningRate.push(report.learningRate);
  curves.gradientNorm.push(report.gradientNorm);
}

/** HermeticError DIVERGED unless loss and gradient are finite. */
export function checkFinite(report: StepReport): void {
  if (Number.isFinite(report.loss) && Number.isFinite(report.gradientNorm)) return;
  throw new HermeticError('DIVERGED', `training diverged at step ${report.step}`, {
    expected: 'a finite loss and gradient',
    mend: 'Lower the learning rate, scale the features, or take an activation without a range (lin4, shiftedSquare).',
  });
}

/** √Σ over all parameters. */
function norm(weights: readonly LayerWeights[]): number {
  let sum = 0;
  for (const values of parameterArrays(weights)) {
    for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  }
  return Math.sqrt(sum);
}

function checkBatches(architecture: Architecture, batches: BatchSource): void {
  const inputs = inputSize(architecture);
  const outputs = outputSize(architecture);
  if (batches.columns !== inputs || batches.outputs !== outputs) {
    throw new RangeError(`batches: expected ${inputs} → ${outputs}, got ${batches.columns} → ${batches.outputs}`);
  }
}

interface StepNoise {
  readonly perturb: (values: Float64Array) => void;
  readonly perturbWeights: (weights: readonly LayerWeights[]) => void;
}

/** The noise of one step has a stream of its own: a resumed run meets the same noise. */
function noiseOfStep(noise: TwinNoise | undefined, step: number): StepNoise | undefined {
  if (noise === undefined) return undefined;
  const random = new SeededRandom(noise.seed, step);
  const add = (values: Float64Array, deviation: number) => {
    if (deviation === 0) return;
    for (let i = 0; i < values.length; i++) values[i] += random.normal(0, deviation);
  };
  return {
    perturb: (values) => add(values, noise.activationNoise),
    perturbWeights: (weights) => {
      for (const values of parameterArrays(weights)) add(values, noise.weightNoise);
    },
  };
}

/** Noise first, then whoever watches. */
function joinObservers(observers: StepObservers | undefined, noise: StepNoise | undefined): NetworkObservers {
  if (noise === undefined) return observers ?? {};
  const both = (watch?: (layer: number, values: Float64Array) => void) => (layer: number, values: Float64Array) => {
    noise.perturb(values);
    watch?.(layer, values);
  };
  return {
    preactivations: both(observers?.preactivations),
    outputs: both(observers?.outputs),
    deltas: both(observers?.deltas),
  };
}
