/** The rows that a run trains on: the trainer's own, or those rows with noise, the same noise after a resume. */
import { bytesToHex, hexToBytes } from '../base/bytes.ts';
import type { TrainingData } from '../nn/feature-rows.ts';
import { type PrivacyReport, type PrivacySettings, perturbRows } from './privacy.ts';
import { NOISE_SEED_BYTES, secretWords } from './privacy-random.ts';
import type { DataFingerprint, RunPrivacy } from './run-settings.ts';

export interface RunRows {
  readonly data: TrainingData;
  /** What the checkpoint keeps, and what was done; absent where nothing was asked for. */
  readonly privacy: RunPrivacy | undefined;
  readonly report: PrivacyReport | undefined;
}

/**
 * @param print of the rows as they are: rows or settings that differ never meet the same noise
 * @param seed of the run that is gone on with, in hexadecimal
 * @throws HermeticError BAD_DATA as `perturbRows`
 */
export async function rowsOfRun(
  data: TrainingData,
  print: DataFingerprint,
  settings: PrivacySettings | undefined,
  seed?: string,
): Promise<RunRows> {
  if (settings === undefined) return { data, privacy: undefined, report: undefined };
  const { epsilon, delta, bound } = settings;
  const bytes = seed === undefined ? crypto.getRandomValues(new Uint8Array(NOISE_SEED_BYTES)) : hexToBytes(seed);
  const random = await secretWords(bytes, JSON.stringify([print.digest, epsilon, delta, bound]));
  const perturbed = await perturbRows(data, settings, random);
  return { ...perturbed, privacy: { epsilon, delta, bound, seed: bytesToHex(bytes) } };
}
