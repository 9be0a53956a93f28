/** A network, a trainer and a round through the owner's service: every leg over its API, against the twin in the clear. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseCsv } from '../../src/data/csv.ts';
import { applyTable } from '../../src/data/features.ts';
import { parseFeatureSettings } from '../../src/data/parse-settings.ts';
import type { TrainingRecipe } from '../../src/nn/architecture.ts';
import { evaluateData } from '../../src/nn/evaluation.ts';
import type { TrainingData } from '../../src/nn/feature-rows.ts';
import { Sequential } from '../../src/nn/model.ts';
import { unlockLimit } from '../../src/owner/unlock-ledger.ts';
import { memorySink } from '../../src/protocol/byte-source.ts';
import { httpTransport } from '../../src/protocol/http-transport.ts';
import { readModelFile } from '../../src/protocol/model-file.ts';
import { writeSealedPredictions } from '../../src/protocol/sealed-predictions.ts';
import type {
  AuditPage,
  Lineage,
  Overview,
  ServedModel,
  ServedNetwork,
  UnlockView,
} from '../../src/protocol/service/types.ts';
import { createSigningKey } from '../../src/protocol/signing-key.ts';
import { commitToData, type RecordFields, SALT_BYTES, signTrainingRecord } from '../../src/protocol/training-record.ts';
import { fit as fitSealed } from '../../src/trainer/fit.ts';
import { predictSealed } from '../../src/trainer/predict.ts';
import { largestDifference, recipe, twin } from '../fixtures/sealed-round.ts';
import {
  admitTrainer,
  csv,
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

let test: TestService;
let network: ServedNetwork;
beforeAll(async () => {
  test = await startService();
}, 60_000);
// Verdicts on a network count under the keys of all who trained it before, and small rings answer four bits.
beforeEach(async () => {
  network = await makeNetwork(test, { heldOutCsv: csv(40, 9) });
});
afterAll(() => test.close());

interface Trained {
  readonly uploadId: string;
  readonly fields: RecordFields;
}

/** Enough steps that what is learned does not hang on the first weights, which are drawn anew each time. */
const thorough: TrainingRecipe = { ...recipe, steps: 12, schedule: { kind: 'linear', decaySteps: 24 } };

/** Trains on the trainer's rows and uploads the model. */
async function trainAndUpload(trainer: Trainer, rows: string, how: TrainingRecipe = recipe): Promise<Trained> {
  const keys = await fetchKeys(trainer);
  const model = await fetchModel(trainer, keys);
  const data = dataOf(rows, model.features);
  const send = ((url: URL, init: RequestInit) => trainer.test.service.app.request(url.pathname, init)) as typeof fetch;
  const refresh = httpTransport({ url: 'http://127.0.0.1:1', token: trainer.token, fetch: send });
  const result = await fitSealed(model, keys, data, { recipe: how, refresh, skipShadowRun: true });
  const { bytes, id } = await modelBytes(result.model, keys);
  keys.dispose();
  const { model: given } = await me(trainer);
  const fields: RecordFields = {
    previous: given.recordDigest ?? null,
    parentModel: given.id,
    model: id,
    keyId: given.keyId,
    run: result.run,
    steps: how.steps,
    rows: data.features.rows,
    recipe: how,
    dataCommitment: await commitToData('00'.repeat(32), new Uint8Array(SALT_BYTES)),
    createdAt: new Date().toISOString(),
  };
  const { id: uploadId } = await upload(trainer, 'model', bytes);
  return { uploadId, fields };
}

async function submit(trainer: Trainer, { uploadId, fields }: Trained): Promise<ServedModel> {
  const signed = await signTrainingRecord(fields, trainer.signing);
  return test.json('POST', '/v1/submissions', { token: trainer.token, json: { uploadId, ...signed } });
}

async function train(trainer: Trainer, rows: string = csv(64, 5), how: TrainingRecipe = recipe): Promise<ServedModel> {
  return submit(trainer, await trainAndUpload(trainer, rows, how));
}

function dataOf(text: string, features: unknown): TrainingData {
  const dataset = applyTable(parseCsv(text), parseFeatureSettings(features), 'train');
  return { features: dataset.features, targets: dataset.targets.values };
}

let opens = 0;

async function opened(id: string) {
  opens++;
  const response = await test.call('POST', `/v1/models/${id}/open`, { token: OWNER_TOKEN });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-disposition')).toContain('attachment');
  return readModelFile(new Uint8Array(await response.arrayBuffer()));
}

