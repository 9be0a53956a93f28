/**
 * UNSAFE ON PURPOSE: owners as they must not be, for attacks to open. Nothing but `hermetic break` and its tests may
 * import this.
 */
import type { AnsweredRow, Unlock } from '../../attacks/unlock-key.ts';
import { readPrediction } from '../../nn/sealed/predict.ts';
import type { OwnerKeys } from '../../owner/owner-keys.ts';
import type { Release } from '../../owner/release.ts';
import { unlockPredictions } from '../../owner/unlock.ts';
import type { CiphertextRecord } from '../../protocol/ciphertext-record.ts';
import { fromRecord } from '../../protocol/ckks-codec.ts';
import { parsePredictionLayout } from '../../protocol/layout-json.ts';
import { add, multiplyMontgomery, toCoefficients } from '../../ring/poly.ts';
import type { SlotVector } from '../../tensor/slot-vectors.ts';

/** Unlocks a file of one batch and answers every output as it was decrypted. */
export function unsafeRawUnlock(keys: OwnerKeys): Unlock {
  return async (predictions, rows): Promise<readonly AnsweredRow[]> => {
    const layout = { ...parsePredictionLayout(predictions.packing), rows: predictions.rows };
    const slots = predictions.records.map((record) => unsafeRawDecryption(keys, record));
    return rows.map((row) => ({
      outputs: Array.from({ length: layout.outputs }, (_, output) => readPrediction(layout, slots, row, output)),
    }));
  };
}

/** Hands out what the product answers for the owner's own eyes: few bits a row, of any number of rows. */
export function unsafePrivateUnlock(keys: OwnerKeys, release: Release): Unlock {
  return (predictions, rows) => unlockPredictions(predictions, keys, { ledger: 'private', rows, release });
}

/** All slots, noise and all. */
export function unsafeRawDecryption({ context, scheme }: OwnerKeys, record: CiphertextRecord): SlotVector {
  const ciphertext = fromRecord(context, record);
  const slots = scheme.decrypt(ciphertext);
  ciphertext.dispose();
  return slots;
}

export const UNSAFE_BOUND: bigint = 2n ** 40n;

/** Refreshes what is in range, and says so where a coefficient exceeds `UNSAFE_BOUND`: the answer here is that bit. */
export function unsafeRefreshSaysOutOfRange({ context, secret }: OwnerKeys, record: CiphertextRecord): boolean {
  const { ring, base } = context;
  return ring.scope(
    () => {
      const { c0, c1 } = fromRecord(context, record);
      const phase = add(c0, multiplyMontgomery(c1, secret.montgomery));
      const digits = base.digits(toCoefficients(phase));
      const coefficients = base.toDoubles(digits, 1);
      digits.release();
      return coefficients.some((x) => Math.abs(x) > Number(UNSAFE_BOUND));
    },
    () => [],
  );
}
