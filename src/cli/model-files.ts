/** Plain models on the disk, and what a mistaken file is. */

import { HermeticError } from '../base/errors.ts';
import { parseFeatureSettings } from '../data/parse-settings.ts';
import type { FeatureSettings } from '../data/settings.ts';
import { type PlainModel, readModelFile, writeModelFile } from '../protocol/model-file.ts';
import { writeFileAtomically } from '../protocol/node/atomic-file.ts';
import { withFileSource } from '../protocol/node/file-source.ts';

/** HermeticError DISK, BAD_FILE. */
export async function readPlainModel(path: string): Promise<PlainModel> {
  const bytes = await withFileSource(path, (source) => source.read(source.size));
  if (new TextDecoder('latin1').decode(bytes.subarray(0, 8)) === 'HERMETIC') {
    throw new HermeticError('BAD_FILE', `${path} is sealed, or a key`, {
      expected: 'a plain model (safetensors)',
      mend: `hermetic inspect ${path} tells what it is; its owner opens a sealed model with hermetic open.`,
    });
  }
  return readModelFile(bytes);
}

/** Puts the model in place as a whole or not at all, for its owner's eyes alone. HermeticError DISK. */
export async function writePlainModel(path: string, model: PlainModel): Promise<number> {
  const bytes = writeModelFile(model);
  await writeFileAtomically(path, (sink) => sink.write(bytes), { mode: 0o600 });
  return bytes.length;
}

/** How rows become features, as the model says. HermeticError BAD_FILE where it does not. */
export function featureSettingsOf(model: Pick<PlainModel, 'features'>, path: string): FeatureSettings {
  if (model.features !== null) return parseFeatureSettings(model.features);
  throw new HermeticError('BAD_FILE', `${path} does not say how rows become features`, {
    mend: 'Make the model with hermetic init.',
  });
}
