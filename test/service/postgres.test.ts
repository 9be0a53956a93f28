/**
 * The same SQL on both databases: a network's whole life over the embedded one and over PostgreSQL, whose driver brings
 * other types for big integers, instants and sums. Every answer must be of the same shape, leaf by leaf.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DenseRows } from '../../src/nn/feature-rows.ts';
import { memorySink } from '../../src/protocol/byte-source.ts';
import { writeSealedPredictions } from '../../src/protocol/sealed-predictions.ts';
import type { Me, ServedModel, UnlockView } from '../../src/protocol/service/types.ts';
import { signTrainingRecord } from '../../src/protocol/training-record.ts';
import { predictSealed } from '../../src/trainer/predict.ts';
import { type PostgresServer, postgresPrograms, startPostgres } from '../fixtures/databases.ts';
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
  refreshRequest,
  startService,
  type TestService,
  type Trainer,
  upload,
} from '../fixtures/service.ts';

const programs = postgresPrograms();
if (programs === undefined) console.warn('PostgreSQL is not installed: the service is tested on PGlite alone');
let server: PostgresServer | undefined;
beforeAll(async () => {
  server = programs === undefined ? undefined : await startPostgres(programs);
}, 60_000);
afterAll(() => server?.stop());

type Answers = Record<string, unknown>;

/** What each route says in the life of a network: made, trained by one who hands in what it was given, asked, ended. */
async function lifeOf(test: TestService): Promise<Answers> {
  const said: Answers = {};
  const network = await makeNetwork(test, { heldOutCsv: csv(40, 9), gates: { lossRise: 1 } });
  const unlocks = { mode: 'manual', rows: 9, release: { kind: 'label' } } as const;
  const ada = await admitTrainer(test, network.id, { name: 'Ada', refreshBudget: 5, unlocks });
  const { token, id: partyId } = ada;
  said.network = network;
  said.me = await me(ada);
  await refreshOnce(ada);
  const step = { step: 1, steps: 2, rowsPerSecond: 3.5 };
  said.run = await test.json('PUT', '/v1/runs/run', { token, json: step });
  said.submission = await handIn(ada);
  said.asked = await askFor(ada, [0]);
  const again = await askFor(ada, [1]);
  said.overview = await test.owner('GET', '/v1/overview');
  const { id } = said.asked as UnlockView;
  said.approved = await test.owner('POST', `/v1/unlocks/${id}/approve`, { reason: 'yes' });
  said.denied = await test.owner('POST', `/v1/unlocks/${again.id}/deny`, { reason: 'no' });
  said.answer = await test.json('GET', `/v1/unlocks/${id}`, { token });
  said.unlocks = await test.owner('GET', '/v1/unlocks?status=answered');
  said.history = await test.owner('GET', `/v1/parties/${partyId}/runs/run`);
  said.changed = await test.owner('PATCH', `/v1/parties/${partyId}`, { refreshBudget: 9 });
  const { keyId } = (said.me as Me).party;
  said.rekeyed = await test.owner('POST', `/v1/parties/${partyId}/rekey`);
  said.givenUp = await test.owner('POST', `/v1/keys/${keyId}/give-up`, {});
  said.gates = await test.owner('PATCH', `/v1/networks/${network.id}`, { gates: {} });
  said.lineage = await test.owner('GET', `/v1/networks/${network.id}/lineage`);
  said.revoked = await test.owner('DELETE', `/v1/parties/${partyId}`);
  said.audit = await test.owner('GET', `/v1/audit?network=${network.id}&order=newest&limit=5`);
  const opened = await test.call('POST', `/v1/models/${network.headId}/open`, { token: OWNER_TOKEN });
  said.opened = opened.status;
  return said;
}

async function refreshOnce(trainer: Trainer): Promise<void> {
  const keys = await fetchKeys(trainer);
  const body = (await refreshRequest(keys)) as Uint8Array<ArrayBuffer>;
  keys.dispose();
  expect((await trainer.test.call('POST', '/v1/refresh', { token: trainer.token, body })).status).toBe(200);
}

async function handIn(trainer: Trainer): Promise<ServedModel> {
  const keys = await fetchKeys(trainer);
  const { model: given } = await me(trainer);
  const { bytes, id } = await modelBytes({ ...(await fetchModel(trainer, keys)), round: 1 }, keys);
  keys.dispose();
  const { id: uploadId } = await upload(trainer, 'model', bytes);
  const signed = await signTrainingRecord(recordFields(given, id), trainer.signing);
  return trainer.test.json('POST', '/v1/submissions', { token: trainer.token, json: { uploadId, ...signed } });
}

async function askFor(trainer: Trainer, rows: readonly number[]): Promise<UnlockView> {
  const keys = await fetchKeys(trainer);
  const data = DenseRows.from([0, 1].map((row) => Array.from({ length: 6 }, (_, i) => (row + i) / 16)));
  const sealed = await predictSealed(await fetchModel(trainer, keys), keys, data);
  const sink = memorySink();
  await writeSealedPredictions(sink, sealed, keys.parameters);
  keys.dispose();
  const { id: uploadId } = await upload(trainer, 'predictions', sink.bytes());
  return trainer.test.json('POST', '/v1/unlocks', { token: trainer.token, json: { uploadId, rows } });
}

/** Leaves by their type; instants and identifiers apart from other text, whole numbers from fractions where it matters. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shapeOf(one)]));
  if (typeof value !== 'string') return typeof value;
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return 'instant';
  return /^[0-9a-f]{32,64}$/.test(value) ? `identifier of ${value.length}` : 'text';
}

async function lifeOver(database: string | undefined): Promise<Answers> {
  const test = await startService({ database });
  try {
    return await lifeOf(test);
  } finally {
    await test.close();
  }
}

describe('the service', () => {
  it.skipIf(programs === undefined)(
    'answers over PostgreSQL as over the embedded database',
    { timeout: 120_000 },
    async () => {
      const embedded = await lifeOver(undefined);
      const served = await lifeOver(await server?.database());
      expect(shapeOf(served)).toEqual(shapeOf(embedded));
      for (const answers of [embedded, served]) {
        expect(answers).toMatchObject({
          submission: { status: 'accepted', round: 1 },
          overview: {
            heads: [{ round: 1, status: 'accepted', loss: expect.any(Number) }],
            runs: [{ step: 1, steps: 2 }],
          },
          approved: { status: 'answered' },
          denied: { status: 'denied', reason: 'no' },
          answer: { answers: [{ row: 0, label: expect.any(Number) }] },
          history: { samples: [{ step: 1, rowsPerSecond: 3.5 }] },
          changed: { refreshes: { used: 1, budget: 9 } },
          givenUp: { givenUpAt: expect.any(String) },
          audit: { intact: true },
          opened: 200,
        });
      }
    },
  );
});
