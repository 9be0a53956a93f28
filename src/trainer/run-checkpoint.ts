/** A training run at rest: which run, how far, under which settings, and the ciphertexts it goes on from. */
import { bytesToHex } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import type { SealedNetwork } from '../nn/sealed/sealed-network.ts';
import type { SealedState } from '../nn/sealed/training-loop.ts';
import { type ReadCheckpoint, readCheckpoint, writeCheckpoint } from '../protocol/checkpoint.ts';
import type { ReadSealedModel } from '../protocol/sealed-model.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import { type CheckpointStore, loadNewest, saveCheckpoint } from './checkpoint-store.ts';
import { parseSettings, type RunSettings, settingsJson } from './run-settings.ts';
import { loadWeights, storeWeights } from './sealed-weights.ts';
import { requireTrainerKey, type TrainerKeys } from './trainer-keys.ts';

export interface RunIdentity {
  /** The run's name: the owner's books know it by it. */
  readonly run: string;
  readonly settings: RunSettings;
}

export interface StoredRun extends RunIdentity {
  readonly step: number;
  /** Makes the ciphertexts; they are the caller's. */
  load(keys: TrainerKeys, network: SealedNetwork): SealedState<Ciphertext>;
}

const VELOCITY = 'velocity:';

/**
 * The newest checkpoint that can be read, if there is one.
 * @throws HermeticError WRONG_KEY, BAD_FILE; BAD_ARGUMENT for that of another model
 */
export async function findRun(
  store: CheckpointStore,
  keys: TrainerKeys,
  model: ReadSealedModel,
  onWarning: (message: string) => void,
): Promise<StoredRun | undefined> {
  const read = async (source: Parameters<typeof readCheckpoint>[0]): Promise<StoredRun> => {
    const checkpoint = await readCheckpoint(source, { parametersFor: () => keys.parameters, onWarning: () => {} });
    requireTrainerKey(keys, checkpoint.keyId, 'the checkpoint');
    if (checkpoint.modelId !== model.modelId) throw otherModel();
    return storedRun(checkpoint, parseSettings(checkpoint.state));
  };
  return loadNewest(store, read, onWarning);
}

function storedRun({ run, step, records }: ReadCheckpoint, settings: RunSettings): StoredRun {
  return {
    run,
    step,
    settings,
    load: ({ context }, network) => {
      const velocities = records.filter(({ name }) => name.startsWith(VELOCITY));
      const plain = velocities.map((record) => ({ ...record, name: record.name.slice(VELOCITY.length) }));
      const weights = records.filter(({ name }) => !name.startsWith(VELOCITY));
      return {
        step,
        weights: loadWeights(context, network, weights),
        velocities: plain.length === 0 ? undefined : loadWeights(context, network, plain),
      };
    },
  };
}

/** Writes the state; returns when it is safely in the store. */
export async function saveRun(
  store: CheckpointStore,
  keys: TrainerKeys,
  model: ReadSealedModel,
  identity: RunIdentity,
  network: SealedNetwork,
  state: SealedState<Ciphertext>,
): Promise<void> {
  const { architecture, layout } = network;
  const weights = storeWeights(architecture, layout, state.weights);
  const moving = state.velocities === undefined ? [] : storeWeights(architecture, layout, state.velocities);
  const velocities = moving.map((record) => ({ ...record, name: VELOCITY + record.name }));
  const checkpoint = {
    run: identity.run,
    step: state.step,
    keyId: keys.keyId,
    modelId: model.modelId,
    state: settingsJson(identity.settings),
    records: [...weights, ...velocities],
  };
  await saveCheckpoint(store, state.step, async (sink) => {
    await writeCheckpoint(sink, checkpoint, keys.parameters);
  });
}

/** 128 random bits: what the owner's books know a run by. */
export function newRunName(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(16)));
}

function otherModel(): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'the checkpoint belongs to a run on another sealed model', {
    mend: 'Name the model that the run began with to go on, or another checkpoint folder to start anew.',
  });
}
