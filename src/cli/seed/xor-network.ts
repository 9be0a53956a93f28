/**
 * The post's network for exclusive or, 3-4-1. Row 0 of the first layer is the bias, always active; a hidden unit is the
 * sigmoid of the mean of the active rows; the output is linear; batches hold one row.
 */

import { HermeticError } from '../../base/errors.ts';
import type { SeedArithmetic } from './arithmetic.ts';
import type { XorWeights } from './initial-weights.ts';
import { evaluateSigmoid, type SigmoidPolynomial, SLIPPED, TAYLOR } from './sigmoid.ts';

/** A rate numerator/denominator. */
export interface Rate {
  readonly numerator: number;
  readonly denominator: number;
}

export interface XorNetwork {
  readonly name: 'original' | 'corrected';
  readonly sigmoid: SigmoidPolynomial;
  readonly hiddenRate: Rate;
  readonly outputRate: Rate;
}

/** The hidden rate ought to be that of the output, but one product is never divided by the scale, 1000. */
export const ORIGINAL: XorNetwork = {
  name: 'original',
  sigmoid: SLIPPED,
  hiddenRate: { numerator: 15, denominator: 1 },
  outputRate: { numerator: 15, denominator: 1000 },
};

export const CORRECTED: XorNetwork = {
  name: 'corrected',
  sigmoid: TAYLOR,
  hiddenRate: { numerator: 1, denominator: 1 },
  outputRate: { numerator: 1, denominator: 10 },
};

/** Rows of the first layer that each example activates, and its answer. */
const XOR_EXAMPLES: readonly { readonly active: readonly number[]; readonly answer: number }[] = [
  { active: [0], answer: 0 },
  { active: [0, 1], answer: 1 },
  { active: [0, 2], answer: 1 },
  { active: [0, 1, 2], answer: 0 },
];

/** The post stops where Σ|c| over the four errors falls below 25,000,000: c/w is the message, so this is the loss. */
export const STOP_LOSS: number = 25_000_000 / 2 ** 25;
export const MOST_ITERATIONS = 1000;
/** A loss beyond this never comes back. */
const HOPELESS = 1e6;

export interface XorState<V> {
  readonly rows: V[];
  output: V;
}

export interface XorRun {
  /** Σ |δ| over the four rows, of each iteration. */
  readonly losses: readonly number[];
  readonly predictions: readonly number[];
  /** The loss fell below the stop, and the predictions round to 0 1 1 0. */
  readonly converged: boolean;
  readonly diverged: boolean;
  readonly msPerIteration: number;
}

/** Encrypts, or copies: how a vector comes in and how the owner reads its first slot. */
export interface Door<V> {
  seal(values: readonly number[]): V;
  read(vector: V): number;
}

/** Trains until the loss is below the stop, or hopeless, or the iterations are spent. @throws HermeticError ABORTED */
export function trainXor<V>(
  on: SeedArithmetic<V>,
  door: Door<V>,
  weights: XorWeights,
  network: XorNetwork,
  signal?: AbortSignal,
): XorRun {
  const state: XorState<V> = { rows: weights.rows.map((row) => door.seal(row)), output: door.seal(weights.output) };
  const losses: number[] = [];
  let diverged = false;
  const began = performance.now();
  while (losses.length < MOST_ITERATIONS && !diverged && !(losses[losses.length - 1] < STOP_LOSS)) {
    if (signal?.aborted) throw new HermeticError('ABORTED', 'stopped');
    const loss = guard(() => iterate(on, door, state, network));
    if (loss !== undefined) losses.push(loss);
    diverged = loss === undefined || !(loss < HOPELESS);
  }
  const msPerIteration = (performance.now() - began) / Math.max(1, losses.length);
  const predict = ({ active }: { readonly active: readonly number[] }): number =>
    guard(() => door.read(forward(on, state, active, network).prediction)) ?? Number.NaN;
  const predictions = XOR_EXAMPLES.map(predict);
  const right = XOR_EXAMPLES.every(({ answer }, i) => Math.abs(predictions[i] - answer) < 0.5);
  return { losses, predictions, converged: right && losses[losses.length - 1] < STOP_LOSS, diverged, msPerIteration };
}

/** Undefined where ciphertexts have grown beyond their keys. */
function guard<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof HermeticError && error.code === 'DIVERGED') return undefined;
    throw error;
  }
}

/** One pass over the four rows; the loss. */
function iterate<V>(on: SeedArithmetic<V>, door: Door<V>, state: XorState<V>, network: XorNetwork): number {
  return XOR_EXAMPLES.reduce(
    (loss, { active, answer }) => loss + Math.abs(door.read(step(on, state, active, answer, network))),
    0,
  );
}

function forward<V>(
  on: SeedArithmetic<V>,
  { rows, output }: XorState<V>,
  active: readonly number[],
  { sigmoid }: XorNetwork,
): { readonly hidden: V; readonly prediction: V } {
  const sum = active.slice(1).reduce((total, i) => on.add(total, rows[i]), rows[active[0]]);
  const hidden = evaluateSigmoid(on, on.scale(sum, 1, active.length), sigmoid);
  return { hidden, prediction: on.dot(output, hidden) };
}

/** Forward, δ = out − y, backward, update. Returns δ. */
function step<V>(
  on: SeedArithmetic<V>,
  state: XorState<V>,
  active: readonly number[],
  answer: number,
  network: XorNetwork,
): V {
  const { hiddenRate, outputRate } = network;
  const { hidden, prediction } = forward(on, state, active, network);
  const delta = on.subtract(prediction, on.constant(answer));
  const slope = on.product(hidden, on.subtract(on.constant(1), hidden));
  const hiddenDelta = on.product(on.product(delta, state.output), slope);
  const outputDelta = on.product(delta, hidden);
  state.output = on.subtract(state.output, on.scale(outputDelta, outputRate.numerator, outputRate.denominator));
  const change = on.scale(hiddenDelta, hiddenRate.numerator, hiddenRate.denominator);
  for (const i of active) state.rows[i] = on.subtract(state.rows[i], change);
  return delta;
}
