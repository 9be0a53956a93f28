/** Networks: made, shown, and their gates set. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { JsonValue } from '../../protocol/json.ts';
import type { CreateNetwork, Gates, Lineage, ServedNetwork } from '../../protocol/service/types.ts';
import { randomId } from '../node/durable.ts';
import { found, problem } from '../problems.ts';
import { appendAudit } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { NetworkRow } from '../store/tables.ts';
import type { MadeNetwork } from '../vault/jobs.ts';
import { knownSet } from '../vault/parameter-sets.ts';
import { type ServiceContext, transact } from './context.ts';
import { insertKey } from './key-files.ts';
import { networkKeys } from './keys.ts';
import { figureColumns, noteBlob, selectModels } from './models.ts';
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
  const { set = DEFAULT_SET, gates = {} } = wish;
  if ((await knownSet(set)).insecure && !service.allowInsecure) {
    throw problem(400, 'INSECURE_PARAMETERS', 'this service makes no keys of an insecure set');
  }
  requireJudged(gates, wish.heldOutCsv !== undefined);
  const made = await service.vault.run('makeNetwork', { wish, set });
  const [id, now] = [randomId(), service.now()];
  const row: NetworkRow = {
    id,
    name: wish.name,
    createdAt: now,
    architecture: made.architecture,
    features: made.settings,
    gates: JSON.stringify(gates),
    recipe: made.training ?? null,
    setName: set,
    batch: made.batch,
    heldOutSha256: made.rows?.sha256 ?? null,
    heldOutRows: made.heldOutRows,
    headId: made.model.id,
  };
  await transact(service, (transaction) => insertNetwork(transaction, row, made));
  service.events.emit('network', id, now);
  return readNetwork(service, id);
}

async function insertNetwork(transaction: Database, row: NetworkRow, made: MadeNetwork): Promise<void> {
  const { key, model, rows, figures } = made;
  const { id, name, createdAt, setName, heldOutRows } = row;
  for (const blob of rows === undefined ? [model] : [model, rows]) await noteBlob(transaction, blob, createdAt);
  await transaction.insertInto('networks').values(row).execute();
  await insertKey(transaction, key, { networkId: id, partyId: null, now: createdAt });
  const owned = { id: model.id, networkId: id, keyId: key.keyId, sha256: model.sha256, createdAt };
  await transaction
    .insertInto('models')
    .values({ ...owned, ...figureColumns(figures), status: 'sealed', round: 0, gates: '[]' })
    .execute();
  await appendAudit(
    transaction,
    createdAt,
    { actor: 'owner', action: 'network', subject: id, details: { name, heldOutRows } },
    { actor: 'owner', action: 'keygen', subject: key.keyId, details: { network: id, set: setName } },
    { actor: 'owner', action: 'seal', subject: model.id, details: { network: id, key: key.keyId } },
  );
}

/** GET /v1/networks/{id} */
export function showNetwork(service: ServiceContext, { params }: Call<unknown, unknown>): Promise<ServedNetwork> {
  return readNetwork(service, params.id);
}

/** What cannot be judged is not passed: without rows such a gate would refuse every trainer's work. */
function requireJudged({ accuracyDrop, accuracyFloor, lossRise }: Gates, hasRows: boolean): void {
  if (hasRows || (accuracyDrop ?? accuracyFloor ?? lossRise) === undefined) return;
  throw problem(400, 'BAD_ARGUMENT', 'a gate on accuracy or loss has no rows to be judged on', {
    mend: 'Hold rows out when the network is made (--held-out FILE), or set gates on the weights alone.',
  });
}

/** PATCH /v1/networks/{id}: the gates as a whole. */
export async function changeGates(
  service: ServiceContext,
  { params: { id }, body: { gates } }: Call<{ readonly gates: Gates }, unknown>,
): Promise<ServedNetwork> {
  const now = service.now();
  const { heldOutRows } = await findNetwork(service.database, id);
  requireJudged(gates, heldOutRows > 0);
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
  const keys = await networkKeys(service, id);
  return { network, models: models.map(modelView), parties: parties.map(partyView), keys };
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
