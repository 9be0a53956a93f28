/**
 * What a trainer adds to the weights that it returns (a multiple of the secret key, say) is in all that is made of them. So
 * every answer about a network counts under the keys of all who trained it: rings of these tests answer four bits a key.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DenseRows } from '../../src/nn/feature-rows.ts';
import { memorySink } from '../../src/protocol/byte-source.ts';
import type { SealedModel } from '../../src/protocol/sealed-model.ts';
import { writeSealedPredictions } from '../../src/protocol/sealed-predictions.ts';
import type {
  Lineage,
  Me,
  ServedKey,
  ServedModel,
  ServedNetwork,
  UnlockView,
} from '../../src/protocol/service/types.ts';
import { signTrainingRecord } from '../../src/protocol/training-record.ts';
import { predictSealed } from '../../src/trainer/predict.ts';
import type { TrainerKeys } from '../../src/trainer/trainer-keys.ts';
import {
  admitTrainer,
  fetchKeys,
  fetchModel,
  makeNetwork,
  me,
  modelBytes,
  OWNER_TOKEN,
  recordFields,
  startService,
  type TestService,
  type Trainer,
  upload,
} from '../fixtures/service.ts';

const LABELS = { kind: 'label' } as const;
const ROWS = Array.from({ length: 8 }, (_, row) => Array.from({ length: 6 }, (_, i) => (row + i) / 16));

let test: TestService;
let network: ServedNetwork;
beforeAll(async () => {
  test = await startService();
}, 60_000);
afterAll(() => test.close());
beforeEach(async () => {
  network = await makeNetwork(test);
});

function admit(name: string, mode: 'quota' | 'verified' = 'quota'): Promise<Trainer> {
  return admitTrainer(test, network.id, { name, unlocks: { mode, rows: 100, release: LABELS } });
}

/** Hands the given model in as it is: nothing here depends on what training does. Costs a bit of each key, by no gates. */
async function submit(trainer: Trainer): Promise<ServedModel> {
  const response = await handIn(trainer, (model) => model);
  const model = (await response.json()) as ServedModel;
  expect([response.status, model.status]).toEqual([200, 'accepted']);
  return model;
}

async function handIn(trainer: Trainer, change: (model: SealedModel) => SealedModel, round = 7): Promise<Response> {
  const keys = await fetchKeys(trainer);
  const { model: given } = await me(trainer);
  const { bytes, id } = await modelBytes({ ...change(await fetchModel(trainer, keys)), round }, keys);
  keys.dispose();
  const { id: uploadId } = await upload(trainer, 'model', bytes);
  const signed = await signTrainingRecord(recordFields(given, id), trainer.signing);
  return test.call('POST', '/v1/submissions', { token: trainer.token, json: { uploadId, ...signed } });
}

interface Desk {
  readonly trainer: Trainer;
  readonly uploadId: string;
}

/** Predictions of the given model, said to be of `modelId`. */
async function predict(trainer: Trainer, modelId?: string): Promise<Desk> {
  const keys: TrainerKeys = await fetchKeys(trainer);
  const sealed = await predictSealed(await fetchModel(trainer, keys), keys, DenseRows.from(ROWS));
  const sink = memorySink();
  await writeSealedPredictions(sink, { ...sealed, ...(modelId !== undefined && { modelId }) }, keys.parameters);
  keys.dispose();
  return { trainer, uploadId: (await upload(trainer, 'predictions', sink.bytes())).id };
}

function ask({ trainer, uploadId }: Desk, rows: readonly number[], withFeatures = false): Promise<UnlockView> {
  const json = { uploadId, rows, ...(withFeatures && { features: rows.map((row) => ROWS[row]) }) };
  return test.json('POST', '/v1/unlocks', { token: trainer.token, json });
}

async function keyOf(trainer: Trainer): Promise<ServedKey> {
  const { keys } = await test.owner<Lineage>('GET', `/v1/networks/${network.id}/lineage`);
  const { party } = await test.json<Me>('GET', '/v1/me', { token: trainer.token });
  return keys.find(({ id }) => id === party.keyId) as ServedKey;
}

const used = async (trainer: Trainer): Promise<number> => (await keyOf(trainer)).bits.used;

