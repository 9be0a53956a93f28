/** A teaching scheme's part of a demonstration on disk: what a trainer would hold, and nothing secret. */

import { join } from 'node:path';
import type { LayerCiphertexts } from '../../nn/sealed/layer-ciphertexts.ts';
import { nameCiphertexts } from '../../nn/sealed/layer-ciphertexts.ts';
import type { TrainingPlan } from '../../nn/sealed/plan.ts';
import { layoutJson } from '../../protocol/layout-json.ts';
import type { PlainModel } from '../../protocol/model-file.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { withFileSource } from '../../protocol/node/file-source.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import {
  readTeachingKeys,
  readTeachingModel,
  requireDemonstration,
  type TeachingKeys,
  type TeachingModel,
  writeTeachingKeys,
  writeTeachingModel,
} from '../../protocol/teaching-files.ts';
import type { SlotCiphertext } from '../../schemes/scheme.ts';
import type { TeachingFiles } from './party.ts';

export const PUBLIC_KEYS = 'public.keys';
export const SEALED_MODEL = 'model.sealed';

export interface TeachingNetwork<C extends SlotCiphertext> {
  readonly model: PlainModel;
  readonly plan: Pick<TrainingPlan, 'architecture' | 'layout' | 'slots'>;
  readonly weights: readonly LayerCiphertexts<C>[];
  readonly demonstration: boolean;
}

/** Writes both files. HermeticError DISK; POLICY_DENIED for a model that is not marked a demonstration. */
export async function writeTeachingFiles<C extends SlotCiphertext>(
  folder: string,
  files: TeachingFiles<C>,
  { model, plan, weights, demonstration }: TeachingNetwork<C>,
): Promise<void> {
  const { scheme } = files;
  const { architecture, layout, slots } = plan;
  requireDemonstration(scheme, demonstration);
  await makeFolder(folder);
  const keyId = await writeFileAtomically(join(folder, PUBLIC_KEYS), (sink) =>
    writeTeachingKeys(sink, { scheme, slots, keys: files.keys() }),
  );
  const ciphertexts = nameCiphertexts(architecture, layout, weights).map(({ name, ciphertext }) => ({
    name,
    ...files.ciphertext(ciphertext),
  }));
  const { features, provenance } = model;
  await writeFileAtomically(join(folder, SEALED_MODEL), (sink) =>
    writeTeachingModel(sink, {
      ...{ scheme, keyId, slots, demonstration, architecture, features, provenance, ciphertexts },
      packing: layoutJson(layout),
    }),
  );
}

/** HermeticError BAD_FILE, DISK. */
export async function readTeachingFiles(
  folder: string,
  onWarning: (message: string) => void,
): Promise<{ readonly keys: TeachingKeys; readonly model: TeachingModel }> {
  const keys = await withFileSource(join(folder, PUBLIC_KEYS), (source) =>
    readTeachingKeys(source, { onWarning: () => {} }),
  );
  const model = await withFileSource(join(folder, SEALED_MODEL), (source) => readTeachingModel(source, { onWarning }));
  return { keys, model };
}
