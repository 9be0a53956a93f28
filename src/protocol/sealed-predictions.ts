/** `predictions.sealed`: what a sealed network says about rows of data; only the owner can open it, a value at a time. */
import * as z from 'zod';
import type { ByteSink, ByteSource } from './byte-source.ts';
import { type CiphertextReadOptions, readCiphertextFile, writeCiphertextFile } from './ciphertext-file.ts';
import { type CiphertextRecord, MAX_RECORDS, type RecordHeader, recordFields } from './ciphertext-record.ts';
import type { JsonValue } from './json.ts';
import type { CiphertextParameters } from './parameters.ts';
import { count, hexIdentifier, jsonValue, line } from './schema.ts';

interface RowRange {
  /** The ciphertext speaks of rows firstRow … firstRow + rowCount − 1. */
  readonly firstRow: number;
  readonly rowCount: number;
}

interface PredictionFields {
  readonly rows: number;
  /** Outputs of the network. */
  readonly classes: number;
  readonly keyId: string;
  /** Identity of the sealed model that predicted. */
  readonly modelId: string;
  /** What the labels 0, 1, … are called, where the model's features say so: public, like the features themselves. */
  readonly classNames?: readonly string[] | undefined;
  /** How outputs lie in slots; checked by `tensor`, opaque here. */
  readonly packing: JsonValue;
}

export interface SealedPredictions extends PredictionFields {
  readonly records: readonly (CiphertextRecord & RowRange)[];
}

export interface ReadSealedPredictions extends SealedPredictions {
  readonly parameters: CiphertextParameters;
  readonly predictionsId: string;
}

export interface SealedPredictionsHeader extends PredictionFields {
  readonly records: readonly (RecordHeader & RowRange)[];
}

const MAX_ROWS = 2 ** 32;
const MAX_CLASS_NAMES = 4096;

const predictionRecord = z.strictObject({
  ...recordFields,
  firstRow: count(MAX_ROWS),
  rowCount: z.number().int().min(1).max(MAX_ROWS),
});

export const sealedPredictionsHeader: z.ZodType<SealedPredictionsHeader> = z
  .strictObject({
    rows: z.number().int().min(1).max(MAX_ROWS),
    classes: z
      .number()
      .int()
      .min(1)
      .max(1 << 24),
    keyId: hexIdentifier,
    modelId: hexIdentifier,
    classNames: z.array(line(1000)).max(MAX_CLASS_NAMES).optional(),
    packing: jsonValue,
    records: z.array(predictionRecord).min(1).max(MAX_RECORDS),
  })
  .refine(({ rows, records }) => coversRows(rows, records), 'expected ciphertexts that cover every row and no other');

/** True when the ranges, taken together, are exactly 0 … rows − 1; ranges may meet the same rows (one per class). */
function coversRows(rows: number, ranges: readonly RowRange[]): boolean {
  let covered = 0;
  for (const { firstRow, rowCount } of ranges.toSorted((a, b) => a.firstRow - b.firstRow)) {
    if (firstRow > covered) return false;
    covered = Math.max(covered, firstRow + rowCount);
  }
  return covered === rows;
}

/** Writes the file and returns its identity. Throws TypeError or RangeError for what does not fit. */
export function writeSealedPredictions(
  sink: ByteSink,
  predictions: SealedPredictions,
  parameters: CiphertextParameters,
): Promise<string> {
  const { rows, classes, keyId, modelId, classNames, packing, records } = predictions;
  const names = classNames === undefined ? {} : { classNames };
  const content = { rows, classes, keyId, modelId, ...names, packing, records };
  return writeCiphertextFile(sink, 'sealed-predictions', sealedPredictionsHeader, parameters, content);
}

/** Reads and checks the file. Throws BAD_FILE; WRONG_KEY for other parameters. */
export async function readSealedPredictions(
  source: ByteSource,
  options: CiphertextReadOptions,
): Promise<ReadSealedPredictions> {
  const { content, records, parameters, id } = await readCiphertextFile(
    source,
    'sealed-predictions',
    sealedPredictionsHeader,
    options,
  );
  return { ...content, records, parameters, predictionsId: id };
}
