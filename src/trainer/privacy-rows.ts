/** Rows with noise on their features, and labels answered at random: what `perturbRows` is made of. */
import { HermeticError } from '../base/errors.ts';
import type { FeatureRows } from '../nn/feature-rows.ts';
import type { SecretNumbers } from './privacy-random.ts';

/** Steps of the grid in a standard deviation: fine enough to cost nothing, far coarser than doubles are. */
const FINENESS = 16;
/** Numbers that are made noisy at a time. */
const PIECE = 2 ** 18;
const MOST_STEPS = 2 ** 15 - 1;

export interface RowNoise {
  /** L2 norm to which rows are clipped. */
  readonly bound: number;
  readonly deviation: number;
  /** Factor on rows that have got their noise. */
  readonly shrink: number;
}

/** Noisy rows, as steps of a grid of deviation/16 and a factor: two bytes a number, for noise leaves no row sparse. */
export class NoisyRows implements FeatureRows {
  readonly rows: number;
  readonly columns: number;
  readonly #steps: Int16Array;
  readonly #step: number;

  private constructor(rows: number, columns: number, steps: Int16Array, step: number) {
    this.rows = rows;
    this.columns = columns;
    this.#steps = steps;
    this.#step = step;
  }

  /** @throws HermeticError BAD_DATA for a feature that is not finite */
  static async from(
    source: FeatureRows,
    { bound, deviation, shrink }: RowNoise,
    random: SecretNumbers,
  ): Promise<{ readonly rows: NoisyRows; readonly clipped: number }> {
    const { rows, columns } = source;
    const step = deviation / FINENESS;
    const steps = new Int16Array(rows * columns);
    const atOnce = Math.max(1, Math.floor(PIECE / columns));
    let clipped = 0;
    for (let first = 0; first < rows; first += atOnce) {
      const indices = Uint32Array.from({ length: Math.min(atOnce, rows - first) }, (_, i) => first + i);
      const dense = new Float32Array(indices.length * columns);
      source.densify(indices, dense);
      const noise = new Float64Array(dense.length);
      await random.fillNormal(noise);
      for (let i = 0; i < indices.length; i++) {
        const row = dense.subarray(i * columns, (i + 1) * columns);
        const factor = clippingFactor(row, bound, first + i);
        if (factor < 1) clipped++;
        for (let j = 0; j < columns; j++) {
          const at = i * columns + j;
          // What is clamped lies as far out as noise hardly ever gets, and clamping looks at the sum alone.
          const sum = Math.round((factor * row[j] + deviation * noise[at]) / step);
          steps[first * columns + at] = Math.max(-MOST_STEPS, Math.min(MOST_STEPS, sum));
        }
      }
    }
    return { rows: new NoisyRows(rows, columns, steps, step * shrink), clipped };
  }

  densify(indices: ArrayLike<number>, out: Float32Array): void {
    const { columns } = this;
    for (let i = 0; i < indices.length; i++) {
      const row = indices[i];
      if (!(row >= 0 && row < this.rows)) throw new RangeError(`row index: expected 0 … ${this.rows - 1}, got ${row}`);
      for (let j = 0; j < columns; j++) out[i * columns + j] = this.#steps[row * columns + j] * this.#step;
    }
  }
}

function clippingFactor(row: Float32Array, bound: number, index: number): number {
  const norm = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
  if (Number.isFinite(norm)) return norm > bound ? bound / norm : 1;
  throw new HermeticError('BAD_DATA', `row ${index + 1} has a feature that is no finite number`, {
    mend: 'Correct it or drop the row.',
  });
}

/**
 * Targets of which each is, with probability `keep`, the true one, and otherwise one of the other classes, all alike.
 * @param targets rows × outputs: 0 or 1, or one-hot less the same offset everywhere
 * @throws HermeticError BAD_DATA for other targets, whose values would tell of their row
 */
export async function noisyLabels(
  targets: Float32Array,
  outputs: number,
  keep: number,
  random: SecretNumbers,
): Promise<Float32Array> {
  const classes = Math.max(2, outputs);
  const target = targetValues(targets, outputs);
  const labels = labelsOf(targets, outputs, target);
  const draws = new Float64Array(2 * labels.length);
  await random.fillUniform(draws);
  const result = new Float32Array(targets.length).fill(target.low);
  labels.forEach((label, row) => {
    // The other classes are 1 … k − 1 further on, modulo k.
    const other = (label + 1 + Math.floor(draws[2 * row + 1] * (classes - 1))) % classes;
    const answer = draws[2 * row] < keep ? label : other;
    if (outputs === 1) result[row] = answer === 1 ? target.high : target.low;
    else result[row * outputs + answer] = target.high;
  });
  return result;
}

interface TargetValues {
  readonly low: number;
  readonly high: number;
}

/** What targets of a class and of the others are: 0 and 1, or both less an offset that every row has. */
function targetValues(targets: Float32Array, outputs: number): TargetValues {
  if (outputs === 1) return { low: 0, high: 1 };
  const first = targets.subarray(0, outputs);
  return { low: Math.min(...first), high: Math.max(...first) };
}

function labelsOf(targets: Float32Array, outputs: number, { low, high }: TargetValues): Uint32Array {
  const labels = new Uint32Array(targets.length / outputs);
  for (let row = 0; row < labels.length; row++) {
    const target = targets.subarray(row * outputs, (row + 1) * outputs);
    const label = target.indexOf(high);
    const isClass = high > low && target.every((value, i) => value === low || (value === high && i === label));
    if (!isClass || (outputs > 1 && label < 0)) throw noClasses(row);
    labels[row] = outputs === 1 ? label + 1 : label;
  }
  return labels;
}

function noClasses(row: number): HermeticError {
  return new HermeticError('BAD_DATA', `the target of row ${row + 1} is no class`, {
    expected: 'targets 0 or 1 of one output, or one-hot ones less the same offset of several',
    mend: 'Privacy is there for classes: leave it out, or name a label column of classes.',
  });
}
