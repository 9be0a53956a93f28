/** The rows that a run trains on: the trainer's own, or those rows with noise, the same noise after a resume. */
import { bytesToHex, hexToBytes } from '../base/bytes.ts';
import { joinRows, shardOf, type TrainingData } from '../nn/feature-rows.ts';
import { calibrate, type PerturbedRows, type PrivacyReport, type PrivacySettings, perturbRows } from './privacy.ts';
import { NOISE_SEED_BYTES, secretWords } from './privacy-random.ts';
import type { DataFingerprint, RunPrivacy } from './run-settings.ts';

export interface RunRows {
  readonly data: TrainingData;
  /** What the checkpoint keeps, and what was done; absent where nothing was asked for. */
  readonly privacy: RunPrivacy | undefined;
  readonly report: PrivacyReport | undefined;
}

/** How rows are dealt into shards: of each its fingerprint, and which one, from 0, is here; undefined: all are. */
export interface DealtRows {
  readonly prints: readonly DataFingerprint[];
  readonly held?: number;
}

/**
 * @param print of all rows as they are: rows or settings that differ never meet the same noise
 * @param seed of the run that is gone on with, in hexadecimal
 * @throws HermeticError BAD_DATA as `perturbRows`
 */
export async function rowsOfRun(
  data: TrainingData,
  print: DataFingerprint,
  settings: PrivacySettings | undefined,
  seed?: string,
  { prints, held }: DealtRows = { prints: [print] },
): Promise<RunRows> {
  if (settings === undefined) return { data, privacy: undefined, report: undefined };
  const { epsilon, delta, bound } = settings;
  const bytes = seed === undefined ? crypto.getRandomValues(new Uint8Array(NOISE_SEED_BYTES)) : hexToBytes(seed);
  const parts: PerturbedRows[] = [];
  for (const [shard, { digest }] of prints.entries()) {
    if (held !== undefined && shard !== held) continue;
    const own = held === undefined ? shardOf(data, shard, prints.length) : data;
    parts.push(await noisyShard(own, { digest, shard, shards: prints.length }, settings, bytes));
  }
  const { rows, columns, outputs } = print;
  const clipped = parts.reduce((sum, { report }) => sum + report.clipped, 0);
  const report = { ...calibrate(settings, { rows, columns }, Math.max(2, outputs)), clipped };
  const noisy = joinRows(parts.map((part) => part.data));
  return { data: noisy, report, privacy: { epsilon, delta, bound, seed: bytesToHex(bytes) } };
}

export interface ShardPlace {
  /** Of the shard's rows as they are. */
  readonly digest: string;
  /** From 0. */
  readonly shard: number;
  readonly shards: number;
}

/**
 * One shard of a run's rows with its noise, wherever it lies. Every row has noise of its own, so that what is promised of a
 * row does not depend on how rows are dealt; shards that are alike get noise that is not.
 */
export async function noisyShard(
  data: TrainingData,
  { digest, shard, shards }: ShardPlace,
  settings: PrivacySettings,
  seed: Uint8Array,
): Promise<PerturbedRows> {
  const { epsilon, delta, bound } = settings;
  const place = shards === 1 ? [] : [shard, shards];
  const random = await secretWords(seed, JSON.stringify([digest, epsilon, delta, bound, ...place]));
  return perturbRows(data, settings, random);
}