describe('rounds through the service', () => {
  it('pass from one trainer to the next, opened to what the twin learned', async () => {
    const alice = await admitTrainer(test, network.id);
    const first = await train(alice);
    expect(first).toMatchObject({ status: 'accepted', round: 1, steps: recipe.steps, rows: 64 });
    const bob = await admitTrainer(test, network.id, { name: 'bob' });
    expect((await me(bob)).model).toMatchObject({ parentId: first.id, recordDigest: first.recordDigest, round: 1 });
    const second = await train(bob, csv(64, 6));
    const { network: now, models, parties } = await test.owner<Lineage>('GET', `/v1/networks/${network.id}/lineage`);
    expect(now).toMatchObject({ headId: second.id, models: 5, parties: 2, heldOutRows: 40 });
    expect(models.map(({ status }) => status)).toEqual(['sealed', 'sealed', 'accepted', 'sealed', 'accepted']);
    expect(parties.map(({ name, refreshes }) => [name, refreshes.used > 0])).toEqual([
      ['alice', true],
      ['bob', true],
    ]);
    // The loss is known where the key is: of the first weights too, of copies as of what they are copies of, to no trainer.
    const heldOut = dataOf(csv(40, 9), (await opened(models[0].id)).features);
    for (const { id, accuracy, loss } of models) {
      const { architecture, weights } = await opened(id);
      const measured = evaluateData(architecture, weights, heldOut);
      // A row at the threshold may fall to either side, by the noise of the ciphertexts.
      expect(Math.abs((accuracy ?? Number.NaN) - measured.accuracy)).toBeLessThan(1.5 / 40);
      expect(loss).toBeCloseTo(measured.loss, 2);
    }
    expect(models[1]).toMatchObject({ accuracy: models[0].accuracy, loss: models[0].loss });
    for (const seen of [second, (await me(bob)).model]) expect(seen).not.toHaveProperty('loss');
    const { heads } = await test.owner<Overview>('GET', '/v1/overview');
    expect(heads.find(({ id }) => id === second.id)).toEqual(models.at(-1));
    const model = await opened(models[0].id);
    const between = { ...model, weights: twin(model, dataOf(csv(64, 5), model.features)) };
    const end = twin(between, dataOf(csv(64, 6), model.features));
    expect(largestDifference((await opened(second.id)).weights, end)).toBeLessThan(2 ** -11);
    // The weights begin anywhere, and so does their accuracy: it is the twin's, but for rows on the line between the classes.
    const held = dataOf(csv(40, 9), model.features);
    const outputs = Sequential.from(model.architecture, end).predict(held.features);
    const right = outputs.filter((y, i) => y > 0.5 === held.targets[i] > 0.5).length;
    const close = outputs.filter((y) => Math.abs(y - 0.5) < 2 ** -8).length;
    expect(Math.abs(40 * Number(models.at(-1)?.accuracy) - right)).toBeLessThanOrEqual(close + 1e-6);
  });

  it('refuse records that are not chained, of another model, or unsigned, and learn no figure', async () => {
    await train(await admitTrainer(test, network.id));
    const carol = await admitTrainer(test, network.id, { name: 'carol' });
    const trained = await trainAndUpload(carol, csv());
    const lies = [
      { previous: null },
      { previous: 'ab'.repeat(32) },
      { parentModel: network.headId },
      { model: 'cd'.repeat(32) },
    ];
    for (const lie of lies) {
      const refused = await submit(carol, { ...trained, fields: { ...trained.fields, ...lie } });
      expect(refused.status).toBe('refused');
      expect(refused.gates.map(({ gate, passed }) => [gate, passed])).toEqual([['record', false]]);
    }
    const foreign = { ...carol, signing: await createSigningKey() };
    expect(await submit(foreign, trained)).toMatchObject({
      status: 'refused',
      gates: [{ gate: 'record', passed: false }],
    });
    const unlocked = await test.owner<AuditPage>('GET', '/v1/audit?limit=1000');
    expect(unlocked.entries.filter(({ actor, action }) => actor === 'carol' && action === 'gate')).toEqual([]);
    // With the true record the same model is judged, and accepted once: again it is the same answer.
    const accepted = await submit(carol, trained);
    expect(accepted.status).toBe('accepted');
    expect(await submit(carol, trained)).toEqual(accepted);
  });

  it('refuse a model that says otherwise how its weights were drawn: the next trainer would read it', async () => {
    const oscar = await admitTrainer(test, network.id, { name: 'oscar' });
    const keys = await fetchKeys(oscar);
    const model = await fetchModel(oscar, keys);
    const marks = [[], [{ kind: 'init', initializers: [{ kind: 'normal', mean: 0.123456789, deviation: 1 }] }]];
    for (const provenance of marks) {
      const { bytes } = await modelBytes({ ...model, provenance }, keys);
      const { id: uploadId } = await upload(oscar, 'model', bytes);
      const json = { uploadId, record: '{}', signature: 'A'.repeat(86) };
      const response = await test.call('POST', '/v1/submissions', { token: oscar.token, json });
      expect([response.status, await response.text()]).toEqual([
        400,
        expect.stringContaining('initialization differs'),
      ]);
    }
    keys.dispose();
  });

  it('refuse a trainer who turned the labels round, at the gate that the owner set', async () => {
    // From first weights that are wrong on most rows, turned labels may well be an improvement: it has learned before.
    const honest = await train(await admitTrainer(test, network.id), csv(64, 5), thorough);
    await test.owner('PATCH', `/v1/networks/${network.id}`, { gates: { accuracyDrop: 0.02, lossRise: 0.1 } });
    const mallory = await admitTrainer(test, network.id, { name: 'mallory' });
    const refused = await train(mallory, csv(64, 5, true), thorough);
    expect(refused.status).toBe('refused');
    expect(refused.gates).toMatchObject([
      { gate: 'record', passed: true },
      { gate: 'finite', passed: true },
      { gate: 'accuracyDrop', passed: false },
      { gate: 'lossRise', passed: false },
    ]);
    // The trainer learns that, and not by how much: that would be answered about decrypted weights.
    expect(JSON.stringify(refused.gates.slice(1))).not.toMatch(/\d/);
    expect(refused.accuracy).toBeUndefined();
    expect(refused.loss).toBeUndefined();
    const { network: now, models } = await test.owner<Lineage>('GET', `/v1/networks/${network.id}/lineage`);
    expect(now.headId).toBe(honest.id);
    expect(models.at(-1)?.gates[2].detail).toMatch(/\d %/);
    await test.owner('PATCH', `/v1/networks/${network.id}`, { gates: {} });
  });

  it('answer few questions about what was handed in: a ledger counts the bits of every verdict', async () => {
    const nina = await admitTrainer(test, network.id, { name: 'nina' });
    const keys = await fetchKeys(nina);
    const model = await fetchModel(nina, keys);
    const { model: given } = await me(nina);
    // Ciphertexts of nobody knows what, as in a search for the key: each verdict would tell something of it.
    const ask = async (): Promise<Response> => {
      const records = model.records.map(({ name, level, scale, limbs }) => {
        const polynomial = (): Uint32Array =>
          Uint32Array.from(
            { length: limbs * keys.context.ring.N },
            () => crypto.getRandomValues(new Uint32Array(1))[0] >>> 5,
          );
        return { name, level, scale, limbs, polynomials: [polynomial(), polynomial()] };
      });
      const { bytes, id } = await modelBytes({ ...model, records }, keys);
      const { id: uploadId } = await upload(nina, 'model', bytes);
      const signed = await signTrainingRecord(recordFields(given, id), nina.signing);
      return test.call('POST', '/v1/submissions', { token: nina.token, json: { uploadId, ...signed } });
    };
    const limit = unlockLimit(keys.context.parameters);
    for (let bits = 0; bits < limit; bits++) {
      const refused = (await (await ask()).json()) as ServedModel;
      expect(refused).toMatchObject({
        status: 'refused',
        gates: [{ gate: 'record' }, { gate: 'finite', passed: false }],
      });
    }
    expect((await ask()).status).toBe(403);
    keys.dispose();
  });

  it('keep a model beside the head where another was accepted meanwhile', async () => {
    const [dave, erin] = [
      await admitTrainer(test, network.id, { name: 'dave' }),
      await admitTrainer(test, network.id, { name: 'erin' }),
    ];
    const first = await train(dave);
    const second = await train(erin);
    expect([first.status, second.status]).toEqual(['accepted', 'accepted']);
    expect((await test.owner<ServedNetwork>('GET', `/v1/networks/${network.id}`)).headId).toBe(first.id);
  });

  it('unlock by each policy, counted, and tell the trainer of no mismatch', async () => {
    const release = { kind: 'label' } as const;
    const frank = await admitTrainer(test, network.id, { name: 'frank', unlocks: { mode: 'quota', rows: 3, release } });
    const keys = await fetchKeys(frank);
    const model = await fetchModel(frank, keys);
    const { features } = dataOf(csv(8, 11), model.features);
    const sink = memorySink();
    await writeSealedPredictions(sink, await predictSealed(model, keys, features), keys.parameters);
    const { parameters } = keys.context;
    keys.dispose();
    const { id: uploadId } = await upload(frank, 'predictions', sink.bytes());
    const ask = (rows: number[], more: object = {}): Promise<UnlockView> =>
      test.json('POST', '/v1/unlocks', { token: frank.token, json: { uploadId, rows, ...more } });
    const first = await ask([0, 1]);
    expect(first).toMatchObject({ status: 'answered', rows: 2 });
    expect(first.answers?.map(({ row }) => row)).toEqual([0, 1]);
    // Asked again, it is the same request, and counted once.
    expect((await ask([0, 1])).id).toBe(first.id);
    expect(await ask([2, 3])).toMatchObject({ status: 'denied' });
    expect((await me(frank)).party.unlocks?.rows).toBe(2);

    await test.owner('PATCH', `/v1/parties/${frank.id}`, { unlocks: { mode: 'verified', rows: 100, release } });
    const dense = new Float32Array(8 * features.columns);
    features.densify(
      Uint32Array.from({ length: 8 }, (_, i) => i),
      dense,
    );
    const rowOf = (row: number): number[] => [...dense.subarray(row * features.columns, (row + 1) * features.columns)];
    const verified = await ask([4, 5], { features: [rowOf(4), rowOf(5)] });
    expect(verified).toMatchObject({ status: 'answered' });
    expect(verified.mismatches).toBeUndefined();
    // The same rows with other features are another request, and get an answer of their own.
    expect((await ask([4, 5], { features: [rowOf(4), rowOf(5)] })).id).toBe(verified.id);
    const [far, near] = [rowOf(4).map((x) => x + 9), rowOf(4).map((x) => x - 9)];
    const others = await ask([4, 5], { features: [far, near] });
    expect(others.id).not.toBe(verified.id);
    const swapped = await ask([4, 5], { features: [near, far] });
    expect(swapped.answers?.map(({ label }) => label)).toEqual(others.answers?.map(({ label }) => label).toReversed());
    expect((await me(frank)).party.unlocks?.rows).toBe(8);

    await test.owner('PATCH', `/v1/parties/${frank.id}`, { unlocks: { mode: 'manual', rows: 100, release } });
    const pending = await ask([6]);
    expect(pending.status).toBe('pending');
    // What the key has answered, and what this would add, is for the owner alone.
    expect(pending.bits).toBeUndefined();
    const { keys: ofTrainers, pendingUnlocks } = await test.owner<Overview>('GET', '/v1/overview');
    const limit = unlockLimit(parameters);
    const bits = { used: 2, left: limit - 2, limit };
    expect(ofTrainers.find(({ partyId }) => partyId === frank.id)).toMatchObject({ id: pending.keyId, bits });
    expect(pendingUnlocks.find(({ id }) => id === pending.id)?.bits).toBe(1);
    const approved = await test.owner<UnlockView>('POST', `/v1/unlocks/${pending.id}/approve`, { reason: 'fine' });
    expect(approved).toMatchObject({ status: 'answered', reason: 'fine' });
    const read = await test.json<UnlockView>('GET', `/v1/unlocks/${pending.id}`, { token: frank.token });
    expect(read.answers).toEqual(approved.answers);
    const denied = await test.owner<UnlockView>('POST', `/v1/unlocks/${(await ask([7])).id}/deny`, { reason: 'no' });
    expect(denied).toMatchObject({ status: 'denied', reason: 'no' });
    const { unlocks } = await test.owner<{ unlocks: UnlockView[] }>('GET', '/v1/unlocks?status=answered');
    expect(unlocks.find(({ id }) => id === verified.id)?.mismatches).toBe(0);

    await test.owner('POST', `/v1/parties/${frank.id}/rekey`, {});
    const lineage = await test.owner<Lineage>('GET', `/v1/networks/${network.id}/lineage`);
    const franks = lineage.keys.filter(({ partyId }) => partyId === frank.id);
    expect(franks.map(({ bits: { used }, retiredAt }) => [used, retiredAt !== undefined])).toEqual([
      [3, true],
      [0, false],
    ]);
    expect(lineage.keys[0]).toMatchObject({ networkId: network.id, bits: { used: 0 } });
    expect(lineage.keys[0].partyId).toBeUndefined();
  });

  it('leave an entry in the audit log for every use of a secret key, and an intact chain', async () => {
    const { entries, intact } = await test.owner<AuditPage>('GET', '/v1/audit?limit=1000');
    expect(intact).toBe(true);
    const count = (action: string): number => entries.filter((entry) => entry.action === action).length;
    const used = await test.store.database.selectFrom('parties').select('refreshesUsed').execute();
    expect(count('refresh')).toBe(used.reduce((sum, { refreshesUsed }) => sum + refreshesUsed, 0));
    expect(count('keygen')).toBe(count('rekey') + count('seal'));
    expect([count('open'), count('gate'), count('unlock')]).toEqual([opens, 12, 5]);
  });
});