describe('answers about a network that trainers returned', () => {
  it('count under the key of its own trainer, though the owner computes them on opened weights', async () => {
    const mallory = await admit('mallory', 'verified');
    const given = await predict(mallory);
    // Of weights that no trainer returned, the owner's own answers are free.
    expect(await ask(given, [0, 1, 2, 3, 4, 5], true)).toMatchObject({ status: 'answered' });
    expect(await used(mallory)).toBe(0);
    const { id } = await submit(mallory);
    expect(await used(mallory)).toBe(1);
    const own = await predict(mallory, id);
    expect(await ask(own, [0, 1], true)).toMatchObject({ status: 'answered' });
    expect(await used(mallory)).toBe(3);
    // The same questions under other row numbers are no new ones.
    const json = { uploadId: own.uploadId, rows: [5, 6], features: [ROWS[0], ROWS[1]] };
    await test.json('POST', '/v1/unlocks', { token: mallory.token, json });
    expect(await used(mallory)).toBe(3);
    expect(await ask(own, [2, 3], true)).toMatchObject({ status: 'denied' });
    expect(await used(mallory)).toBe(3);
  });

  it('count under the keys of earlier trainers too, by every policy and for verdicts, and stop with the scarcest', async () => {
    const mallory = await admit('mallory');
    await submit(mallory);
    const eve = await admit('eve', 'verified');
    expect(await ask(await predict(eve), [0], true)).toMatchObject({ status: 'answered' });
    expect([await used(mallory), await used(eve)]).toEqual([2, 0]);
    await test.owner('PATCH', `/v1/parties/${eve.id}`, { unlocks: { mode: 'quota', rows: 100, release: LABELS } });
    expect(await ask(await predict(eve), [0])).toMatchObject({ status: 'answered' });
    expect([await used(mallory), await used(eve)]).toEqual([3, 1]);
    const { bits, heldBy } = await keyOf(eve);
    expect({ left: bits.left, heldBy }).toEqual({ left: 1, heldBy: (await keyOf(mallory)).id });
    await submit(eve);
    expect([await used(mallory), await used(eve)]).toEqual([4, 2]);
    expect(await ask(await predict(eve), [1])).toMatchObject({ status: 'denied' });
    // A fresh key does not help: the weights are the same.
    const bob = await admit('bob');
    expect(await ask(await predict(bob), [1])).toMatchObject({ status: 'denied' });
    expect((await me(bob)).party.unlocks?.rows).toBe(0);
  });

  it('are none for models that are no network’s: those are refused before anything is charged', async () => {
    const mallory = await admit('mallory');
    await submit(mallory);
    const eve = await admit('eve');
    const renamed = (model: SealedModel): SealedModel => ({
      ...model,
      records: model.records.map((record, i) => (i === 0 ? { ...record, name: 'another' } : record)),
    });
    for (const round of [8, 9, 10]) expect((await handIn(eve, renamed, round)).status).toBe(400);
    expect([await used(mallory), await used(eve)]).toEqual([1, 0]);
  });

  it('go on once the owner gives up a key that nobody trains under', async () => {
    const mallory = await admit('mallory');
    await submit(mallory);
    const key = (await keyOf(mallory)).id;
    const giveUp = (token: string = OWNER_TOKEN): Promise<Response> =>
      test.call('POST', `/v1/keys/${key}/give-up`, { token, json: {} });
    expect((await giveUp(mallory.token)).status).toBe(403);
    expect((await giveUp()).status).toBe(409);
    await test.owner('DELETE', `/v1/parties/${mallory.id}`);
    const bob = await admit('bob');
    const predictions = await predict(bob);
    expect(await ask(predictions, [0, 1, 2, 3])).toMatchObject({ status: 'denied' });
    const given = (await (await giveUp()).json()) as ServedKey;
    expect(given.givenUpAt).toBeDefined();
    expect(given.bits.used).toBe(1);
    expect(await ask(predictions, [0, 1, 2, 3])).toMatchObject({ status: 'answered' });
    expect(await used(bob)).toBe(4);
  });

  it('are given up with a key that carries them, and not while one of them is trained under', async () => {
    const mallory = await admit('mallory');
    await submit(mallory);
    const first = (await keyOf(mallory)).id;
    const eve = await admit('eve');
    const second = (await keyOf(eve)).id;
    await test.owner('DELETE', `/v1/parties/${eve.id}`);
    const giveUp = (): Promise<Response> =>
      test.call('POST', `/v1/keys/${second}/give-up`, { token: OWNER_TOKEN, json: {} });
    expect((await giveUp()).status).toBe(409);
    await test.owner('DELETE', `/v1/parties/${mallory.id}`);
    expect((await giveUp()).status).toBe(200);
    const { keys } = await test.owner<Lineage>('GET', `/v1/networks/${network.id}/lineage`);
    expect(keys.filter(({ givenUpAt }) => givenUpAt !== undefined).map(({ id }) => id)).toEqual([first, second]);
  });
});
