/** Keys and what is sealed under them when they are made: networks, and models handed to a party. */
import { utf8ToBytes } from '../../base/bytes.ts';
import type { Architecture } from '../../nn/architecture.ts';
import { initialWeights } from '../../nn/initializers.ts';
import { constant } from '../../nn/schedules.ts';
import { planTraining } from '../../nn/sealed/plan.ts';
import { writeBootstrappingKeys } from '../../owner/bootstrapping-keys.ts';
import { heldOutFigures } from '../../owner/gates.ts';
import { writeTrainerKeys } from '../../owner/key-file.ts';
import type { CreatedKeys } from '../../owner/owner-keys.ts';
import { DEFAULT_BATCH, rekey, seal } from '../../owner/seal.ts';
import type { JsonValue } from '../../protocol/json.ts';
import type { PlainModel } from '../../protocol/model-file.ts';
import { describeInitialization } from '../../protocol/provenance.ts';
import { type SealedModel, writeSealedModel } from '../../protocol/sealed-model.ts';
import type { CreateNetwork } from '../../protocol/service/types.ts';
import type { CkksParameters } from '../../schemes/ckks/parameters.ts';
import { asArgument, problem } from '../problems.ts';
import type { Argument, Handed } from './jobs.ts';
import { heldOutData, type NetworkPlan, planNetwork } from './network-plan.ts';
import { loadModel } from './opening.ts';
import { knownSet } from './parameter-sets.ts';
import type { Done, Room } from './room.ts';

export async function makeNetwork(room: Room, { wish, set }: Argument<'makeNetwork'>): Done<'makeNetwork'> {
  const { heldOutCsv } = wish;
  const plan = await planNetwork(wish);
  const { settings, architecture, training } = plan;
  const batch = batchOf(wish, plan);
  const heldOut = heldOutCsv === undefined ? undefined : heldOutData(heldOutCsv, settings);
  requireTrainable(await knownSet(set), architecture, batch);
  const plain = plainModelOf(plan);
  const handed = await createKey(room, set, async (keys) => asArgument(() => seal(plain, keys, { batch })));
  const rows = heldOutCsv === undefined ? undefined : await room.blobs.putBytes(utf8ToBytes(heldOutCsv));
  return {
    ...handed,
    batch,
    architecture: JSON.stringify(architecture),
    settings: JSON.stringify(settings),
    training: training === undefined ? undefined : JSON.stringify(training),
    rows,
    heldOutRows: heldOut?.features.rows ?? 0,
    figures: heldOutFigures(architecture, plain.weights, heldOut),
  };
}

export async function handOut(room: Room, { model, keyId, set }: Argument<'handOut'>): Done<'handOut'> {
  const sealed = await loadModel(room, model);
  return createKey(room, set, (created) => room.keys.use(keyId, (from) => rekey(sealed, from, created)));
}

/**
 * Makes a key, stores what trainers get of it, and the model that is sealed under it. Takes from seconds to minutes, and much
 * memory: one is made after another.
 */
function createKey(room: Room, set: string, sealFor: (keys: CreatedKeys) => Promise<SealedModel>): Promise<Handed> {
  const { keys, blobs, sequence } = room;
  return sequence.of('new key', () =>
    keys.create(set, async (created) => {
      const sealed = await sealFor(created);
      const { result: id, ...file } = await blobs.put((sink) => writeSealedModel(sink, sealed, created.parameters));
      const { result: _, ...trainerKeys } = await blobs.put((sink) => writeTrainerKeys(sink, created));
      const bootstraps = created.context.parameters.bootstrapping !== undefined;
      const bootstrapping = bootstraps ? await blobs.put((sink) => writeBootstrappingKeys(sink, created)) : undefined;
      const key = { keyId: created.keyId, set, trainerKeys, bootstrappingKeys: bootstrapping };
      return { key, model: { ...file, id } };
    }),
  );
}

/** A power of two, so that rows fit slots. */
function batchOf({ batch }: CreateNetwork, { training }: NetworkPlan): number {
  const wanted = batch ?? training?.batch ?? DEFAULT_BATCH;
  if (Number.isInteger(Math.log2(wanted))) return wanted;
  throw problem(400, 'BAD_ARGUMENT', 'this is no batch', { expected: 'a power of two', got: `${wanted}` });
}

/** A set whose levels no step of this network fits is found out now, and not by the first trainer. PLAN_REFUSED. */
function requireTrainable({ slots, maxLevel }: CkksParameters, architecture: Architecture, batch: number): void {
  const step = { loss: 'delta', learningRate: 1, momentum: 0.9, nesterov: true, weightDecay: 0 } as const;
  const recipe = { ...step, schedule: constant(), batch, steps: 1, firstStep: 0, seed: 1 };
  planTraining(architecture, recipe, { slots, maxLevel, refreshMode: 'owner' });
}

function plainModelOf({ architecture, initializers, settings }: NetworkPlan): PlainModel {
  return {
    architecture,
    weights: initialWeights(architecture, initializers),
    features: settings as unknown as JsonValue,
    provenance: [describeInitialization(initializers)],
  };
}
