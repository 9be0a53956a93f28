/** `--privacy`: the option as `fit` takes it, what it did in words, and the same noise for simulations. */

import type { Dataset } from '../data/dataset.ts';
import { matrix } from '../data/matrix.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { FitOptions } from '../trainer/fit-options.ts';
import { completePrivacy, type PrivacyReport } from '../trainer/privacy.ts';
import { rowsOfRun } from '../trainer/privacy-run.ts';
import { fingerprint } from '../trainer/run-settings.ts';
import type { Console } from './console.ts';
import { formatPercent } from './format.ts';
import type { TrainingFlags } from './training-flags.ts';

export function privacyOption({ privacy }: TrainingFlags): Pick<FitOptions, 'privacy'> {
  return privacy === undefined ? {} : { privacy: { epsilon: privacy } };
}

/** "privacy: ε 4 a row (features 2.4, label 1.6), δ 0.00001; noise 3.1 on features of rows of norm 1, 83 % of labels true". */
export function privacyWords(report: PrivacyReport): string {
  const { epsilon, delta, featureEpsilon, labelEpsilon, deviation, bound, keep } = report;
  const [e, x, y, sigma, norm] = [epsilon, featureEpsilon, labelEpsilon, deviation, bound].map((value) =>
    String(Number(value.toPrecision(2))),
  );
  return (
    `privacy: ε ${e} a row (features ${x}, label ${y}), δ ${delta}; noise ${sigma} on every feature of rows of norm ` +
    `${norm} at most, ${formatPercent(keep, 0)} of the labels true`
  );
}

export interface NoisyDataset {
  readonly data: Dataset;
  readonly privacy: PrivacyReport | undefined;
}

/** The rows that a run with `--privacy` would train on: noise of the same size, drawn anew. Says so, and warns. */
export async function noisyDataset(
  console: Console,
  own: Dataset,
  flags: TrainingFlags,
  features: JsonValue,
): Promise<NoisyDataset> {
  const { privacy: wish } = privacyOption(flags);
  if (wish === undefined) return { data: own, privacy: undefined };
  const rows = { features: own.features, targets: own.targets.values };
  const settings = completePrivacy(wish, features, own.features.columns);
  const { data, report } = await rowsOfRun(rows, await fingerprint(rows), settings);
  const { rows: count, columns } = own.targets;
  if (report !== undefined) console.note(privacyWords(report));
  if (report?.warning !== undefined) console.warn(report.warning);
  return { data: { ...own, features: data.features, targets: matrix(count, columns, data.targets) }, privacy: report };
}
