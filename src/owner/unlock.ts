/**
 * Unlocking sealed predictions. A decrypted row leaves this file only through `releaseRow`, and only after the ledger has
 * counted it (security rule 1).
 */
import { HermeticError } from '../base/errors.ts';
import { predictionPlace, readPrediction } from '../nn/sealed/predict.ts';
import { badFile } from '../protocol/bad-file.ts';
import { fromRecord } from '../protocol/ckks-codec.ts';
import { type BatchedPredictionLayout, parsePredictionLayout } from '../protocol/layout-json.ts';
import { type SealedPredictions, writeSealedPredictions } from '../protocol/sealed-predictions.ts';
import type { SlotVector } from '../tensor/slot-vectors.ts';
import { type OwnerKeys, requireKey } from './owner-keys.ts';
import { MAX_RELEASED_BITS, type Release, type ReleasedRow, releaseRow, roundingOf } from './release.ts';
import { type UnlockAnswer, UnlockLedger } from './unlock-ledger.ts';

export interface UnlockOptions {
  /**
   * Counts the answers under the key, which gives few before it must be replaced. 'private' counts nothing, for answers
   * that nobody but the owner ever sees: enough of them in a trainer's hands are the secret key.
   */
  readonly ledger: UnlockLedger | 'private';
  /** Row numbers from 0. Default: all. */
  readonly rows?: readonly number[];
  /** Default: labels. */
  readonly release?: Release;
}

export interface UnlockedRow extends ReleasedRow {
  readonly row: number;
}

type PredictionRecord = SealedPredictions['records'][number];
type Batch = readonly PredictionRecord[];

/**
 * Labels, or at most 12 rounded bits a row, in the order asked for. Counted before the first is decrypted, all or none.
 * @throws HermeticError WRONG_KEY; BAD_FILE; BAD_ARGUMENT for rows that are not in the file; POLICY_DENIED for more bits
 *   a row than are ever released, and for more than the key has left; what the ledger's book throws
 */
export async function unlockPredictions(
  predictions: SealedPredictions,
  keys: OwnerKeys,
  options: UnlockOptions,
): Promise<UnlockedRow[]> {
  const { ledger, release = { kind: 'label' } } = options;
  if (ledger !== 'private' && !(ledger instanceof UnlockLedger)) {
    throw new TypeError("ledger: expected an UnlockLedger, or 'private' for answers that stay with the owner");
  }
  const charge = chargeOf(release, predictions.classes);
  const { layout, rows, batches } = askedRows(predictions, keys, options.rows);
  if (ledger !== 'private') {
    const id = await writeSealedPredictions({ write: async () => {} }, predictions, keys.parameters);
    const answers = rows.map((row) => ({ predictions: id, row, ...charge }));
    await ledger.charge(keys, answers);
  }
  const decrypted = batchReader(keys);
  return rows.map((row, i) => {
    const [{ firstRow, rowCount }] = batches[i];
    const slots = decrypted(batches[i]);
    const batch = { ...layout, rows: rowCount };
    const outputs = Float64Array.from({ length: layout.outputs }, (_, output) =>
      readPrediction(batch, slots, row - firstRow, output),
    );
    return { row, ...releaseRow(outputs, release) };
  });
}

interface AskedRows {
  readonly layout: BatchedPredictionLayout;
  readonly rows: readonly number[];
  /** Of each row the ciphertexts that hold it. */
  readonly batches: readonly Batch[];
}

/**
 * Where the rows lie (default: all). Decrypts nothing: what is refused here can be refused before anything is charged.
 * @throws HermeticError WRONG_KEY, BAD_FILE, BAD_ARGUMENT
 */
export function askedRows(
  predictions: SealedPredictions,
  keys: OwnerKeys,
  wanted: readonly number[] | undefined,
): AskedRows {
  requireKey(keys, predictions.keyId, 'the file of predictions');
  const layout = parsePredictionLayout(predictions.packing);
  if (layout.slots !== keys.context.slots || layout.outputs !== predictions.classes) {
    throw badFile('the predictions lie in another way than their file says');
  }
  // Before a list of rows is made: how many there are is what the file claims until every one has its slot.
  const all = batchesIn(predictions, layout);
  const rows = wanted === undefined ? allRows(predictions) : [...wanted];
  checkRows(rows, predictions.rows);
  return { layout, rows, batches: rows.map((row) => batchOf(all, row)) };
}

