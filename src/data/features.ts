/** Fits feature settings on examples, and turns examples into what a network sees. */

import type { FeatureRows } from '../nn/feature-rows.ts';
import { type Dataset, requireTwoClasses, targetsOf } from './dataset.ts';
import {
  type Examples,
  examplesToApply,
  examplesToFit,
  type Inputs,
  type Purpose,
  type TableRoles,
} from './examples.ts';
import { applyImages, fitImages } from './images.ts';
import { labelSettings } from './labels.ts';
import { applyNumeric, fitNumeric } from './numeric.ts';
import type { FeatureSettings, InputSettings } from './settings.ts';
import type { Table } from './table.ts';
import { applyText, fitText } from './text.ts';

export interface FitOptions {
  /** Words of a text model; 4000 unless told. */
  readonly vocabularySize?: number;
  /** Mean ‖φ‖² of a text model over the fitting set; the number of words unless told. */
  readonly meanSquareNorm?: number;
  /** Units of the last layer; 1 for two classes and otherwise one for each class unless told. */
  readonly outputs?: number;
  /** What is taken off the one-hot targets of several outputs; 1/outputs unless told. */
  readonly offset?: number;
}

export interface FittedFeatures {
  readonly settings: FeatureSettings;
  /** Sentences for the user: columns that teach nothing, a vocabulary smaller than asked for. */
  readonly warnings: readonly string[];
}

/** Settings fitted on examples. @throws HermeticError BAD_DATA when nothing can be learned from them */
export function fitFeatures(examples: Examples, options: FitOptions = {}): FittedFeatures {
  requireTwoClasses(examples.labels, examples.classes, examples.labelColumn);
  const label = labelSettings(examples.labelColumn, examples.classes, options);
  const { inputs, warnings } = fitInputs(examples.inputs, options);
  return { settings: { version: 1, inputs, label }, warnings };
}

function fitInputs(inputs: Inputs, options: FitOptions): { inputs: InputSettings; warnings: string[] } {
  if (inputs.kind === 'numeric') {
    const { settings, warnings } = fitNumeric(inputs);
    return { inputs: settings, warnings };
  }
  if (inputs.kind === 'image') return { inputs: fitImages(inputs), warnings: [] };
  const { vocabularySize = 4000, meanSquareNorm } = options;
  const settings = fitText(inputs.documents, inputs.column, vocabularySize, meanSquareNorm);
  const words = settings.vocabulary.length;
  const warnings = words < vocabularySize ? [`the texts hold ${words} different words, not ${vocabularySize}`] : [];
  return { inputs: settings, warnings };
}

/** What the network sees of `examples`. @throws HermeticError BAD_DATA on values out of all range */
export function applyFeatures(examples: Examples, settings: FeatureSettings): Dataset {
  const { outputs, offset, classes } = settings.label;
  const features = applyInputs(examples.inputs, settings.inputs);
  return { features, targets: targetsOf(examples.labels, outputs, offset), labels: examples.labels, classes };
}

function applyInputs(inputs: Inputs, settings: InputSettings): FeatureRows {
  if (inputs.kind === 'numeric' && settings.kind === 'numeric') return applyNumeric(inputs, settings);
  if (inputs.kind === 'text' && settings.kind === 'text') return applyText(inputs.documents, settings);
  if (inputs.kind === 'image' && settings.kind === 'image') return applyImages(inputs, settings);
  throw new TypeError(`inputs: expected ${settings.kind}, got ${inputs.kind}`);
}

/** Settings fitted on a table. @throws HermeticError BAD_DATA with column and line where a cell cannot be used */
export function fitTable(table: Table, roles: TableRoles, options: FitOptions = {}): FittedFeatures {
  return fitFeatures(examplesToFit(table, roles), options);
}

/**
 * What the network sees of a table. To train, at least two classes must occur; to predict, labels are all −1.
 * @param label the name of the label column here, where it differs from the model's
 * @throws HermeticError BAD_DATA with column and line where a cell cannot be used
 */
export function applyTable(table: Table, settings: FeatureSettings, purpose: Purpose, label?: string): Dataset {
  const examples = examplesToApply(table, settings, purpose, label);
  if (purpose === 'train') requireTwoClasses(examples.labels, examples.classes, examples.labelColumn);
  return applyFeatures(examples, settings);
}
