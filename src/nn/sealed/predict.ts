/** Predictions on encrypted weights: sealed as the weights are, for the owner to unlock. */

import type { Evaluator, SlotCiphertext } from '../../schemes/scheme.ts';
import { blockShape, nextPowerOfTwo, unitPlace } from '../../tensor/packing.ts';
import { rowDiagonals } from '../../tensor/row-diagonals.ts';
import type { SlotVector } from '../../tensor/slot-vectors.ts';
import { type LayerCiphertexts, mapLayers } from './layer-ciphertexts.ts';
import { layoutForBatch } from './layout.ts';
import { repackForBatch } from './repack.ts';
import { forwardSealed, type SealedNetwork } from './sealed-network.ts';
import { predictionCost } from './step-cost.ts';
import { lowestLevel } from './training-step.ts';

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
  /** See `Packing`. */
  readonly real?: true | undefined;
}

export interface SealedPredictions<C> {
  readonly ciphertexts: readonly C[];
  readonly layout: PredictionLayout;
}

/**
 * ŷ of up to `offset` rows (`features`: rows × inputs), at level 0. Needs as many levels as `predictionCost` says
 * (`plan.levelsPerPrediction`); with one more, a few rows cost little: the weights are repacked for a small batch. The
 * ciphertexts hold junk beside the predictions: re-randomise them before they leave, release single slots only.
 */
export function predictSealed<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  network: SealedNetwork,
  weights: readonly LayerCiphertexts<C>[],
  features: Float32Array,
): SealedPredictions<C> {
  const { inputs } = network.architecture.layers[0];
  const { offset } = network.layout.packing;
  const rows = features.length / inputs;
  if (!Number.isInteger(rows) || rows < 1 || rows > offset) {
    throw new RangeError(`features: expected 1 … ${offset} rows of ${inputs}, got ${features.length} numbers`);
  }
  const { levels } = predictionCost(network);
  return evaluator.scope(() => {
    const fitted = fitToRows(evaluator, network, weights, rows, levels);
    const lowered = mapLayers(fitted.weights, (w) => (w.level > levels ? evaluator.dropToLevel(w, levels) : w));
    return predictBatch(evaluator, fitted.network, lowered, features);
  });
}

/** The batch is made as small as the rows allow, where there is a level for it; larger where there must be. */
function fitToRows<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  network: SealedNetwork,
  weights: readonly LayerCiphertexts<C>[],
  rows: number,
  levels: number,
): { readonly network: SealedNetwork; readonly weights: readonly LayerCiphertexts<C>[] } {
  const { packing } = network.layout;
  const batch = nextPowerOfTwo(rows);
  if (batch === packing.batch || (batch < packing.batch && lowestLevel(weights) <= levels)) return { network, weights };
  return {
    network: { ...network, layout: layoutForBatch(network.layout, batch) },
    weights: repackForBatch(evaluator, network, weights, batch),
  };
}

function predictBatch<C extends SlotCiphertext>(
  evaluator: Evaluator<C>,
  network: SealedNetwork,
  weights: readonly LayerCiphertexts<C>[],
  features: Float32Array,
): SealedPredictions<C> {
  const { packing } = network.layout;
  const { inputs, useBias } = network.architecture.layers[0];
  const rows = { values: features, columns: inputs, bias: useBias };
  const diagonals = evaluator.prepareDiagonals(rowDiagonals(packing, rows));
  try {
    const output = forwardSealed(evaluator, network, weights, diagonals, false).at(-1)!.output;
    const { form, factor, units } = output;
    const { slots, pitch, real } = packing;
    const layout = {
      form,
      rows: features.length / inputs,
      outputs: units,
      factor,
      slots,
      pitch,
      ...(real && { real }),
    };
    return { ciphertexts: form === 'list' ? output.items : output.groups, layout };
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
