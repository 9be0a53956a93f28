/**
 * Predictions on a sealed network, for the owner to unlock. What leaves stands at the last level, under fresh randomness
 * (security rule 4), and tells the outputs of the rows and nothing else: whatever stands beside them, partial sums over
 * the trainer's features for example, is drowned in random numbers.
 */
import { HermeticError } from '../base/errors.ts';
import { plainText } from '../base/plain-text.ts';
import { type FeatureRows, featureRows, type RowArrays } from '../nn/feature-rows.ts';
import { inputSize, outputSize } from '../nn/network.ts';
import { type PredictionLayout, predictSealed as predictBatch, predictionPlace } from '../nn/sealed/predict.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import { predictionCost } from '../nn/sealed/step-cost.ts';
import type { CiphertextRecord } from '../protocol/ciphertext-record.ts';
import { toRecord } from '../protocol/ckks-codec.ts';
import { predictionLayoutJson } from '../protocol/layout-json.ts';
import type { ReadSealedModel } from '../protocol/sealed-model.ts';
import type { SealedPredictions } from '../protocol/sealed-predictions.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import { encryptPublic } from '../schemes/ckks/public-encryption.ts';
import { type SlotVector, zeroSlots } from '../tensor/slot-vectors.ts';
import { disposeWeights, loadWeights, networkOf, type SealedWeights } from './sealed-weights.ts';
import { requireTrainerKey, type TrainerKeys } from './trainer-keys.ts';

export interface PredictOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (rowsDone: number, rows: number) => void;
  /** Written into the file, so that the owner can name the classes that it unlocks. */
  readonly classNames?: readonly string[];
}

type PredictionRecord = SealedPredictions['records'][number];

/**
 * ŷ of every row, sealed as the model is; to be written with `writeSealedPredictions`.
 * @throws HermeticError WRONG_KEY; BAD_DATA without rows; LEVELS_EXHAUSTED where the model stands too low; ABORTED
 */
export async function predictSealed(
  model: ReadSealedModel,
  keys: TrainerKeys,
  rows: FeatureRows | RowArrays,
  options: PredictOptions = {},
): Promise<SealedPredictions> {
  requireTrainerKey(keys, model.keyId, 'the model');
  const features = featureRows(rows);
  checkRows(features, inputSize(model.architecture));
  const network = networkOf(model);
  requireLevels(model, network);
  const weights = loadWeights(keys.context, network, model.records);
  try {
    const { records, layout } = await predictRows(keys, network, weights, features, options);
    return {
      rows: features.rows,
      classes: outputSize(model.architecture),
      keyId: keys.keyId,
      modelId: model.modelId,
      // A file's names are lines; a cell of the trainer's own table may have been several.
      classNames: options.classNames?.map(plainText),
      packing: predictionLayoutJson(layout),
      records,
    };
  } finally {
    disposeWeights(weights);
  }
}

/** @throws HermeticError LEVELS_EXHAUSTED */
function requireLevels({ records }: ReadSealedModel, network: SealedNetwork): void {
  const levels = Math.min(...records.map(({ level }) => level));
  const needed = predictionCost(network).levels;
  if (levels >= needed) return;
  throw new HermeticError('LEVELS_EXHAUSTED', 'this model stands too low for a prediction', {
    expected: `level ${needed}`,
    got: `level ${levels}`,
    mend: 'Ask the owner to rekey it, or train it with a refresh server.',
  });
}

async function predictRows(
  keys: TrainerKeys,
  network: SealedNetwork,
  weights: SealedWeights,
  features: FeatureRows,
  { signal, onProgress }: PredictOptions,
): Promise<{ readonly records: PredictionRecord[]; readonly layout: PredictionLayout }> {
  const { batch } = network.layout.packing;
  const records: PredictionRecord[] = [];
  let layout: PredictionLayout | undefined;
  for (let firstRow = 0; firstRow < features.rows; firstRow += batch) {
    if (signal?.aborted) throw new HermeticError('ABORTED', 'prediction stopped', { mend: 'Run it again.' });
    const rowCount = Math.min(batch, features.rows - firstRow);
    const made = predictOneBatch(keys, network, weights, densify(features, firstRow, rowCount));
    layout = fitting(layout, made.layout);
    for (const record of made.records) records.push({ ...record, firstRow, rowCount });
    onProgress?.(firstRow + rowCount, features.rows);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return { records, layout: layout! };
}

function densify(features: FeatureRows, firstRow: number, rowCount: number): Float32Array {
  const dense = new Float32Array(rowCount * features.columns);
  const indices = Uint32Array.from({ length: rowCount }, (_, i) => firstRow + i);
  features.densify(indices, dense);
  return dense;
}

/** All batches of a file lie alike; only the last may hold fewer rows. */
function fitting(first: PredictionLayout | undefined, next: PredictionLayout): PredictionLayout {
  if (first === undefined || (first.factor === next.factor && first.form === next.form)) return first ?? next;
  throw new RangeError('predictions: expected every batch to lie alike');
}

function predictOneBatch(
  keys: TrainerKeys,
  network: SealedNetwork,
  weights: SealedWeights,
  rows: Float32Array,
): { readonly records: CiphertextRecord[]; readonly layout: PredictionLayout } {
  const { evaluator } = keys;
  const { ciphertexts, layout } = predictBatch(evaluator, network, weights, rows);
  const noises = ciphertexts.map((_, index) => noiseBeside(layout, index));
  const records = ciphertexts.map((output, index) => drownedRecord(keys, output, noises[index]));
  evaluator.dispose(...ciphertexts);
  return { records, layout };
}

/** Slots are of the order of 1; the noise covers them by this factor, and still fits the modulus of the last level. */
const NOISE = 2 ** 24;

/** Random numbers wherever no output stands, zero where one does. Secret: from the system's generator. */
function noiseBeside(layout: PredictionLayout, ciphertext: number): SlotVector {
  const noise = zeroSlots(layout.slots);
  for (const part of [noise.re, noise.im]) fillWithNoise(part);
  for (let output = 0; output < layout.outputs; output++) {
    for (let row = 0; row < layout.rows; row++) {
      const place = predictionPlace(layout, row, output);
      if (place.ciphertext === ciphertext) (place.part === 0 ? noise.re : noise.im)[place.slot] = 0;
    }
  }
  return noise;
}

/** Uniform in ±NOISE. */
function fillWithNoise(values: Float64Array): void {
  const words = new Int32Array(values.length);
  const step = 8192; // Below the 65,536 bytes that one call of getRandomValues gives.
  for (let i = 0; i < words.length; i += step) crypto.getRandomValues(words.subarray(i, i + step));
  for (let i = 0; i < values.length; i++) values[i] = words[i] * (NOISE / 2 ** 31);
}

/** The sum with a fresh public-key encryption of the noise, at the last level. */
function drownedRecord(
  { context, evaluator, publicKey }: TrainerKeys,
  output: Ciphertext,
  noise: SlotVector,
): CiphertextRecord {
  const sum = evaluator.scope(() =>
    evaluator.add(evaluator.dropToLevel(output, 0), encryptPublic(context, publicKey, noise, 0)),
  );
  const record = toRecord(sum);
  sum.dispose();
  return record;
}

function checkRows(features: FeatureRows, columns: number): void {
  if (features.columns !== columns) {
    throw new RangeError(`features: expected ${columns} columns, got ${features.columns}`);
  }
  if (features.rows >= 1) return;
  throw new HermeticError('BAD_DATA', 'no rows to predict', { mend: 'Give a data set with at least one row.' });
}
