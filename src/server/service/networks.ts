/** Networks: made, shown, and their gates set. */
import { createHash } from 'node:crypto';
import { utf8ToBytes } from '../../base/bytes.ts';
import type { Architecture } from '../../nn/architecture.ts';
import { initialWeights } from '../../nn/initializers.ts';
import { constant } from '../../nn/schedules.ts';
import { planTraining } from '../../nn/sealed/plan.ts';
import { DEFAULT_BATCH, seal } from '../../owner/seal.ts';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { JsonValue } from '../../protocol/json.ts';
import { describeInitialization } from '../../protocol/provenance.ts';
import type { CreateNetwork, Gates, Lineage, ServedNetwork } from '../../protocol/service/types.ts';
import type { CkksParameters } from '../../schemes/ckks/parameters.ts';
import type { Blob } from '../node/blob-files.ts';
import { randomId } from '../node/durable.ts';
import { appendAudit } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { NetworkRow } from '../store/tables.ts';
import { type ServiceContext, transact } from './context.ts';
import { createKey, insertKey, type NewKey } from './key-files.ts';
import { noteBlob, type StoredModel, selectModels, storeModel } from './models.ts';
import { heldOutData, type NetworkPlan, planNetwork } from './network-plan.ts';
import { knownSet } from './parameter-sets.ts';
import { asArgument, found, problem } from './problems.ts';
import type { Call } from './route.ts';
import { modelView, networkView, partyView } from './views.ts';

const DEFAULT_SET = 'L14';

/** POST /v1/networks. The same request while it is under way is the same network. */
export function createNetwork(service: ServiceContext, { body }: Call<CreateNetwork, unknown>): Promise<ServedNetwork> {
  const digest = createHash('sha256')
    .update(canonicalJson({ ...body } as JsonValue))
    .digest('hex');
  return service.flights.share(`network ${digest}`, () => makeNetwork(service, body));
}

async function makeNetwork(service: ServiceContext, wish: CreateNetwork): Promise<ServedNetwork> {
  const { store, allowInsecure } = service;
  const { set = DEFAULT_SET, gates = {}, heldOutCsv } = wish;
  const parameters = await knownSet(set);
  if (parameters.insecure && !allowInsecure) {
    throw problem(400, 'INSECURE_PARAMETERS', 'this service makes no keys of an insecure set');
  }
  const plan = await planNetwork(wish);
  const { settings, architecture, training } = plan;
  const batch = batchOf(wish, plan);
  const heldOut = heldOutCsv === undefined ? undefined : heldOutData(heldOutCsv, settings);
  requireTrainable(parameters, architecture, batch);
  const { key, result: model } = await createKey(service, set, async (keys) => {
    const sealed = asArgument(() => seal(plainModelOf(plan), keys, { batch }));
    return storeModel(service, sealed, keys.parameters);
  });
  const rows = heldOutCsv === undefined ? undefined : await store.blobs.putBytes(utf8ToBytes(heldOutCsv));
  const [id, now] = [randomId(), service.now()];
  const row: NetworkRow = {
    id,
    name: wish.name,
    createdAt: now,
    architecture: JSON.stringify(architecture),
    features: JSON.stringify(settings),
    gates: JSON.stringify(gates),
    recipe: training === undefined ? null : JSON.stringify(training),
    setName: set,
    batch,
    heldOutSha256: rows?.sha256 ?? null,
    heldOutRows: heldOut?.features.rows ?? 0,
    headId: model.id,
  };
  await transact(service, (transaction) => insertNetwork(transaction, row, { key, model, rows }));
  service.events.emit('network', id, now);
  return readNetwork(service, id);
}

interface Made {
  readonly key: NewKey;
  readonly model: StoredModel;
  /** Held out. */
  readonly rows: Blob | undefined;
}

async function insertNetwork(transaction: Database, row: NetworkRow, { key, model, rows }: Made): Promise<void> {
  const { id, name, createdAt, setName, heldOutRows } = row;
  for (const blob of rows === undefined ? [model] : [model, rows]) await noteBlob(transaction, blob, createdAt);
  await transaction.insertInto('networks').values(row).execute();
  await insertKey(transaction, key, { networkId: id, partyId: null, now: createdAt });
  const owned = { id: model.id, networkId: id, keyId: key.keyId, sha256: model.sha256, createdAt };
  await transaction
    .insertInto('models')
    .values({ ...owned, status: 'sealed', round: 0, gates: '[]' })
    .execute();
  await appendAudit(
    transaction,
    createdAt,
    { actor: 'owner', action: 'network', subject: id, details: { name, heldOutRows } },
    { actor: 'owner', action: 'keygen', subject: key.keyId, details: { network: id, set: setName } },
    { actor: 'owner', action: 'seal', subject: model.id, details: { network: id, key: key.keyId } },
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

function plainModelOf({ architecture, initializers, settings }: NetworkPlan): Parameters<typeof seal>[0] {
  return {
    architecture,
    weights: initialWeights(architecture, initializers, secretSeed()),
    features: settings as unknown as JsonValue,
    provenance: [describeInitialization(initializers)],
  };
}

/** Nobody can guess it, and it is kept nowhere. */
function secretSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 2 ** 32 + low;
}

/** GET /v1/networks/{id} */
export function showNetwork(service: ServiceContext, { params }: Call<unknown, unknown>): Promise<ServedNetwork> {
  return readNetwork(service, params.id);
}

/** PATCH /v1/networks/{id}: the gates as a whole. */
export async function changeGates(
  service: ServiceContext,
  { params: { id }, body: { gates } }: Call<{ readonly gates: Gates }, unknown>,
): Promise<ServedNetwork> {
  const now = service.now();
  await findNetwork(service.database, id);
  await transact(service, async (transaction) => {
    await transaction
      .updateTable('networks')
      .set({ gates: JSON.stringify(gates) })
      .where('id', '=', id)
      .execute();
    const details = Object.fromEntries(
      Object.entries(gates).flatMap(([gate, limit]) => (limit === undefined ? [] : [[gate, limit]])),
    );
    await appendAudit(transaction, now, { actor: 'owner', action: 'gates', subject: id, details });
  });
  service.events.emit('network', id, now);
  return readNetwork(service, id);
}

/** GET /v1/networks/{id}/lineage */
export async function showLineage(
  service: ServiceContext,
  { params: { id } }: Call<unknown, unknown>,
): Promise<Lineage> {
  const { database } = service;
  const network = await readNetwork(service, id);
  const models = await selectModels(database, { networkId: id });
  const parties = await database
    .selectFrom('parties')
    .selectAll()
    .where('networkId', '=', id)
    .orderBy('createdAt')
    .execute();
  return { network, models: models.map(modelView), parties: parties.map(partyView) };
}

export async function findNetwork(database: Database, id: string): Promise<NetworkRow> {
  const row = await database.selectFrom('networks').selectAll().where('id', '=', id).executeTakeFirst();
  return found(row, 'network');
}

export async function readNetwork({ database }: ServiceContext, id: string): Promise<ServedNetwork> {
  const row = await findNetwork(database, id);
  const count = (table: 'models' | 'parties'): Promise<{ count: number }> =>
    database
      .selectFrom(table)
      .select((build) => build.fn.countAll<number>().as('count'))
      .where('networkId', '=', id)
      .executeTakeFirstOrThrow();
  const [models, parties] = [await count('models'), await count('parties')];
  const { securityBits } = await knownSet(row.setName);
  return networkView(row, { models: models.count, parties: parties.count, securityBits });
}
