/** What anyone may know of a model, plain or sealed: enough to plan a run, without any key. */

import { HermeticError } from '../base/errors.ts';
import type { Architecture, LayerWeights } from '../nn/architecture.ts';
import type { SealedLayout } from '../nn/sealed/layout.ts';
import { ciphertextParameters, knownParameterSet } from '../protocol/ckks-codec.ts';
import type { JsonValue } from '../protocol/json.ts';
import { withFileSource } from '../protocol/node/file-source.ts';
import { readSealedModel } from '../protocol/sealed-model.ts';
import { type CkksParameters, parameterSet } from '../schemes/ckks/parameters.ts';
import { networkOf } from '../trainer/sealed-weights.ts';
import type { Console } from './console.ts';
import { readPlainModel } from './model-files.ts';

export interface PublicModel {
  readonly architecture: Architecture;
  readonly features: JsonValue;
  readonly provenance: readonly JsonValue[];
  readonly parameters: CkksParameters;
  /** Where the model is sealed. */
  readonly layout: SealedLayout | undefined;
  /** Where it is not. */
  readonly weights: readonly LayerWeights[] | undefined;
}

/** @param set parameter set to plan for where the model is plain. HermeticError DISK, BAD_FILE, BAD_ARGUMENT. */
export async function loadPublicModel(console: Console, path: string, set: string): Promise<PublicModel> {
  const start = await withFileSource(path, (source) => source.read(8));
  if (new TextDecoder('latin1').decode(start) === 'HERMETIC') return await sealedModel(console, path);
  const { architecture, features, provenance, weights } = await readPlainModel(path);
  return { architecture, features, provenance, weights, layout: undefined, parameters: await parameterSet(set) };
}

async function sealedModel(console: Console, path: string): Promise<PublicModel> {
  const onWarning = (message: string): void => console.warn(message);
  let parameters: CkksParameters | undefined;
  const model = await withFileSource(path, (source) =>
    readSealedModel(source, {
      onWarning,
      parametersFor: async (description, hash) => {
        parameters = await knownParameterSet(description.set, hash);
        if (parameters === undefined) throw unknownSet(description.set);
        return ciphertextParameters(parameters);
      },
    }),
  );
  if (parameters === undefined) throw unknownSet(path);
  const { features, provenance } = model;
  const { architecture, layout } = networkOf(model);
  return { architecture, features, provenance, layout, weights: undefined, parameters };
}

function unknownSet(set: string): HermeticError {
  return new HermeticError('BAD_FILE', `the parameter set ${set} is not the one known here`, {
    mend: 'Use the version of Hermetic that sealed the model.',
  });
}
