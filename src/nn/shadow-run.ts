/**
 * A trainer cannot see the values it computes with, but data, initial distribution and hyper-parameters are its own:
 * it runs the recipe in the clear on random weights of its own, reads off how large everything grew, and takes that,
 * times a margin, for the sealed run.
 */

import type { Architecture, LayerWeights, TrainingRecipe } from './architecture.ts';
import type { BatchSource } from './feature-rows.ts';
import { type Initializer, initialWeights } from './initializers.ts';
import { lossValue } from './losses.ts';
import { type StepObservers, startState, trainingSteps } from './twin.ts';
import { parameterArrays } from './weights.ts';

/** Largest absolute values met in a layer; after divergence, Infinity. */
export interface LayerRanges {
  /** z. */
  readonly preactivation: number;
  /** h = φ(z); ŷ in the last layer. */
  readonly output: number;
  /** δ, before the average over the rows. */
  readonly delta: number;
  /** w, and Nesterov's w + μ·v. */
  readonly weight: number;
  /** ∂L/∂w, averaged over the rows. */
  readonly gradient: number;
}

export interface ShadowReport {
  readonly diverged: boolean;
  readonly learningRate: number;
  /** Steps taken: all, or those up to the divergence. */
  readonly steps: number;
  /** Mean batch loss over the last quarter of the steps, the worst of the runs; Infinity after divergence. */
  readonly loss: number;
  /** Mean batch accuracy over the last quarter, the worst of the runs. */
  readonly accuracy: number;
  readonly measured: readonly LayerRanges[];
  /** What to plan for: `measured` times `margin`. */
  readonly ranges: readonly LayerRanges[];
  readonly margin: number;
}

export interface ShadowOptions {
  /** Of the kernels, one a layer: the public distribution that the owner drew from. */
  readonly initializers: readonly Initializer[];
  /** Seed of the trainer's own weights. */
  readonly seed?: number;
  /** Draws of the weights. */
  readonly runs?: number;
  /** 1.5 covered 20 seeds of every recipe. */
  readonly margin?: number;
}

/** A loss beyond this many times that of the start and of predicting nothing counts as divergence. */
const DIVERGENCE_FACTOR = 10;

/** Runs the recipe `runs` times on weights of its own; never throws for divergence, but reports it. */
export function shadowRun(
  architecture: Architecture,
  recipe: TrainingRecipe,
  batches: BatchSource,
  options: ShadowOptions,
): ShadowReport {
  const { seed = 1, runs = 1, margin = 1.5 } = options;
  const outcomes = Array.from({ length: runs }, (_, run) => {
    const weights = initialWeights(architecture, options.initializers, seed + run);
    return runOnce(architecture, weights, recipe, batches);
  });
  const measured = architecture.layers.map((_, layer) => widest(outcomes.map((outcome) => outcome.ranges[layer])));
  return {
    diverged: outcomes.some((outcome) => outcome.diverged),
    learningRate: recipe.learningRate,
    steps: Math.min(...outcomes.map((outcome) => outcome.steps)),
    loss: Math.max(...outcomes.map((outcome) => outcome.loss)),
    accuracy: Math.min(...outcomes.map((outcome) => outcome.accuracy)),
    measured,
    ranges: measured.map((ranges) => mapRanges(ranges, (value) => value * margin)),
    margin,
  };
}

interface Outcome {
  readonly diverged: boolean;
  readonly steps: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly ranges: readonly LayerRanges[];
}

function runOnce(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  recipe: TrainingRecipe,
  batches: BatchSource,
): Outcome {
  const state = startState(architecture, weights);
  const { ranges, observers } = rangeObservers(architecture.layers.length);
  const losses: number[] = [];
  const accuracies: number[] = [];
  let diverged = false;
  const { targets } = batches.next(0);
  const nothing = lossValue(new Float64Array(targets.length), targets, batches.batch);
  for (const report of trainingSteps(architecture, state, recipe, batches, { observers })) {
    losses.push(report.loss);
    accuracies.push(report.accuracy);
    diverged = !(report.loss <= DIVERGENCE_FACTOR * (losses[0] + nothing) && Number.isFinite(report.gradientNorm));
    if (diverged) break;
  }
  return {
    diverged,
    steps: state.step,
    loss: diverged ? Number.POSITIVE_INFINITY : lastQuarter(losses),
    accuracy: lastQuarter(accuracies),
    ranges: diverged ? ranges.map((range) => mapRanges(range, () => Number.POSITIVE_INFINITY)) : ranges,
  };
}

type MutableRanges = { -readonly [K in keyof LayerRanges]: number };

function rangeObservers(layers: number): { ranges: MutableRanges[]; observers: StepObservers } {
  const ranges = Array.from({ length: layers }, () => ({
    preactivation: 0,
    output: 0,
    delta: 0,
    weight: 0,
    gradient: 0,
  }));
  const widen = (key: keyof LayerRanges) => (layer: number, values: Float64Array) => {
    ranges[layer][key] = Math.max(ranges[layer][key], largest(values));
  };
  const widenAll = (key: keyof LayerRanges) => (weights: readonly LayerWeights[]) => {
    weights.forEach((layer, i) => {
      for (const values of parameterArrays([layer])) widen(key)(i, values);
    });
  };
  const observers: StepObservers = {
    preactivations: widen('preactivation'),
    outputs: widen('output'),
    deltas: widen('delta'),
    lookahead: widenAll('weight'),
    gradients: widenAll('gradient'),
  };
  return { ranges, observers };
}

/** max |values|; NaN if one is. */
function largest(values: Float64Array): number {
  let result = 0;
  for (let i = 0; i < values.length; i++) result = Math.max(result, Math.abs(values[i]));
  return result;
}

function mapRanges(ranges: LayerRanges, f: (value: number) => number): LayerRanges {
  const { preactivation, output, delta, weight, gradient } = ranges;
  return {
    preactivation: f(preactivation),
    output: f(output),
    delta: f(delta),
    weight: f(weight),
    gradient: f(gradient),
  };
}

function widest(all: readonly LayerRanges[]): LayerRanges {
  const over = (key: keyof LayerRanges) => Math.max(...all.map((ranges) => ranges[key]));
  return {
    preactivation: over('preactivation'),
    output: over('output'),
    delta: over('delta'),
    weight: over('weight'),
    gradient: over('gradient'),
  };
}

function lastQuarter(values: readonly number[]): number {
  const tail = values.slice(-Math.max(1, Math.ceil(values.length / 4)));
  return tail.reduce((sum, value) => sum + value, 0) / tail.length;
}
