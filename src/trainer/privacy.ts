/**
 * Differential privacy of a trainer's rows, against the owner too (security rule 3). Noise is added to every row once, before
 * training: whatever is computed from the noisy rows, by whatever network, traps and all, gives away no more than they do.
 *
 * What is promised. Two data sets are neighbours when one row, features and label, is replaced by any other. For every set
 * of outcomes P(outcome | one) ≤ e^ε·P(outcome | the other) + δ. Every row is noisy by itself (local privacy): the
 * promise needs no trust in anybody, holds for each row whatever others contribute, and does not grow with the steps.
 * It is spent anew with every run on the same rows: two runs with fresh noise are (2ε, 2δ)-private. It speaks of rows, not of
 * people who own several. It does not cover the number of rows, nor predictions, which are made on rows as they are.
 *
 * How. A row is clipped to L2 norm `bound`, so that two rows are at most Δ = 2·bound apart, and gets Gaussian noise that is
 * (ε_x, δ)-private for Δ; its label is answered at random, ε_y-private; ε = ε_x + ε_y. See `privacy-calibration.ts`. Then all
 * rows are shrunk by the same public factor, to the length that they had: learning rates, ranges and scales of weights stay
 * what they were. It costs nothing, for it looks at noisy rows alone.
 *
 * What floating point leaves open (Mironov 2012; for Gaussian noise Jin, McMurtry, Rubinstein and Ohrimenko, arXiv
 * 2112.05307). The last bits of x + noise in doubles tell of x: so sums are rounded to a grid of σ/16, the same for every row,
 * whose cells are far wider than those errors. A sum still falls into another cell than an exact one would with a
 * probability of some 2^-46 a coordinate, which adds to δ, e^ε-fold: little for ε of ten or less. It is an argument, no proof;
 * an exact sampler of discrete noise (Canonne, Kamath and Steinke, arXiv 2004.00010) would need none.
 */
import { checkNumber } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { parseFeatureSettings } from '../data/parse-settings.ts';
import type { InputSettings } from '../data/settings.ts';
import type { FeatureRows, TrainingData } from '../nn/feature-rows.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { StatedPrivacy } from '../protocol/training-record.ts';
import { gaussianDeviation, keepProbability, labelSignal, MAX_EPSILON, splitEpsilon } from './privacy-calibration.ts';
import { SecretNumbers, type WordSource } from './privacy-random.ts';
import { NoisyRows, noisyLabels } from './privacy-rows.ts';

export interface PrivacySettings {
  readonly epsilon: number;
  readonly delta: number;
  /** Rows are clipped to this L2 norm. Public: it must not be read off the rows. */
  readonly bound: number;
}

/** What a caller of `fit` asks for. */
export type PrivacyWish = Pick<PrivacySettings, 'epsilon'> & Partial<PrivacySettings>;

const DEFAULT_DELTA = 1e-5;

/** What was done to the rows. */
export interface PrivacyReport extends PrivacySettings {
  /** ε of the features and of the label: they add up. */
  readonly featureEpsilon: number;
  readonly labelEpsilon: number;
  /** σ of the noise on each feature, before all is shrunk. */
  readonly deviation: number;
  /** bound/√(bound² + columns·σ²): what noisy rows are multiplied by. */
  readonly shrink: number;
  /** With this probability a label is the true one. */
  readonly keep: number;
  /**
   * Rows that it takes before the classes are seen through the noise, of the order of: see `rowsNeeded`. Fewer teach next to
   * nothing.
   */
  readonly rowsNeeded: number;
  /** A sentence for the user where accuracy will suffer. */
  readonly warning: string | undefined;
  /** Rows that were longer than the bound. For the trainer's eyes: it is read off the rows. */
  readonly clipped: number;
}

export interface PerturbedRows {
  readonly data: TrainingData;
  readonly report: PrivacyReport;
}

/**
 * The wish made whole. The bound is by default what the model's feature settings, which come from the owner, make of a row of
 * usual length; √columns where there are none of ours.
 * @throws RangeError for ε outside ]0, 100], δ outside [10^-12, ½], a bound outside [10^-6, 10^6]
 */
