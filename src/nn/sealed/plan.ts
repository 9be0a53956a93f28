/**
 * Everything about a training run that can be known before it starts: packing, levels, refreshes, ciphertexts, counts
 * of operations. Levels are planned here, once; no layer branches on one.
 */

import { HermeticError } from '../../base/errors.ts';
import type { Refresher } from '../../schemes/refresher.ts';
import type { SlotCiphertext } from '../../schemes/scheme.ts';
import { blockShape, chunkCount, type Packing } from '../../tensor/packing.ts';
import type { Architecture, TrainingRecipe } from '../architecture.ts';
import { checkArchitecture } from '../weights.ts';
import { ciphertextNames, flattenLayers } from './layer-ciphertexts.ts';
import { featureColumns, layoutForBatch, planLayout, type SealedLayout } from './layout.ts';
import { planRefreshPacking, type RefreshPacking } from './refresh-packing.ts';
import type { SealedNetwork } from './sealed-network.ts';
import { predictionCost, type StepCost, trainingCost } from './step-cost.ts';

export type RefreshMode = Refresher<SlotCiphertext>['mode'];

export interface PlanOptions {
  /** n */
  readonly slots: number;
  /** Level of fresh ciphertexts. */
  readonly maxLevel: number;
  /** Level that the sealed weights stand at: the budget of a run without refreshes. Default: `maxLevel`. */
  readonly level?: number;
  readonly refreshMode: RefreshMode;
  /** Level that a refresh brings back. Default: `maxLevel`. */
  readonly refreshedLevel?: number;
  /** How the model was sealed; planned for the recipe's batch if there is none yet. */
  readonly layout?: SealedLayout;
  /** Rows of the data set, where known: a batch must not be larger. */
  readonly rows?: number;
  /** Equal parts of a batch whose gradients are computed apart and added; default 1. See `executor.ts`. */
  readonly shards?: number;
  /** See `LayoutOptions`, for models that are not sealed yet. */
  readonly meanSquareNorm?: number;
  readonly weightScales?: readonly number[];
  readonly real?: boolean;
  /** Default: 1 with an owner (work at low levels is cheaper), as many as fit with bootstrapping. */
  readonly stepsPerRefresh?: number;
}

export interface TrainingPlan extends SealedNetwork {
  readonly recipe: TrainingRecipe;
  /** The layout that training works in: the model's, narrowed to the recipe's batch (`repackForBatch`). */
  readonly layout: SealedLayout;
  readonly packing: Packing;
  readonly refreshMode: RefreshMode;
  /** Equal parts of a step's rows, each with a gradient of its own. */
  readonly shards: number;
  /** B, D and c: rows of a shard, which are all rows of the step where there is one. */
  readonly batch: number;
  readonly pitch: number;
  readonly chunk: number;
  /** Chunks and groups of the first layer. */
  readonly chunks: number;
  readonly groups: number;
  /** Plaintext diagonals of a batch: how many, and their length; 4 bytes a number, twice that when transformed. */
  readonly diagonals: { readonly count: number; readonly period: number };
  readonly slots: number;
  readonly maxLevel: number;
  readonly levelsPerStep: number;
  /** Level that a step starts at after a refresh. */
  readonly freshLevel: number;
  readonly stepsPerRefresh: number;
  /** Between the steps of the whole run. */
  readonly refreshes: number;
  readonly levelsPerPrediction: number;
  /** 1 where the model was sealed for a larger batch and has to be repacked first (`repackForBatch`), else 0. */
  readonly repackLevels: number;
  /** Ciphertexts of weights, of velocities, and both: what a refresh carries. */
  readonly ciphertexts: { readonly weights: number; readonly velocities: number; readonly refreshed: number };
  /** How they share ciphertexts while they are bootstrapped. */
  readonly refreshPacking: RefreshPacking | undefined;
  /** Slot steps of all rotations outside the diagonal products; diagonal products rotate by 0 … B − 1 in both directions. */
  readonly rotations: readonly number[];
  readonly stepCost: StepCost;
  readonly predictionCost: StepCost;
}

/** The parameter sets by their levels, for advice to those who do not bootstrap. */
const SETS: readonly { readonly name: string; readonly levels: number }[] = [
  { name: 'L13', levels: 3 },
  { name: 'L14', levels: 9 },
  { name: 'L15', levels: 20 },
];

