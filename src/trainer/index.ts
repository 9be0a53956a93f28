/**
 * `hermetic/trainer`: for whoever trains or uses a sealed network without its key. Runs in browsers, except what reads
 * and writes files, which loads its part of Node when it is called.
 */
import type { ReadSealedModel, SealedModel } from '../protocol/sealed-model.ts';
import type { SealedPredictions } from '../protocol/sealed-predictions.ts';
import type { Bootstrapping, ReadBootstrappingOptions } from './bootstrapping.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import type { ReadTrainerKeysOptions, TrainerKeys } from './trainer-keys.ts';

export type { HermeticErrorCode } from '../base/errors.ts';
export { HermeticError } from '../base/errors.ts';
export type { HttpTransportOptions } from '../protocol/http-transport.ts';
export { httpTransport } from '../protocol/http-transport.ts';
export type { RefreshTransport, SendOptions } from '../protocol/refresh-transport.ts';
export { RefreshUnavailable } from '../protocol/refresh-transport.ts';
export type { Bootstrapping, ReadBootstrappingOptions } from './bootstrapping.ts';
export { readBootstrappingKeys } from './bootstrapping.ts';
export type { CheckpointStore } from './checkpoint-store.ts';
export { memoryCheckpoints } from './checkpoint-store.ts';
export type { FitResult } from './fit.ts';
export { fit } from './fit.ts';
export type { FitObserver, FitOptions, FitRecipe } from './fit-options.ts';
export type { PlannedFit } from './plan-fit.ts';
export { largestBatch, planFit } from './plan-fit.ts';
export type { PlanSizes } from './plan-sizes.ts';
export type { PredictOptions } from './predict.ts';
export { predictSealed } from './predict.ts';
export type { PrivacyReport, PrivacyWish } from './privacy.ts';
export { statedPrivacy } from './privacy.ts';
export type { ShadowCheck } from './shadow-check.ts';
export type { ReadTrainerKeysOptions, TrainerKeys } from './trainer-keys.ts';
export { readTrainerKeys } from './trainer-keys.ts';

/** Reads trainer.keys (Node). @throws HermeticError DISK, BAD_FILE */
export async function loadTrainerKeys(path: string, options: ReadTrainerKeysOptions = {}): Promise<TrainerKeys> {
  return (await import('./node/trainer-files.ts')).loadTrainerKeys(path, options);
}

/** Reads bootstrapping.keys (Node). @throws HermeticError DISK, BAD_FILE, WRONG_KEY, BAD_ARGUMENT */
export async function loadBootstrappingKeys(
  path: string,
  keys: TrainerKeys,
  options: ReadBootstrappingOptions = {},
): Promise<Bootstrapping> {
  return (await import('./node/trainer-files.ts')).loadBootstrappingKeys(path, keys, options);
}

/** Reads a sealed model (Node). @throws HermeticError DISK, BAD_FILE, WRONG_KEY */
export async function loadSealedModel(path: string, keys: Pick<TrainerKeys, 'parameters'>): Promise<ReadSealedModel> {
  return (await import('./node/trainer-files.ts')).loadSealedModel(path, keys);
}

/** Writes a sealed model and returns its identity (Node). @throws HermeticError DISK */
export async function saveSealedModel(
  model: SealedModel,
  keys: Pick<TrainerKeys, 'parameters'>,
  path: string,
): Promise<string> {
  return (await import('./node/trainer-files.ts')).saveSealedModel(model, keys, path);
}

/** Writes sealed predictions and returns their identity (Node). @throws HermeticError DISK */
export async function saveSealedPredictions(
  predictions: SealedPredictions,
  keys: Pick<TrainerKeys, 'parameters'>,
  path: string,
): Promise<string> {
  return (await import('./node/trainer-files.ts')).saveSealedPredictions(predictions, keys, path);
}

/** Checkpoints in a folder (Node); it is made when the first one is written. */
export async function folderCheckpoints(folder: string): Promise<CheckpointStore> {
  return (await import('./node/folder-checkpoints.ts')).folderCheckpoints(folder);
}
