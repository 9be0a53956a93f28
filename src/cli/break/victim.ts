/** An owner to attack: keys, a small network sealed under them, and what the attacker reads in the files. */
import { fitsPublicKey } from '../../attacks/ternary.ts';
import type { UnlockTarget } from '../../attacks/unlock-key.ts';
import { initialWeights, scaledNormal } from '../../nn/initializers.ts';
import { parseArchitecture } from '../../nn/layer-spec.ts';
import { type CreatedKeys, createKeys, restoreKeys } from '../../owner/owner-keys.ts';
import { open, seal } from '../../owner/seal.ts';
import { memorySink } from '../../protocol/byte-source.ts';
import type { PlainModel } from '../../protocol/model-file.ts';
import { describeInitialization } from '../../protocol/provenance.ts';
import { type SealedModel, writeSealedModel } from '../../protocol/sealed-model.ts';
import { type GuessScore, scoreGuess } from './trial.ts';

export interface Victim {
  readonly keys: CreatedKeys;
  readonly model: PlainModel;
  readonly sealed: SealedModel;
  /** What files tell the attacker. */
  readonly target: UnlockTarget;
  /** How good a guess at the key is. */
  score(guess: Int8Array): GuessScore & { readonly opened: boolean };
  dispose(): void;
}

const NO_EVALUATION_KEYS = { rotations: [], conjugation: false, relinearization: false };

/** @throws HermeticError BAD_ARGUMENT for an unknown set */
export async function makeVictim(set: string, threads: number | undefined): Promise<Victim> {
  const keys = await createKeys({ set, needs: NO_EVALUATION_KEYS, ...(threads !== undefined && { threads }) });
  const model = smallModel();
  const sealed = seal(model, keys, { batch: 32 });
  const modelId = await writeSealedModel(memorySink(), sealed, keys.parameters);
  const { context, keyId, publicKey } = keys;
  return {
    keys,
    model,
    sealed,
    target: { context, keyId, modelId },
    score: (guess) => ({
      ...scoreGuess(new Int8Array(keys.secret.toBytes()), guess),
      opened: fitsPublicKey(context, publicKey, guess),
    }),
    dispose: () => keys.dispose(),
  };
}

function smallModel(): PlainModel {
  const architecture = parseArchitecture('4:square,1:lin4', 12);
  const initializers = architecture.layers.map(() => scaledNormal({ scale: 0.7 }));
  const weights = initialWeights(architecture, initializers);
  return { architecture, weights, features: null, provenance: [describeInitialization(initializers)] };
}

/** The weights of the sealed model as whoever holds this key reads them. */
export async function openWith({ keys, sealed }: Victim, key: Int8Array): Promise<PlainModel> {
  const stolen = await restoreKeys(keys.context.parameters, keys.keyId, new Uint8Array(key.buffer), 1);
  try {
    return open(sealed, stolen);
  } finally {
    stolen.dispose();
  }
}
