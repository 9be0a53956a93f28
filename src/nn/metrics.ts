/**
 * How good predictions are. Predictions and targets are rows × outputs, row-major. One output: class 1 where it is
 * at least ½. Several: the class of the largest, the first of equals.
 */

import type { Matrix } from './layers/matrix.ts';

const THRESHOLD = 0.5;

/** The class of every row. */
export function classes(values: Matrix, outputs: number): Uint32Array {
  const result = new Uint32Array(values.length / outputs);
  for (let row = 0; row < result.length; row++) {
    result[row] = outputs === 1 ? Number(values[row] >= THRESHOLD) : largestOf(values, row * outputs, outputs);
  }
  return result;
}

/** Share of rows whose predicted class is the target's; NaN without rows. */
export function accuracy(predictions: Matrix, targets: Matrix, outputs: number): number {
  checkShapes(predictions, targets, outputs);
  const predicted = classes(predictions, outputs);
  const actual = classes(targets, outputs);
  let right = 0;
  for (let row = 0; row < actual.length; row++) right += Number(predicted[row] === actual[row]);
  return right / actual.length;
}

/** counts[actual][predicted]; two classes for one output. */
export function confusion(predictions: Matrix, targets: Matrix, outputs: number): number[][] {
  checkShapes(predictions, targets, outputs);
  const size = Math.max(2, outputs);
  const counts = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  const predicted = classes(predictions, outputs);
  classes(targets, outputs).forEach((actual, row) => {
    counts[actual][predicted[row]]++;
  });
  return counts;
}

/**
 * Area under the ROC curve: the chance that a positive row scores above a negative one, ties counting half (Mann and
 * Whitney's U). For several outputs, the mean over the classes of class against rest. NaN where every row is of
 * one class, or a score is not a number.
 */
export function auc(predictions: Matrix, targets: Matrix, outputs: number): number {
  checkShapes(predictions, targets, outputs);
  const actual = classes(targets, outputs);
  if (outputs === 1) return rankAuc(predictions, actual, 1);
  let sum = 0;
  for (let output = 0; output < outputs; output++) {
    const scores = Float64Array.from(actual, (_, row) => predictions[row * outputs + output]);
    sum += rankAuc(scores, actual, output);
  }
  return sum / outputs;
}

function rankAuc(scores: Matrix, actual: Uint32Array, positive: number): number {
  if (!scores.every((score) => !Number.isNaN(score))) return Number.NaN;
  const order = Array.from(actual, (_, row) => row).sort((a, b) => scores[a] - scores[b] || a - b);
  let positives = 0;
  let rankSum = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && scores[order[end]] === scores[order[start]]) end++;
    const meanRank = (start + end + 1) / 2; // ranks from 1, equals share theirs
    for (let i = start; i < end; i++) {
      if (actual[order[i]] !== positive) continue;
      positives++;
      rankSum += meanRank;
    }
    start = end;
  }
  const negatives = order.length - positives;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

function largestOf(values: Matrix, start: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) {
    if (values[start + i] > values[start + best]) best = i;
  }
  return best;
}

function checkShapes(predictions: Matrix, targets: Matrix, outputs: number): void {
  if (predictions.length !== targets.length || predictions.length % outputs !== 0) {
    const expected = `as many predictions as targets, a multiple of ${outputs}`;
    throw new RangeError(`expected ${expected}; got ${predictions.length} and ${targets.length}`);
  }
}
