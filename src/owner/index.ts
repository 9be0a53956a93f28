/**
 * `hermetic/owner`: for whoever holds the secret key. Makes keys, seals and opens networks, unlocks predictions, gives a
 * network another key, answers blinded refreshes. Runs in browsers, except what reads and writes files, which loads its
 * part of Node when it is called.
 */

import type { ReadSealedModel, SealedModel } from '../protocol/sealed-model.ts';
import type { ReadSealedPredictions } from '../protocol/sealed-predictions.ts';
import type { PassphraseOptions } from '../protocol/secret/passphrase.ts';
import type { BootstrappingKeysOptions } from './bootstrapping-keys.ts';
import type { ReadOwnerKeysOptions } from './key-file.ts';
import type { CreatedKeys, OwnerKeys } from './owner-keys.ts';
import type { UnlockLedger } from './unlock-ledger.ts';

export type { HermeticErrorCode } from '../base/errors.ts';
export { HermeticError } from '../base/errors.ts';
export type { PlainModel } from '../protocol/model-file.ts';
export { describeInitialization } from '../protocol/provenance.ts';
export type { BootstrappingKeysOptions } from './bootstrapping-keys.ts';
export { writeBootstrappingKeys } from './bootstrapping-keys.ts';
export type { GatedRound } from './gates.ts';
export { type HeldOutFigures, heldOutAccuracy, heldOutFigures, heldOutLoss, passedAll, runGates } from './gates.ts';
export type { ReadOwnerKeysOptions } from './key-file.ts';
export { readOwnerKeys, writeOwnerKeys, writeTrainerKeys } from './key-file.ts';
export type { CreatedKeys, CreateKeysOptions, OwnerKeys } from './owner-keys.ts';
export { createKeys } from './owner-keys.ts';
export { createRefreshService } from './owner-refresh.ts';
export { plainModel } from './plain-model.ts';
export type { PartyAccount } from './refresh-ledger.ts';
export type { RefreshEvent, RefreshServiceOptions } from './refresh-service.ts';
export { RefreshService } from './refresh-service.ts';
export type { LabelRelease, Release, ReleasedRow, RoundedRelease } from './release.ts';
export { DEFAULT_RELEASED_BITS, MAX_RELEASED_BITS } from './release.ts';
export type { SealOptions } from './seal.ts';
export { DEFAULT_BATCH, open, rekey, seal } from './seal.ts';
export type { UnlockedRow, UnlockOptions } from './unlock.ts';
export { unlockPredictions } from './unlock.ts';
export type {
  CountedKey,
  LimitedParameters,
  UnlockAccount,
  UnlockAnswer,
  UnlockBook,
  UnlockEntries,
} from './unlock-ledger.ts';
export { UnlockLedger, unlockLimit } from './unlock-ledger.ts';
export type { OwnedModel, RowAccount, UnlockAsk, UnlockDecision, UnlockMeans } from './unlock-policy.ts';
export { approveUnlock, decideUnlock, unlockForParty } from './unlock-policy.ts';

/** Writes owner.key under a passphrase, mode 0600 (Node). */
export async function saveOwnerKeys(
  keys: OwnerKeys,
  path: string,
  options: PassphraseOptions & { readonly passphrase: string },
): Promise<void> {
  return (await import('./node/owner-files.ts')).saveOwnerKeys(keys, path, options);
}

/** Reads owner.key (Node). @throws HermeticError WRONG_PASSPHRASE, BAD_FILE, DISK */
export async function loadOwnerKeys(
  path: string,
  options: ReadOwnerKeysOptions & { readonly passphrase: string },
): Promise<OwnerKeys> {
  return (await import('./node/owner-files.ts')).loadOwnerKeys(path, options);
}

/**
 * Opens the ledger of what is unlocked under a key: owner.key.unlocks beside owner.key (Node). Where there is none yet,
 * nothing was. @throws HermeticError DISK; what it throws when it is used stands at `fileUnlockBook`
 */
export async function openUnlockLedger(ownerKeyPath: string): Promise<UnlockLedger> {
  return (await import('./node/unlock-book.ts')).openUnlockLedger(ownerKeyPath);
}

/**
 * Notes, before `rekey`, that answers about a network count under the key that it had as well: what a trainer returned may
 * carry it (`UnlockLedger`, "Whose bits"). From then on `openUnlockLedger` of the new key charges both. (Node)
 * @throws HermeticError DISK, BAD_FILE
 */
export async function carryUnlocks(
  from: { readonly path: string; readonly keyId: string },
  toPath: string,
): Promise<void> {
  return (await import('./node/unlock-book.ts')).carryUnlocks(from, toPath);
}

/** Writes trainer.keys (Node). @throws HermeticError DISK */
export async function saveTrainerKeys(keys: CreatedKeys, path: string): Promise<void> {
  return (await import('./node/owner-files.ts')).saveTrainerKeys(keys, path);
}

/** Writes bootstrapping.keys, one key at a time (Node). @throws HermeticError DISK, BAD_ARGUMENT */
export async function saveBootstrappingKeys(
  keys: OwnerKeys,
  path: string,
  options: BootstrappingKeysOptions = {},
): Promise<void> {
  return (await import('./node/owner-files.ts')).saveBootstrappingKeys(keys, path, options);
}

/** Writes a sealed model and returns its identity (Node). @throws HermeticError DISK */
export async function saveSealedModel(
  model: SealedModel,
  keys: Pick<OwnerKeys, 'parameters'>,
  path: string,
): Promise<string> {
  return (await import('./node/owner-files.ts')).saveSealedModel(model, keys, path);
}

/** Reads a sealed model (Node). @throws HermeticError DISK, BAD_FILE, WRONG_KEY */
export async function loadSealedModel(path: string, keys: Pick<OwnerKeys, 'parameters'>): Promise<ReadSealedModel> {
  return (await import('./node/owner-files.ts')).loadSealedModel(path, keys);
}

/** Reads sealed predictions (Node). @throws HermeticError DISK, BAD_FILE, WRONG_KEY */
export async function loadSealedPredictions(
  path: string,
  keys: Pick<OwnerKeys, 'parameters'>,
): Promise<ReadSealedPredictions> {
  return (await import('./node/owner-files.ts')).loadSealedPredictions(path, keys);
}
