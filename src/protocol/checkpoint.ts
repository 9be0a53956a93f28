/** A training run between two steps: the encrypted weights and optimizer state, and where the run stands. */
import * as z from 'zod';
import type { ByteSink, ByteSource } from './byte-source.ts';
import { type CiphertextReadOptions, readCiphertextFile, writeCiphertextFile } from './ciphertext-file.ts';
import {
  MAX_RECORDS,
  type NamedRecord,
  namedRecordHeader,
  type RecordHeader,
  uniqueNames,
} from './ciphertext-record.ts';
import type { JsonValue } from './json.ts';
import type { CiphertextParameters } from './parameters.ts';
import { count, hexIdentifier, jsonValue, name } from './schema.ts';

interface CheckpointFields {
  /** The run that this checkpoint belongs to. */
  readonly run: string;
  /** Steps finished. */
  readonly step: number;
  readonly keyId: string;
  /** Identity of the sealed model that the run started from. */
  readonly modelId: string;
  /** Recipe, data commitment, curves: the trainer's own, opaque here. */
  readonly state: JsonValue;
}

export interface Checkpoint extends CheckpointFields {
  readonly records: readonly NamedRecord[];
}

export interface ReadCheckpoint extends Checkpoint {
  readonly parameters: CiphertextParameters;
}

export interface CheckpointHeader extends CheckpointFields {
  readonly records: readonly (RecordHeader & { readonly name: string })[];
}

export const checkpointHeader: z.ZodType<CheckpointHeader> = z.strictObject({
  run: name(128),
  step: count(2 ** 32),
  keyId: hexIdentifier,
  modelId: hexIdentifier,
  state: jsonValue,
  records: z.array(namedRecordHeader).min(1).max(MAX_RECORDS).refine(uniqueNames, 'expected different names'),
});

/** Writes the file and returns its identity. Throws TypeError or RangeError for what does not fit. */
export function writeCheckpoint(
  sink: ByteSink,
  checkpoint: Checkpoint,
  parameters: CiphertextParameters,
): Promise<string> {
  const { run, step, keyId, modelId, state, records } = checkpoint;
  const content = { run, step, keyId, modelId, state, records };
  return writeCiphertextFile(sink, 'checkpoint', checkpointHeader, parameters, content);
}

/** Reads and checks the file. Throws BAD_FILE; WRONG_KEY for other parameters. */
export async function readCheckpoint(source: ByteSource, options: CiphertextReadOptions): Promise<ReadCheckpoint> {
  const { content, records, parameters } = await readCiphertextFile(source, 'checkpoint', checkpointHeader, options);
  return { ...content, records, parameters };
}
