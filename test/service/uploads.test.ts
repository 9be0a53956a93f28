/** What a party may leave on the owner's disk: little that nothing was made of, and no more than its quota of the rest. */
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { polynomialOf } from '../../src/attacks/ternary.ts';
import { memorySink } from '../../src/protocol/byte-source.ts';
import { predictionLayoutJson } from '../../src/protocol/layout-json.ts';
import { writeSealedPredictions } from '../../src/protocol/sealed-predictions.ts';
import type {
  Lineage,
  Overview,
  ServedModel,
  ServedNetwork,
  ServiceError,
  UnlockView,
} from '../../src/protocol/service/types.ts';
import { createSigningKey } from '../../src/protocol/signing-key.ts';
import { signTrainingRecord } from '../../src/protocol/training-record.ts';
import type { TrainerKeys } from '../../src/trainer/trainer-keys.ts';
import {
  admitTrainer,
  announcement,
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

const QUOTA = 100_000;
const unlocks = { mode: 'quota', rows: 0, release: { kind: 'label' } } as const;

let test: TestService;
let network: ServedNetwork;
let alice: Trainer;
let keys: TrainerKeys;
beforeAll(async () => {
  test = await startService({ uploadBytes: QUOTA });
  network = await makeNetwork(test);
  alice = await admitTrainer(test, network.id, { unlocks });
  keys = await fetchKeys(alice);
}, 60_000);
afterAll(async () => {
  keys.dispose();
  await test.close();
});

/** Bytes of all files of the store, whatever its rows say. */
async function onDisk(): Promise<number> {
  const folder = join(test.folder, 'blobs');
  const names = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => stat(join(folder, name))));
  return sizes.reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}

/** Sealed predictions of 16 rows that nobody made, `size` bytes or a little more. */
async function predictions(size: number): Promise<Uint8Array> {
  const { slots, baseLimbs, scales } = keys.context;
  const junk = polynomialOf(keys.context, [{ coefficient: 5n, exponent: 3 }]);
  const record = { level: 0, scale: scales[0], limbs: baseLimbs, firstRow: 0, rowCount: 16, polynomials: [junk, junk] };
  const packing = predictionLayoutJson({ form: 'blocks', outputs: 1, factor: 1, slots, pitch: slots });
  const classNames = Array.from({ length: Math.ceil(size / 1000) }, () => randomBytes(499).toString('hex'));
  const { id: modelId } = (await me(alice)).model;
  const sink = memorySink();
  const file = { rows: 16, classes: 1, keyId: keys.keyId, modelId, classNames, packing, records: [record] };
  await writeSealedPredictions(sink, file, keys.parameters);
  return sink.bytes();
}

function ask(uploadId: string): Promise<UnlockView> {
  return test.json('POST', '/v1/unlocks', { token: alice.token, json: { uploadId, rows: [0] } });
}

describe('a model whose record fails', () => {
  it('is not kept: it stands in no lineage, and gives way to the next uploads', async () => {
    const model = await fetchModel(alice, keys);
    const { model: given } = await me(alice);
    const stranger = await createSigningKey();
    // All but when a party was seen last, which is noted now and then.
    const lineage = async (): Promise<unknown> => {
      const { parties, ...rest } = await test.owner<Lineage>('GET', `/v1/networks/${network.id}/lineage`);
      return { ...rest, parties: parties.map(({ lastSeenAt: _, ...party }) => party) };
    };
    const [before, known] = [await onDisk(), await lineage()];
    let largest = 0;
    for (let i = 0; i < 12; i++) {
      const provenance = [...model.provenance, { note: randomBytes(16).toString('hex') }];
      const { bytes, id } = await modelBytes({ ...model, provenance }, keys);
      largest = Math.max(largest, bytes.length);
      const { id: uploadId } = await upload(alice, 'model', bytes);
      const signed = await signTrainingRecord(recordFields(given, id), stranger);
      const json = { uploadId, ...signed };
      const refused = await test.json<ServedModel>('POST', '/v1/submissions', { token: alice.token, json });
      expect(refused).toMatchObject({ id, status: 'refused', gates: [{ gate: 'record', passed: false }] });
    }
    expect(await lineage()).toEqual(known);
    const most = Math.min(8 * largest, QUOTA);
    expect((await onDisk()) - before).toBeLessThanOrEqual(most);
    // The owner knows all the same.
    const { entries } = await test.owner<{ entries: { action: string }[] }>('GET', '/v1/audit?action=submit');
    expect(entries).toHaveLength(12);
  });
});

describe('the quota of a party', () => {
  it('lets what nothing was made of give way, and refuses what then has no room', async () => {
    const size = Math.floor(QUOTA / 4);
    const before = await onDisk();
    for (let i = 0; i < 2; i++) {
      const { id } = await upload(alice, 'predictions', await predictions(size));
      // Denied, for no row is left, and used all the same: the file can be asked for.
      expect((await ask(id)).status).toBe('denied');
    }
    const json = announcement('predictions', await predictions(size));
    const response = await test.call('POST', '/v1/uploads', { token: alice.token, json });
    const { error } = (await response.json()) as ServiceError;
    expect([response.status, error.code, error.mend]).toEqual([
      403,
      'POLICY_DENIED',
      expect.stringContaining('--upload-quota'),
    ]);
    expect((await onDisk()) - before).toBeLessThanOrEqual(QUOTA);
    const { storage } = await test.owner<Overview>('GET', '/v1/overview');
    expect(storage.bytes).toBe(await onDisk());
    // Another party has a quota of its own, and so has this one where the owner allows more.
    const bob = await admitTrainer(test, network.id, { name: 'bob' });
    await test.json('POST', '/v1/uploads', { token: bob.token, json });
    test = await test.reopen({ uploadBytes: 2 * QUOTA });
    alice = { ...alice, test };
    await test.json('POST', '/v1/uploads', { token: alice.token, json });
  });

  it('keeps few requests that were denied', async () => {
    const { id } = await upload(alice, 'predictions', await predictions(0));
    for (let i = 0; i < 110; i++) expect((await ask(id)).status).toBe('denied');
    const { unlocks: kept } = await test.json<{ unlocks: UnlockView[] }>('GET', '/v1/unlocks', { token: OWNER_TOKEN });
    expect(kept.length).toBe(100);
  });
});
