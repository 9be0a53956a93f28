/** A trainer's files on Node. */
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { withFileSource } from '../../protocol/node/file-source.ts';
import {
  type ReadSealedModel,
  readSealedModel,
  type SealedModel,
  writeSealedModel,
} from '../../protocol/sealed-model.ts';
import { type SealedPredictions, writeSealedPredictions } from '../../protocol/sealed-predictions.ts';
import { type Bootstrapping, type ReadBootstrappingOptions, readBootstrappingKeys } from '../bootstrapping.ts';
import { type ReadTrainerKeysOptions, readTrainerKeys, type TrainerKeys } from '../trainer-keys.ts';

/** Reads trainer.keys. @throws HermeticError DISK, BAD_FILE */
export function loadTrainerKeys(path: string, options: ReadTrainerKeysOptions = {}): Promise<TrainerKeys> {
  return withFileSource(path, (source) => readTrainerKeys(source, options));
}

/** Reads bootstrapping.keys. @throws HermeticError DISK, BAD_FILE, WRONG_KEY, BAD_ARGUMENT */
export function loadBootstrappingKeys(
  path: string,
  keys: TrainerKeys,
  options: ReadBootstrappingOptions = {},
): Promise<Bootstrapping> {
  return withFileSource(path, (source) => readBootstrappingKeys(source, keys, options));
}

/** @throws HermeticError DISK, BAD_FILE, WRONG_KEY for another parameter set */
export function loadSealedModel(path: string, keys: Pick<TrainerKeys, 'parameters'>): Promise<ReadSealedModel> {
  return withFileSource(path, (source) => readSealedModel(source, { parametersFor: () => keys.parameters }));
}

/** Writes a sealed model and returns its identity. @throws HermeticError DISK */
export function saveSealedModel(
  model: SealedModel,
  keys: Pick<TrainerKeys, 'parameters'>,
  path: string,
): Promise<string> {
  return writeFileAtomically(path, (sink) => writeSealedModel(sink, model, keys.parameters));
}

/** Writes predictions and returns their identity. @throws HermeticError DISK */
export function saveSealedPredictions(
  predictions: SealedPredictions,
  keys: Pick<TrainerKeys, 'parameters'>,
  path: string,
): Promise<string> {
  return writeFileAtomically(path, (sink) => writeSealedPredictions(sink, predictions, keys.parameters));
}
