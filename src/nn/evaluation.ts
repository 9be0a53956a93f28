/** Predictions and figures of merit over a whole data set, in pieces, so that it is never dense as a whole. */

import type { Architecture, LayerWeights } from './architecture.ts';
import type { FeatureRows, TrainingData } from './feature-rows.ts';
import { lossValue } from './losses.ts';
import { accuracy, auc } from './metrics.ts';
import { inputSize, outputSize, predictRows } from './network.ts';

/** Rows made dense at a time: 4 MB for a thousand features. */
const PIECE = 1024;

export interface Evaluation {
  readonly rows: number;
  readonly accuracy: number;
  /** NaN where all rows are of one class. */
  readonly auc: number;
  /** ½·Σ(ŷ − y)² a row. */
  readonly loss: number;
}

/** ŷ of every row, rows × outputs. */
export function predictFeatures(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  features: FeatureRows,
): Float64Array {
  const columns = inputSize(architecture);
  if (features.columns !== columns) {
    throw new RangeError(`features: expected ${columns} columns, got ${features.columns}`);
  }
  const outputs = outputSize(architecture);
  const result = new Float64Array(features.rows * outputs);
  const piece = new Float32Array(Math.min(PIECE, features.rows) * columns);
  for (let start = 0; start < features.rows; start += PIECE) {
    const rows = Math.min(PIECE, features.rows - start);
    const dense = piece.subarray(0, rows * columns);
    const indices = Uint32Array.from({ length: rows }, (_, i) => start + i);
    features.densify(indices, dense);
    result.set(predictRows(architecture, weights, dense, rows), start * outputs);
  }
  return result;
}

export function evaluatePredictions(predictions: Float64Array, targets: Float32Array, outputs: number): Evaluation {
  const rows = predictions.length / outputs;
  return {
    rows,
    accuracy: accuracy(predictions, targets, outputs),
    auc: auc(predictions, targets, outputs),
    loss: lossValue(predictions, targets, rows),
  };
}

/** Predicts and judges every row. */
export function evaluateData(
  architecture: Architecture,
  weights: readonly LayerWeights[],
  data: TrainingData,
): Evaluation {
  const predictions = predictFeatures(architecture, weights, data.features);
  return evaluatePredictions(predictions, data.targets, outputSize(architecture));
}