/** HermeticError PLAN_REFUSED, with what would fit, for a run that could not be carried out. */
export function planTraining(architecture: Architecture, recipe: TrainingRecipe, options: PlanOptions): TrainingPlan {
  checkArchitecture(architecture);
  const { slots, maxLevel, refreshMode, rows, shards = 1 } = options;
  requireRows(recipe.batch, rows);
  const shardRows = rowsOfShard(recipe.batch, shards);
  const sealed = options.layout ?? planLayout(architecture, { ...options, batch: shardRows });
  const layout = layoutForBatch(sealed, shardRows);
  const repackLevels = shardRows < sealed.packing.batch ? 1 : 0;
  if (layout.packing.slots !== slots) throw refusedSlots(layout.packing.slots, slots);
  const network: SealedNetwork = { architecture, layout };
  const stepCost = trainingCost(network, recipe);
  const refreshPacking =
    refreshMode === 'bootstrap' ? planRefreshPacking(network, recipe.momentum === 0 ? 1 : 2) : undefined;
  const stepsPerRefresh = chooseStepsPerRefresh(stepCost.levels, repackLevels, recipe.steps, {
    ...options,
    maxLevel: refreshMode === 'none' ? maxLevel : (options.refreshedLevel ?? maxLevel) - (refreshPacking?.levels ?? 0),
  });
  const forecast = predictionCost(network);
  const { packing } = layout;
  const first = architecture.layers[0];
  const weights = flattenLayers(ciphertextNames(architecture, layout)).length;
  const velocities = recipe.momentum === 0 ? 0 : weights;
  return {
    architecture,
    recipe,
    layout,
    packing,
    refreshMode,
    shards,
    batch: packing.batch,
    pitch: packing.pitch,
    chunk: packing.chunk,
    chunks: chunkCount(packing, featureColumns(first)),
    groups: blockShape(packing, first.units).groups,
    diagonals: { count: packing.batch * chunkCount(packing, featureColumns(first)), period: packing.pitch },
    slots,
    maxLevel,
    levelsPerStep: stepCost.levels,
    freshLevel: stepsPerRefresh * stepCost.levels,
    stepsPerRefresh,
    refreshes: Math.max(0, Math.ceil(recipe.steps / stepsPerRefresh) - 1),
    levelsPerPrediction: forecast.levels,
    repackLevels,
    ciphertexts: { weights, velocities, refreshed: weights + velocities },
    refreshPacking,
    rotations: [
      ...new Set([...stepCost.rotations, ...forecast.rotations, ...(refreshPacking?.rotations ?? [])]),
    ].toSorted((a, b) => a - b),
    stepCost,
    predictionCost: forecast,
  };
}

/** B/S, where a layout has room for so many: the power of two that a shard's diagonals are. */
function rowsOfShard(batch: number, shards: number): number {
  const rows = batch / shards;
  if (Number.isInteger(rows) && Number.isInteger(shards) && shards >= 1) return rows;
  throw new HermeticError('PLAN_REFUSED', 'the batch cannot be dealt into shards of equal size', {
    expected: `a divisor of ${batch}`,
    got: `${shards} shards`,
    mend: 'Use a batch of a power of two and as many shards as a smaller one.',
  });
}

function requireRows(batch: number, rows: number | undefined): void {
  if (rows === undefined || rows >= batch) return;
  throw new HermeticError('PLAN_REFUSED', 'there are fewer rows than a batch takes', {
    expected: `at least ${batch} rows`,
    got: `${rows}`,
    mend: rows < 1 ? 'Add rows.' : `Add rows, or use a batch of ${2 ** Math.floor(Math.log2(rows))}.`,
  });
}

function refusedSlots(sealed: number, given: number): HermeticError {
  return new HermeticError('PLAN_REFUSED', 'the model was sealed for another parameter set', {
    expected: `${given} slots`,
    got: `${sealed}`,
    mend: 'Use the keys that the model was sealed under.',
  });
}

function chooseStepsPerRefresh(levels: number, repackLevels: number, steps: number, options: PlanOptions): number {
  const { maxLevel, refreshMode } = options;
  const alone = refreshMode === 'none';
  const budget = alone ? Math.min(maxLevel, options.level ?? maxLevel) : maxLevel;
  const most = Math.max(0, Math.floor((budget - (alone ? repackLevels : 0)) / levels));
  const needed = alone ? levels * steps + repackLevels : levels;
  if (needed > budget) {
    const larger = needed > maxLevel && refreshMode !== 'bootstrap';
    const set = larger ? SETS.find((candidate) => candidate.levels >= needed) : undefined;
    const advice = [
      ...(alone && most > 0 ? [`train ${most} step${most > 1 ? 's' : ''}`] : []),
      ...(alone && levels <= maxLevel ? ['refresh the weights (--refresh)'] : []),
      ...(needed <= maxLevel ? ['ask the owner to rekey the model, which makes its levels fresh'] : []),
      ...(set === undefined ? [] : [`use the set ${set.name} (${set.levels} levels)`]),
      ...(levels > maxLevel && set === undefined ? ['use fewer layers or activations of a lower degree'] : []),
    ].join(', or ');
    throw new HermeticError('PLAN_REFUSED', 'the run needs more levels than there are', {
      expected: `at most ${budget} levels`,
      got: alone ? `${steps} step${steps > 1 ? 's' : ''} of ${levels} levels` : `${levels} levels a step`,
      mend: `${advice[0].toUpperCase()}${advice.slice(1)}.`,
    });
  }
  if (alone) return steps;
  const wanted = options.stepsPerRefresh ?? (refreshMode === 'bootstrap' ? most : 1);
  return Math.max(1, Math.min(wanted, most, steps));
}
