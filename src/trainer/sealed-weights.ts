/** A sealed network between its records and the evaluator: how it comes in, and how it leaves. */

import {
  collectCiphertexts,
  flattenLayers,
  type LayerCiphertexts,
  mapLayers,
  nameCiphertexts,
} from '../nn/sealed/layer-ciphertexts.ts';
import { layoutOfFile, type SealedLayout } from '../nn/sealed/layout.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import { badFile } from '../protocol/bad-file.ts';
import type { CiphertextRecord, NamedRecord } from '../protocol/ciphertext-record.ts';
import { fromRecord, toRecord } from '../protocol/ckks-codec.ts';
import type { ReadSealedModel } from '../protocol/sealed-model.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { CkksContext } from '../schemes/ckks/context.ts';
import { rerandomize } from '../schemes/ckks/public-encryption.ts';
import type { TrainerKeys } from './trainer-keys.ts';

/** Weights or velocities, layer by layer. */
export type SealedWeights = readonly LayerCiphertexts<Ciphertext>[];

/**
 * Architecture and layout of a model, as large as the ciphertexts that its file holds: to be called before anything is
 * made in the shape that the architecture claims. @throws HermeticError BAD_FILE
 */
export function networkOf({ architecture, packing, records, parameters }: ReadSealedModel): SealedNetwork {
  const holding = { slots: parameters.description.N / 2, ciphertexts: records.length };
  return { architecture, layout: layoutOfFile(packing, architecture, holding) };
}

/** Named records as ciphertexts. @throws HermeticError BAD_FILE unless they are exactly those of the network */
export function loadWeights(
  context: CkksContext,
  { architecture, layout }: SealedNetwork,
  records: readonly NamedRecord[],
): SealedWeights {
  const named = records.map((record) => ({ name: record.name, ciphertext: record as CiphertextRecord }));
  const layers = layout.packing.slots === context.slots && collectCiphertexts(architecture, layout, named);
  if (!layers) throw badFile('the ciphertexts are not those of the network');
  return mapLayers(layers, (record) => fromRecord(context, record));
}

/** Ciphertexts as named records, as they are: for the trainer's own files. */
export function storeWeights(
  architecture: SealedNetwork['architecture'],
  layout: SealedLayout,
  weights: SealedWeights,
): NamedRecord[] {
  return nameCiphertexts(architecture, layout, weights).map(({ name, ciphertext }) => ({
    name,
    ...toRecord(ciphertext),
  }));
}

/** A ciphertext as it may leave a trainer: under fresh randomness, without a trace of how it was computed. */
export function leavingRecord({ context, publicKey }: TrainerKeys, ciphertext: Ciphertext): CiphertextRecord {
  const fresh = rerandomize(context, publicKey, ciphertext);
  const record = toRecord(fresh);
  fresh.dispose();
  return record;
}

/** The weights as they may leave a trainer. */
export function leavingWeights(keys: TrainerKeys, network: SealedNetwork, weights: SealedWeights): NamedRecord[] {
  return nameCiphertexts(network.architecture, network.layout, weights).map(({ name, ciphertext }) => ({
    name,
    ...leavingRecord(keys, ciphertext),
  }));
}

export function disposeWeights(weights: SealedWeights | undefined): void {
  for (const ciphertext of flattenLayers(weights ?? [])) ciphertext.dispose();
}
