/** The owner's files on Node: keys with mode 0600, atomic renames. */
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { withFileSource } from '../../protocol/node/file-source.ts';
import {
  type ReadSealedModel,
  readSealedModel,
  type SealedModel,
  writeSealedModel,
} from '../../protocol/sealed-model.ts';
import { type ReadSealedPredictions, readSealedPredictions } from '../../protocol/sealed-predictions.ts';
import type { PassphraseOptions } from '../../protocol/secret/passphrase.ts';
import { type BootstrappingKeysOptions, writeBootstrappingKeys } from '../bootstrapping-keys.ts';
import { type ReadOwnerKeysOptions, readOwnerKeys, writeOwnerKeys, writeTrainerKeys } from '../key-file.ts';
import type { CreatedKeys, OwnerKeys } from '../owner-keys.ts';

/** Writes owner.key, readable by its owner alone. @throws HermeticError DISK, BAD_ARGUMENT for an empty passphrase */
export async function saveOwnerKeys(
  keys: OwnerKeys,
  path: string,
  options: PassphraseOptions & { readonly passphrase: string },
): Promise<void> {
  const { passphrase, ...rest } = options;
  await writeFileAtomically(path, (sink) => writeOwnerKeys(sink, keys, passphrase, rest), { mode: 0o600 });
}

/** Reads owner.key. @throws HermeticError DISK, WRONG_PASSPHRASE; BAD_FILE, also where others may read the file */
export function loadOwnerKeys(
  path: string,
  options: ReadOwnerKeysOptions & { readonly passphrase: string },
): Promise<OwnerKeys> {
  const { passphrase, ...rest } = options;
  return withFileSource(path, (source) => readOwnerKeys(source, passphrase, rest), { requirePrivate: true });
}

/** Writes trainer.keys. @throws HermeticError DISK */
export async function saveTrainerKeys(keys: CreatedKeys, path: string): Promise<void> {
  await writeFileAtomically(path, (sink) => writeTrainerKeys(sink, keys));
}

/** Writes bootstrapping.keys, one key at a time. @throws HermeticError DISK, BAD_ARGUMENT */
export async function saveBootstrappingKeys(
  keys: OwnerKeys,
  path: string,
  options: BootstrappingKeysOptions = {},
): Promise<void> {
  await writeFileAtomically(path, (sink) => writeBootstrappingKeys(sink, keys, options));
}

/** Writes a sealed model and returns its identity. @throws HermeticError DISK */
export function saveSealedModel(
  model: SealedModel,
  keys: Pick<OwnerKeys, 'parameters'>,
  path: string,
): Promise<string> {
  return writeFileAtomically(path, (sink) => writeSealedModel(sink, model, keys.parameters));
}

/** @throws HermeticError DISK, BAD_FILE, WRONG_KEY for another parameter set */
export function loadSealedModel(path: string, keys: Pick<OwnerKeys, 'parameters'>): Promise<ReadSealedModel> {
  return withFileSource(path, (source) => readSealedModel(source, { parametersFor: () => keys.parameters }));
}

/** @throws HermeticError DISK, BAD_FILE, WRONG_KEY for another parameter set */
export function loadSealedPredictions(
  path: string,
  keys: Pick<OwnerKeys, 'parameters'>,
): Promise<ReadSealedPredictions> {
  return withFileSource(path, (source) => readSealedPredictions(source, { parametersFor: () => keys.parameters }));
}
