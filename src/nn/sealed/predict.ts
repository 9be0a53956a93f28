/** Predictions on encrypted weights: sealed as the weights are, for the owner to unlock. */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import { blockShape, type Packing, unitPlace } from '../../tensor/packing.ts';
import { rowDiagonals } from '../../tensor/row-diagonals.ts';
import type { SlotVector } from '../../tensor/slot-vectors.ts';
import type { LayerCiphertexts } from './layer-ciphertexts.ts';
import { forwardSealed, type SealedNetwork } from './sealed-network.ts';

/** Where ŷ stands in the ciphertexts of a prediction; plain data, for the file. */
export interface PredictionLayout {
  readonly form: 'list' | 'blocks';
  /** Rows and outputs. */
  readonly rows: number;
  readonly outputs: number;
  /** Slot = factor · ŷ. */
  readonly factor: number;
  readonly slots: number;
  readonly pitch: number;
}

export interface SealedPredictions<C> {
  readonly ciphertexts: readonly C[];
  readonly layout: PredictionLayout;
}

/**
 * ŷ of up to B rows (`features`: rows × inputs). Needs plan.levelsPerPrediction levels. The ciphertexts hold junk
 * beside the predictions: re-randomise them before they leave, release single slots only.
 */
export function predictSealed<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  network: SealedNetwork,
  weights: readonly LayerCiphertexts<C>[],
  features: Float32Array,
): SealedPredictions<C> {
  const { packing } = network.layout;
  const { inputs, useBias } = network.architecture.layers[0];
  const rows = features.length / inputs;
  if (!Number.isInteger(rows) || rows < 1 || rows > packing.batch) {
    throw new RangeError(`features: expected 1 … ${packing.batch} rows of ${inputs}, got ${features.length} numbers`);
  }
  const diagonals = evaluator.prepareDiagonals(
    rowDiagonals(packing, { values: features, columns: inputs, bias: useBias }),
  );
  try {
    return evaluator.scope(() => {
      const output = forwardSealed(evaluator, network, weights, diagonals, false).at(-1)!.output;
      const { form, factor, units } = output;
      const layout = { form, rows, outputs: units, factor, slots: packing.slots, pitch: packing.pitch };
      return { ciphertexts: form === 'list' ? output.items : output.groups, layout };
    });
  } finally {
    diagonals[Symbol.dispose]();
  }
}

/** Which ciphertext, slot and part hold ŷ of a row and an output. */
export function predictionPlace(
  layout: PredictionLayout,
  row: number,
  output: number,
): { readonly ciphertext: number; readonly slot: number; readonly part: 0 | 1 } {
  if (!(row >= 0 && row < layout.rows)) throw new RangeError(`row: expected 0 … ${layout.rows - 1}, got ${row}`);
  if (!(output >= 0 && output < layout.outputs)) {
    throw new RangeError(`output: expected 0 … ${layout.outputs - 1}, got ${output}`);
  }
  if (layout.form === 'list') return { ciphertext: output, slot: row, part: 0 };
  const place = unitPlace(blockShape(layout, layout.outputs), output);
  return { ciphertext: place.group, slot: place.block * layout.pitch + row, part: place.part };
}

/** ŷ of a row and an output, from decrypted slots. */
export function readPrediction(
  layout: PredictionLayout,
  slots: readonly SlotVector[],
  row: number,
  output: number,
): number {
  const { ciphertext, slot, part } = predictionPlace(layout, row, output);
  const { re, im } = slots[ciphertext];
  return (part === 0 ? re : im)[slot] / layout.factor;
}

/** The smallest batch that takes so many rows: what a few predictions are repacked for. */
export function batchForRows(packing: Packing, rows: number): number {
  return Math.min(packing.offset, 2 ** Math.ceil(Math.log2(Math.max(1, rows))));
}
