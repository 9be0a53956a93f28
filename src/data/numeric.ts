/**
 * Numeric features, standardised:   φ_j = scale · (x_j − mean_j) / deviation_j,
 * so that over the fitting set each column that varies has mean zero, and mean ‖φ‖² = number of features.
 */

import { HermeticError } from '../base/errors.ts';
import { DenseRows } from '../nn/feature-rows.ts';
import { matrix } from './matrix.ts';
import { listNames } from './nearest-name.ts';

/** Raw numbers: row-major, rows × columns.length. */
export interface NumericInputs {
  readonly kind: 'numeric';
  readonly columns: readonly string[];
  readonly rows: number;
  readonly values: Float64Array;
}

export type NumericSettings = {
  readonly kind: 'numeric';
  /** Names of the columns, in order. */
  readonly columns: readonly string[];
  readonly mean: readonly number[];
  /** Population standard deviation; 1 for a column that does not vary. */
  readonly deviation: readonly number[];
  readonly scale: number;
};

// Below this part of its mean, a deviation is rounding.
const CONSTANT_BELOW = 1e-12;

/** Sum over the rows of f(value, column), by column. */
function columnSums(inputs: NumericInputs, term: (value: number, column: number) => number): Float64Array {
  const width = inputs.columns.length;
  const sums = new Float64Array(width);
  for (let row = 0; row < inputs.rows; row++) {
    for (let column = 0; column < width; column++) sums[column] += term(inputs.values[row * width + column], column);
  }
  return sums;
}

/**
 * Settings fitted on `inputs`, with a warning for columns that do not vary.
 * @throws HermeticError BAD_DATA when no column varies, or numbers are too large for their variance to be computed
 */
export function fitNumeric(inputs: NumericInputs): { settings: NumericSettings; warnings: string[] } {
  const { columns, rows } = inputs;
  const mean = [...columnSums(inputs, (value) => value / rows)];
  const variance = columnSums(inputs, (value, column) => (value - mean[column]) ** 2 / rows);
  const deviation = Array.from(variance, Math.sqrt);
  const huge = columns.filter((_, j) => !Number.isFinite(deviation[j]));
  if (huge.length > 0) {
    throw new HermeticError('BAD_DATA', `the numbers of ${listNames(huge)} are too large`, {
      expected: 'numbers whose variance can be computed',
      mend: 'Use another unit.',
    });
  }
  const isConstant = deviation.map((d, j) => d <= CONSTANT_BELOW * Math.abs(mean[j]));
  const constant = columns.filter((_, j) => isConstant[j]);
  if (constant.length === columns.length) {
    throw new HermeticError('BAD_DATA', 'no feature varies', {
      expected: 'at least one column with different numbers',
      got: `${rows} rows, constant in ${listNames(constant)}`,
      mend: 'Add rows or columns.',
    });
  }
  const warnings = constant.length === 0 ? [] : [`constant, so nothing can be learned from: ${listNames(constant)}`];
  const settings: NumericSettings = {
    kind: 'numeric',
    columns,
    mean,
    deviation: deviation.map((d, j) => (isConstant[j] ? 1 : d)),
    scale: Math.sqrt(columns.length / (columns.length - constant.length)),
  };
  return { settings, warnings };
}

/**
 * Features of `inputs`, whose columns are those of `settings`.
 * @throws HermeticError BAD_DATA when a number lies so far out that its feature is not finite
 */
export function applyNumeric(inputs: NumericInputs, settings: NumericSettings): DenseRows {
  const width = settings.columns.length;
  const result = matrix(inputs.rows, width);
  for (let row = 0; row < inputs.rows; row++) {
    for (let j = 0; j < width; j++) {
      const standard = (inputs.values[row * width + j] - settings.mean[j]) / settings.deviation[j];
      result.values[row * width + j] = settings.scale * standard;
      if (!Number.isFinite(result.values[row * width + j])) {
        throw new HermeticError(
          'BAD_DATA',
          `column '${settings.columns[j]}', row ${row + 1}: the number is too large`,
          {
            expected: `numbers about ${settings.mean[j].toPrecision(3)} ± ${settings.deviation[j].toPrecision(3)}`,
            mend: 'Correct it or drop the row.',
          },
        );
      }
    }
  }
  return new DenseRows(result.values, result.columns);
}
