/** Sealed models: what a file says, its weights in the clear, and the owner's gates on them. */
import { HermeticError } from '../../base/errors.ts';
import type { Architecture } from '../../nn/architecture.ts';
import type { TrainingData } from '../../nn/feature-rows.ts';
import { heldOutFigures, runGates } from '../../owner/gates.ts';
import { open, sealedWeights } from '../../owner/seal.ts';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { JsonValue } from '../../protocol/json.ts';
import { writeModelFile } from '../../protocol/model-file.ts';
import { forgetTraining } from '../../protocol/provenance.ts';
import { type ReadSealedModel, readSealedModel } from '../../protocol/sealed-model.ts';
import { type Argument, type Judgement, MODEL_FIELDS, type ModelFacts, type SealedFile } from './jobs.ts';
import { heldOutData } from './network-plan.ts';
import { knownSet, parametersOf } from './parameter-sets.ts';
import type { Done, Room } from './room.ts';
import { alone, Moved } from './wire.ts';

/** @throws HermeticError BAD_FILE; WRONG_KEY for a file of another parameter set */
export function loadModel({ blobs }: Room, { sha256, set }: SealedFile): Promise<ReadSealedModel> {
  return blobs.with(sha256, async (source) => {
    const parameters = await parametersOf(set);
    return readSealedModel(source, { parametersFor: () => parameters, onWarning: () => {} });
  });
}

export async function describeModel(room: Room, file: SealedFile): Done<'describeModel'> {
  const model = await loadModel(room, file);
  // What cannot be opened is refused before it is judged, and charged.
  sealedWeights(model, (await knownSet(file.set)).slots);
  const said = { ...model, initialization: forgetTraining(model.provenance) };
  const fields = Object.fromEntries(MODEL_FIELDS.map((name) => [name, canonicalJson(said[name] as JsonValue)]));
  return { modelId: model.modelId, keyId: model.keyId, fields: fields as ModelFacts['fields'] };
}

export async function openModel(room: Room, { model, keyId }: Argument<'openModel'>): Done<'openModel'> {
  const sealed = await loadModel(room, model);
  const bytes = writeModelFile(await room.keys.use(keyId, (keys) => open(sealed, keys)));
  const own = alone(bytes);
  return new Moved(own, own);
}

export async function judge(room: Room, wish: Argument<'judge'>): Promise<Judgement> {
  const { keyId, set, architecture: json, gates } = wish;
  const [was, is] = [
    await loadModel(room, { sha256: wish.before, set }),
    await loadModel(room, { sha256: wish.after, set }),
  ];
  const heldOut = await heldOutRows(room, wish);
  const architecture = JSON.parse(json) as Architecture;
  return room.keys.use(keyId, (keys) => {
    const before = open(was, keys).weights;
    try {
      const after = open(is, keys).weights;
      const results = runGates({ architecture, before, after, heldOut, gates });
      return { results, figures: heldOutFigures(architecture, after, heldOut) };
    } catch (error) {
      if (!(error instanceof HermeticError && error.code === 'DIVERGED')) throw error;
      return { results: [{ gate: 'finite', passed: false, detail: error.summary }], figures: undefined };
    }
  });
}

async function heldOutRows(
  { blobs }: Room,
  { heldOut, features }: Argument<'judge'>,
): Promise<TrainingData | undefined> {
  if (heldOut === undefined) return undefined;
  return heldOutData(await blobs.bytes(heldOut), JSON.parse(features));
}