export function completePrivacy(wish: PrivacyWish, features: JsonValue, columns: number): PrivacySettings {
  const { epsilon, delta = DEFAULT_DELTA, bound = publicBound(features, columns) } = wish;
  checkNumber('epsilon', epsilon, Number.MIN_VALUE, MAX_EPSILON);
  checkNumber('delta', delta, 1e-12, 0.5);
  checkNumber('bound', bound, 1e-6, 1e6);
  return { epsilon, delta, bound };
}

/**
 * Rows with noise. Draws features first, row after row, then labels: the same source gives the same rows.
 * @param random secret, and used for these rows and settings alone
 * @throws HermeticError BAD_DATA for features that are not finite, and for targets that are no classes
 */
export async function perturbRows(
  { features, targets }: TrainingData,
  settings: PrivacySettings,
  random: WordSource,
): Promise<PerturbedRows> {
  const outputs = targets.length / features.rows;
  const classes = Math.max(2, outputs);
  const calibrated = calibrate(settings, features, classes);
  const numbers = new SecretNumbers(random);
  const { rows, clipped } = await NoisyRows.from(features, calibrated, numbers);
  const labels = await noisyLabels(targets, outputs, calibrated.keep, numbers);
  return { data: { features: rows, targets: labels }, report: { ...calibrated, clipped } };
}

/** Noise and rows needed, before a row is looked at. */
export function calibrate(
  settings: PrivacySettings,
  { rows, columns }: Pick<FeatureRows, 'rows' | 'columns'>,
  classes: number,
): Omit<PrivacyReport, 'clipped'> {
  const { epsilon, delta, bound } = settings;
  const { features: featureEpsilon, labels: labelEpsilon } = splitEpsilon(epsilon, classes);
  const deviation = gaussianDeviation(featureEpsilon, delta, 2 * bound * ROUNDED_UP);
  const shrink = 1 / Math.hypot(1, (Math.sqrt(columns) * deviation) / bound);
  const keep = keepProbability(labelEpsilon, classes);
  const needed = rowsNeeded(deviation / bound, columns, classes, labelSignal(labelEpsilon, classes));
  const warning =
    rows >= needed
      ? undefined
      : `with ε ${figure(epsilon)}, accuracy will suffer: ${columns} features take some ${figure(needed)} rows, and there ` +
        `are ${rows}`;
  return {
    ...{ epsilon, delta, bound, featureEpsilon, labelEpsilon, deviation, shrink, keep },
    ...{ rowsNeeded: needed, warning },
  };
}

/** What the provenance and the training record say. */
export function statedPrivacy({ epsilon, delta, bound, deviation, keep }: PrivacyReport): StatedPrivacy {
  const mechanism =
    `every row by itself, before training: features clipped to norm ${figure(bound)}, Gaussian noise of deviation ` +
    `${figure(deviation)}; label kept with probability ${figure(keep)}; one row replaced by any other`;
  return { epsilon, delta, mechanism };
}

/** A clipped row's norm may exceed the bound by rounding. */
const ROUNDED_UP = 1 + 2 ** -40;

/**
 * The mean of n rows times their signs is known up to √(d/n)·σ. Classes whose means are a whole bound apart, signs as far as
 * labels tell them, give signal·bound/2: both are equal at n = d·(2σ/(signal·bound))², times k/2 for each of k classes.
 */
function rowsNeeded(noise: number, columns: number, classes: number, signal: number): number {
  return Math.ceil(((columns * classes) / 2) * ((2 * noise) / signal) ** 2);
}

function publicBound(features: JsonValue, columns: number): number {
  try {
    return usualNorm(parseFeatureSettings(features).inputs);
  } catch (error) {
    if (!(error instanceof HermeticError)) throw error;
    return Math.sqrt(columns);
  }
}

/** Root mean square of ‖φ‖ over the rows that the settings were fitted on: see the heads of `data/numeric.ts` and others. */
function usualNorm(settings: InputSettings): number {
  if (settings.kind !== 'text') return Math.sqrt(settings.mean.length);
  const mean = settings.mean.reduce((sum, m) => sum + m * m, 0);
  return settings.scale * Math.sqrt(Math.max(2 ** -10, 1 - mean));
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
