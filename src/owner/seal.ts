/**
 * Sealing and opening a network (data's journey, first and last leg): plain weights → slots → ciphertexts → records, and
 * back. Only the owner opens; what is opened stays with the owner.
 */
import { HermeticError } from '../base/errors.ts';
import type { Architecture, LayerWeights } from '../nn/architecture.ts';
import { Sequential } from '../nn/model.ts';
import { collectCiphertexts, type LayerCiphertexts, mapLayers } from '../nn/sealed/layer-ciphertexts.ts';
import { type LayoutOptions, layoutOfFile, planLayout, type SealedLayout } from '../nn/sealed/layout.ts';
import { packWeights, unpackWeights } from '../nn/sealed/weight-slots.ts';
import { checkArchitecture, checkWeights } from '../nn/weights.ts';
import type { CiphertextRecord, NamedRecord } from '../protocol/ciphertext-record.ts';
import { fromRecord, toRecord } from '../protocol/ckks-codec.ts';
import { layoutJson } from '../protocol/layout-json.ts';
import type { PlainModel } from '../protocol/model-file.ts';
import { forgetTraining, trainingSoFar } from '../protocol/provenance.ts';
import type { SealedModel } from '../protocol/sealed-model.ts';
import type { SlotVector } from '../tensor/slot-vectors.ts';
import { type OwnerKeys, requireKey } from './owner-keys.ts';
import { plainModel } from './plain-model.ts';

export interface SealOptions extends Partial<Pick<LayoutOptions, 'batch' | 'meanSquareNorm' | 'weightScales'>> {
  /** True for a show-case that teaching schemes may use as well. Default false. */
  readonly demonstration?: boolean;
}

export const DEFAULT_BATCH = 256;
/** At N = 2^16 a slot's noise is four times that at 2^14, and bootstrapping bears slots of 2^6 and more. */
const BOOTSTRAPPED_BOOST = 4;

/**
 * Encrypts a network, as read from a file or as `sequential` makes it, for trainers who hold the public keys of `keys`. The packing is chosen for batches of
 * `options.batch` rows (default 256, a power of two), which training must keep to.
 * @throws HermeticError PLAN_REFUSED for a batch that does not fit the parameters
 */
export function seal(model: PlainModel | Sequential, keys: OwnerKeys, options: SealOptions = {}): SealedModel {
  const { architecture, weights, features, provenance } = model instanceof Sequential ? plainModel(model) : model;
  checkArchitecture(architecture);
  checkWeights(architecture, weights);
  const { batch = DEFAULT_BATCH, demonstration = false, meanSquareNorm, weightScales } = options;
  const layout = planLayout(architecture, {
    slots: keys.context.slots,
    batch,
    boost: keys.context.parameters.bootstrapping ? BOOTSTRAPPED_BOOST : 1,
    ...(meanSquareNorm !== undefined && { meanSquareNorm }),
    ...(weightScales !== undefined && { weightScales }),
  });
  return {
    architecture,
    features,
    packing: layoutJson(layout),
    records: encryptWeights(keys, architecture, layout, weights),
    keyId: keys.keyId,
    round: trainingSoFar(provenance).runs,
    provenance,
    demonstration,
  };
}

/**
 * The weights in the clear.
 * @throws HermeticError WRONG_KEY for another owner's model; BAD_FILE where its ciphertexts are not those of its
 *   architecture; DIVERGED where what they hold cannot be weights
 */
export function open(sealed: SealedModel, keys: OwnerKeys): PlainModel {
  const { architecture, features, provenance } = sealed;
  requireKey(keys, sealed.keyId, 'the model');
  return { architecture, weights: decryptWeights(keys, sealed), features, provenance, opened: { keyId: keys.keyId } };
}

/**
 * The same network under another key: decrypted and encrypted afresh, with new seeds and nothing of the old slots but
 * the weights. Round and training runs are forgotten too: the next trainer cannot tell whose work it goes on with. The
 * keys must be of parameters with the same number of slots. Weights that a trainer returned may carry `from` in them:
 * answers about the network count under both keys (`UnlockLedger`; `carryUnlocks` for keys in files).
 * @throws HermeticError as `open`; WRONG_KEY for keys of another size
 */
export function rekey(sealed: SealedModel, from: OwnerKeys, to: OwnerKeys): SealedModel {
  if (from.context.slots !== to.context.slots) {
    throw new HermeticError('WRONG_KEY', 'the new key is of another size', {
      expected: `${from.context.slots} slots, as set ${from.parameters.description.set} has`,
      got: `${to.context.slots}`,
      mend: 'Open the model with the old key and seal it with the new one: what is answered then counts under both.',
    });
  }
  const { architecture, weights } = open(sealed, from);
  const layout = layoutOf(sealed, from.context.slots);
  return {
    ...sealed,
    round: 0,
    provenance: forgetTraining(sealed.provenance),
    packing: layoutJson(layout),
    records: encryptWeights(to, architecture, layout, weights),
    keyId: to.keyId,
  };
}

function encryptWeights(
  { scheme, context }: OwnerKeys,
  architecture: Architecture,
  layout: SealedLayout,
  weights: readonly LayerWeights[],
): NamedRecord[] {
  return packWeights(architecture, layout, weights).map(({ name, slots }) => {
    const ciphertext = scheme.encrypt(slots, context.maxLevel);
    const record = toRecord(ciphertext);
    ciphertext.dispose();
    return { name, ...record };
  });
}

function layoutOf({ architecture, packing, records }: SealedModel, slots: number): SealedLayout {
  return layoutOfFile(packing, architecture, { slots, ciphertexts: records.length });
}

/**
 * The ciphertexts of a model of `slots` slots, each in its place. Needs no key: whatever is refused here is refused before
 * anything is decrypted, or charged. @throws HermeticError BAD_FILE
 */
export function sealedWeights(
  sealed: SealedModel,
  slots: number,
): { readonly layout: SealedLayout; readonly layers: readonly LayerCiphertexts<CiphertextRecord>[] } {
  const { architecture } = sealed;
  const layout = layoutOf(sealed, slots);
  const named = sealed.records.map((record) => ({ name: record.name, ciphertext: record }));
  const layers = collectCiphertexts(architecture, layout, named);
  if (layers !== undefined) return { layout, layers };
  throw new HermeticError('BAD_FILE', 'the ciphertexts of this model are not those of its architecture', {
    mend: 'The file was put together wrongly: take the one that the trainer wrote.',
  });
}

function decryptWeights(keys: OwnerKeys, sealed: SealedModel): LayerWeights[] {
  const { architecture } = sealed;
  const { layout, layers } = sealedWeights(sealed, keys.context.slots);
  const slots = layers.map((layer) => mapLayers([layer], (record) => decryptSlots(keys, record))[0]);
  return unpackWeights(architecture, layout, slots);
}

/** No weight, scaled up or not, comes near: the phase has wrapped, or the file holds something else. */
const IMPOSSIBLE_SLOT = 2 ** 20;

function decryptSlots({ context, scheme }: OwnerKeys, record: CiphertextRecord): SlotVector {
  const ciphertext = fromRecord(context, record);
  const slots = scheme.decrypt(ciphertext);
  ciphertext.dispose();
  const possible = (values: Float64Array) => values.every((value) => Math.abs(value) < IMPOSSIBLE_SLOT);
  if (possible(slots.re) && possible(slots.im)) return slots;
  throw new HermeticError('DIVERGED', 'what this model holds cannot be weights', {
    mend: 'Its training diverged, or the file was not made by a trainer of ours: train again with a lower learning rate.',
  });
}