function allRows({ rows }: SealedPredictions): number[] {
  return Array.from({ length: rows }, (_, row) => row);
}

/** Bits of a key that a row's answer costs. RangeError for bits that do not go round; POLICY_DENIED. */
export function bitsOfRow(release: Release, outputs: number): number {
  return chargeOf(release, outputs).bits;
}

/** What a row's answer costs: log2 of the number of answers that could come, rounded up. Errors as `bitsOfRow`. */
export function chargeOf(release: Release, outputs: number): Pick<UnlockAnswer, 'release' | 'bits'> {
  if (release.kind === 'label') return { release: 'label', bits: Math.max(1, Math.ceil(Math.log2(outputs))) };
  const { bits = 1 } = release;
  if (bits > MAX_RELEASED_BITS) {
    throw new HermeticError('POLICY_DENIED', 'so many bits are never released', {
      expected: `at most ${MAX_RELEASED_BITS} a row`,
      got: `${bits}`,
      mend: 'The noise beneath them would give the key away.',
    });
  }
  const { each, low, high } = roundingOf(release, outputs);
  return { release: `${each} bits in ${low} … ${high}`, bits: each * outputs };
}

/** The ciphertexts of the same rows together, in the order of those rows; each row stands in one batch. */
function batchesIn({ rows, records }: SealedPredictions, layout: BatchedPredictionLayout): readonly Batch[] {
  const byFirstRow = new Map<number, PredictionRecord[]>();
  for (const record of records) {
    const batch = byFirstRow.get(record.firstRow);
    if (batch === undefined) byFirstRow.set(record.firstRow, [record]);
    else batch.push(record);
  }
  const batches = [...byFirstRow.values()].toSorted(([a], [b]) => a.firstRow - b.firstRow);
  let next = 0;
  for (const batch of batches) {
    checkBatch(batch, layout);
    if (batch[0].firstRow !== next) throw badFile(ASTRAY);
    next += batch[0].rowCount;
  }
  if (next !== rows) throw badFile(ASTRAY);
  return batches;
}

const ASTRAY = 'rows of these predictions stand in two batches of ciphertexts, or in none';

/** By halves: a file of many batches may be asked for many rows. */
function batchOf(batches: readonly Batch[], row: number): Batch {
  let [low, high] = [0, batches.length];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (batches[middle][0].firstRow <= row) low = middle;
    else high = middle;
  }
  return batches[low];
}

/** Decrypts a batch when a row of it is asked for, and remembers the last one. */
function batchReader({ context, scheme }: OwnerKeys): (batch: Batch) => readonly SlotVector[] {
  let last: { readonly batch: Batch; readonly slots: readonly SlotVector[] } | undefined;
  return (batch) => {
    if (last?.batch === batch) return last.slots;
    const slots = batch.map((record) => {
      const ciphertext = fromRecord(context, record);
      const values = scheme.decrypt(ciphertext);
      ciphertext.dispose();
      return values;
    });
    last = { batch, slots };
    return slots;
  };
}

/** As many ciphertexts as the outputs take, all for the same rows, which fit the slots. */
function checkBatch(batch: Batch, layout: BatchedPredictionLayout): void {
  const { rowCount } = batch[0];
  const last = predictionPlace({ ...layout, rows: rowCount }, rowCount - 1, layout.outputs - 1);
  const count = layout.form === 'list' ? layout.outputs : last.ciphertext + 1;
  const fits =
    batch.length === count && batch.every((record) => record.rowCount === rowCount) && rowCount <= layout.pitch;
  if (!fits) throw badFile('the ciphertexts of these predictions do not fit their rows');
}

function checkRows(rows: readonly number[], count: number): void {
  const wrong = rows.find((row) => !Number.isInteger(row) || row < 0 || row >= count);
  if (wrong === undefined) return;
  throw new HermeticError('BAD_ARGUMENT', `the file has no row ${wrong}`, { expected: `rows 0 … ${count - 1}` });
}
