/**
 * The post's review network: a hidden layer of eight units, the mean of the rows of the words present, without an
 * activation; one output, a polynomial sigmoid; δ = out − label; batches hold one review.
 */

import { HermeticError } from '../../base/errors.ts';
import { clearArithmetic, type SeedArithmetic } from './arithmetic.ts';
import type { Backend } from './doors.ts';
import type { ReviewWords } from './review-words.ts';
import { evaluateSigmoid, type SigmoidPolynomial, SLIPPED, wideSigmoid } from './sigmoid.ts';
import type { Rate } from './xor-network.ts';

export const REVIEW_HIDDEN = 8;
/** .0125 */
const REVIEW_RATE: Rate = { numerator: 1, denominator: 80 };

export interface ReviewNetwork {
  readonly name: 'original' | 'corrected';
  readonly sigmoid: SigmoidPolynomial;
}

export const ORIGINAL_REVIEWS: ReviewNetwork = { name: 'original', sigmoid: SLIPPED };

/** The sums of the output leave the Taylor series' radius, π, within the first thousands of reviews. */
export const CORRECTED_REVIEWS: ReviewNetwork = { name: 'corrected', sigmoid: wideSigmoid(12) };

export interface ReviewState<V> {
  /** A row for each word. */
  readonly rows: V[];
  output: V;
}

export interface ReviewPoint {
  readonly reviews: number;
  /** Of all reviews so far, each predicted before it was learned from. */
  readonly accuracy: number;
  readonly reviewsPerSecond: number;
}

export interface ReviewRun {
  readonly points: readonly ReviewPoint[];
  readonly seconds: number;
  /** Of the reviews kept for testing, with the opened network. */
  readonly testAccuracy: number;
  /** Opened: rows of the first layer, then the output. */
  readonly weights: { readonly rows: readonly (readonly number[])[]; readonly output: readonly number[] };
}

export interface ReviewOptions {
  readonly train: ReviewWords;
  readonly test: ReviewWords;
  readonly network: ReviewNetwork;
  readonly words: number;
  readonly outputWeights: readonly number[];
  /** Train on the first so many. */
  readonly reviews: number;
  /** Accuracy is noted after these, and at the end. */
  readonly marks: readonly number[];
  readonly signal?: AbortSignal;
  readonly onReviews?: (done: number, accuracy: number) => void;
}

/** Progress and the signal are looked at this often. */
const PULSE = 200;

/** @throws HermeticError ABORTED, DIVERGED */
export async function trainReviews<V>(backend: Backend<V>, options: ReviewOptions): Promise<ReviewRun> {
  const { train, words, outputWeights, network } = options;
  const state: ReviewState<V> = {
    rows: Array.from({ length: words }, () => backend.seal(Array<number>(REVIEW_HIDDEN).fill(0))),
    output: backend.seal(outputWeights),
  };
  const count = Math.min(options.reviews, train.rows.length);
  const tally = new Tally();
  const points: ReviewPoint[] = [];
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  for (let i = 0; i < count; i++) {
    const prediction = step(backend.on, state, train.rows[i], train.labels[i], network);
    tally.count(prediction === undefined ? 0.5 : backend.read(prediction), train.labels[i]);
    const done = i + 1;
    if (options.marks.includes(done) || done === count) {
      points.push({ reviews: done, accuracy: tally.accuracy, reviewsPerSecond: done / elapsed() });
    }
    if (done % PULSE === 0 || done === count) await pulse(options, done, tally.accuracy);
  }
  const seconds = elapsed();
  const weights = { rows: state.rows.map((row) => backend.open(row)), output: backend.open(state.output) };
  return { points, seconds, weights, testAccuracy: testAccuracy(weights, options) };
}

async function pulse({ signal, onReviews }: ReviewOptions, done: number, accuracy: number): Promise<void> {
  onReviews?.(done, accuracy);
  // Ctrl-C is heard between the turns of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) throw new HermeticError('ABORTED', 'stopped');
}

/** Right and wrong as the post counts: favourable where the prediction reaches the mean of all so far. */
class Tally {
  #right = 0;
  #seen = 0;
  #sum = 0.5;

  count(prediction: number, label: number): void {
    this.#seen++;
    this.#sum += prediction;
    const favourable = prediction >= this.#sum / (this.#seen + 1);
    if (favourable === (label === 1)) this.#right++;
  }

  get accuracy(): number {
    return this.#right / this.#seen;
  }
}

/** Learns from one review and returns what was predicted before; undefined for a review without a known word. */
function step<V>(
  on: SeedArithmetic<V>,
  state: ReviewState<V>,
  present: Int32Array,
  label: number,
  { sigmoid }: ReviewNetwork,
): V | undefined {
  if (present.length === 0) return undefined;
  const hidden = meanOfRows(on, state.rows, present);
  const prediction = evaluateSigmoid(on, on.dot(hidden, state.output), sigmoid);
  const delta = on.subtract(prediction, on.constant(label));
  const { numerator, denominator } = REVIEW_RATE;
  const change = on.scale(on.product(delta, state.output), numerator, denominator);
  state.output = on.subtract(state.output, on.scale(on.product(delta, hidden), numerator, denominator));
  for (const row of present) state.rows[row] = on.subtract(state.rows[row], change);
  return prediction;
}

function meanOfRows<V>(on: SeedArithmetic<V>, rows: readonly V[], present: Int32Array): V {
  let sum = rows[present[0]];
  for (let t = 1; t < present.length; t++) sum = on.add(sum, rows[present[t]]);
  return on.scale(sum, 1, present.length);
}

/** Share of the test reviews that the opened network puts on the right side of ½. */
function testAccuracy(weights: ReviewRun['weights'], { test, network }: ReviewOptions): number {
  const on = clearArithmetic(REVIEW_HIDDEN);
  const rows = weights.rows.map((row) => Float64Array.from(row));
  const output = Float64Array.from(weights.output);
  const right = test.rows.filter((present, i) => {
    if (present.length === 0) return test.labels[i] === 1;
    const input = on.dot(meanOfRows(on, rows, present), output);
    return evaluateSigmoid(on, input, network.sigmoid)[0] >= 0.5 === (test.labels[i] === 1);
  });
  return right.length / test.rows.length;
}
