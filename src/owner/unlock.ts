/** Unlocking sealed predictions: a decrypted row leaves this file only through `releaseRow` (security rule 1). */
import { HermeticError } from '../base/errors.ts';
import { predictionPlace, readPrediction } from '../nn/sealed/predict.ts';
import { badFile } from '../protocol/bad-file.ts';
import { fromRecord } from '../protocol/ckks-codec.ts';
import { type BatchedPredictionLayout, parsePredictionLayout } from '../protocol/layout-json.ts';
import type { SealedPredictions } from '../protocol/sealed-predictions.ts';
import type { SlotVector } from '../tensor/slot-vectors.ts';
import { type OwnerKeys, requireKey } from './owner-keys.ts';
import { bitsOfOutput, MAX_RELEASED_BITS, type Release, type ReleasedRow, releaseRow } from './release.ts';

export interface UnlockOptions {
  /** Row numbers from 0. Default: all. */
  readonly rows?: readonly number[];
  /** Default: labels. */
  readonly release?: Release;
}

export interface UnlockedRow extends ReleasedRow {
  readonly row: number;
}

type PredictionRecord = SealedPredictions['records'][number];

/**
 * Labels, or at most 12 rounded bits a row, in the order asked for.
 * @throws HermeticError WRONG_KEY; BAD_FILE; BAD_ARGUMENT for rows that are not in the file; POLICY_DENIED for more bits
 *   than are ever released
 */
export function unlockPredictions(
  predictions: SealedPredictions,
  keys: OwnerKeys,
  options: UnlockOptions = {},
): UnlockedRow[] {
  requireKey(keys, predictions.keyId, 'the file of predictions');
  const { release = { kind: 'label' } } = options;
  checkRelease(release, predictions.classes);
  const layout = parsePredictionLayout(predictions.packing);
  if (layout.slots !== keys.context.slots || layout.outputs !== predictions.classes) {
    throw badFile('the predictions lie in another way than their file says');
  }
  const rows = options.rows ?? Array.from({ length: predictions.rows }, (_, row) => row);
  checkRows(rows, predictions.rows);
  const batchOf = batchReader(predictions, layout, keys);
  return rows.map((row) => {
    const { firstRow, rowCount, slots } = batchOf(row);
    const batch = { ...layout, rows: rowCount };
    const outputs = Float64Array.from({ length: layout.outputs }, (_, output) =>
      readPrediction(batch, slots, row - firstRow, output),
    );
    return { row, ...releaseRow(outputs, release) };
  });
}

interface DecryptedBatch {
  readonly firstRow: number;
  readonly rowCount: number;
  readonly slots: readonly SlotVector[];
}

/** Decrypts a batch when a row of it is asked for, and remembers the last one. */
function batchReader(
  { records }: SealedPredictions,
  layout: BatchedPredictionLayout,
  { context, scheme }: OwnerKeys,
): (row: number) => DecryptedBatch {
  const batches = new Map<number, PredictionRecord[]>();
  for (const record of records) batches.set(record.firstRow, [...(batches.get(record.firstRow) ?? []), record]);
  for (const batch of batches.values()) checkBatch(batch, layout);
  let last: DecryptedBatch | undefined;
  return (row) => {
    if (last && row >= last.firstRow && row < last.firstRow + last.rowCount) return last;
    const batch = [...batches.values()].find(
      ([{ firstRow, rowCount }]) => row >= firstRow && row < firstRow + rowCount,
    );
    if (batch === undefined) throw badFile(`no ciphertext holds row ${row}`);
    const slots = batch.map((record) => {
      const ciphertext = fromRecord(context, record);
      const values = scheme.decrypt(ciphertext);
      ciphertext.dispose();
      return values;
    });
    last = { firstRow: batch[0].firstRow, rowCount: batch[0].rowCount, slots };
    return last;
  };
}

/** As many ciphertexts as the outputs take, all for the same rows, which fit the slots. */
function checkBatch(batch: readonly PredictionRecord[], layout: BatchedPredictionLayout): void {
  const { rowCount } = batch[0];
  const last = predictionPlace({ ...layout, rows: rowCount }, rowCount - 1, layout.outputs - 1);
  const count = layout.form === 'list' ? layout.outputs : last.ciphertext + 1;
  const fits =
    batch.length === count && batch.every((record) => record.rowCount === rowCount) && rowCount <= layout.pitch;
  if (!fits) throw badFile('the ciphertexts of these predictions do not fit their rows');
}

function checkRelease(release: Release, outputs: number): void {
  if (release.kind === 'label') return;
  const { bits = MAX_RELEASED_BITS } = release;
  if (bits > MAX_RELEASED_BITS) {
    throw new HermeticError('POLICY_DENIED', 'so many bits are never released', {
      expected: `at most ${MAX_RELEASED_BITS} a row`,
      got: `${bits}`,
      mend: 'The noise beneath them would give the key away.',
    });
  }
  bitsOfOutput(bits, outputs);
}

function checkRows(rows: readonly number[], count: number): void {
  const wrong = rows.find((row) => !Number.isInteger(row) || row < 0 || row >= count);
  if (wrong === undefined) return;
  throw new HermeticError('BAD_ARGUMENT', `the file has no row ${wrong}`, { expected: `rows 0 … ${count - 1}` });
}
