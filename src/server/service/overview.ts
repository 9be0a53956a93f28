/** What the owner sees first, and what a trainer sees of itself. */
import { sql } from 'kysely';
import type { AuditPage, AuditQuery, Me, Overview } from '../../protocol/service/types.ts';
import { found } from '../problems.ts';
import { auditNames, checkAudit, countAudit, readAudit } from '../store/audit-log.ts';
import type { ServiceContext } from './context.ts';
import { fileResponse, type StoredFile } from './file-response.ts';
import { ownerUnlockViews, trainersKeys } from './keys.ts';
import { findModel } from './models.ts';
import { findNetwork, readNetwork } from './networks.ts';
import type { Call } from './route.ts';
import { modelView, partyView, runView, trainerModelView } from './views.ts';

const SHOWN_RUNS = 200;
const SHOWN_UNLOCKS = 200;
const PAGE = 100;

/** GET /v1/overview */
export async function showOverview(service: ServiceContext): Promise<Overview> {
  const { database, version } = service;
  const networks = await database.selectFrom('networks').select(['id', 'headId']).orderBy('createdAt').execute();
  const parties = await database
    .selectFrom('parties')
    .selectAll()
    .where('role', '=', 'trainer')
    .orderBy('createdAt')
    .execute();
  const runs = await database.selectFrom('runs').selectAll().orderBy('lastSeenAt', 'desc').limit(SHOWN_RUNS).execute();
  const pending = await database
    .selectFrom('unlocks')
    .selectAll()
    .where('status', '=', 'pending')
    .orderBy('createdAt')
    .limit(SHOWN_UNLOCKS)
    .execute();
  const now = service.now();
  return {
    version,
    networks: await Promise.all(networks.map(({ id }) => readNetwork(service, id))),
    heads: await Promise.all(networks.map(async ({ headId }) => modelView(await findModel(service, headId)))),
    parties: parties.map(partyView),
    keys: await trainersKeys(service),
    runs: runs.map((row) => runView(row, now)),
    pendingUnlocks: await ownerUnlockViews(service, pending),
    storage: await storageOf(service),
  };
}

async function storageOf({ database }: ServiceContext): Promise<Overview['storage']> {
  const { rows } = await sql<{ blobs: number; bytes: number }>`
    select count(*) as blobs, coalesce(sum(bytes), 0)::bigint as bytes
    from (select bytes from blobs
      union all select answer_bytes from refreshes where answer_sha256 is not null) as files`.execute(database);
  return rows[0];
}

/** GET /v1/me */
export async function showMe(service: ServiceContext, { party }: Call<unknown, unknown>): Promise<Me> {
  const model = await findModel(service, found(party.modelId ?? undefined, 'model'));
  const { keys, bootstrappingKeys } = await keyFiles(service, party.keyId);
  const { recipe } = await findNetwork(service.database, party.networkId ?? '');
  return {
    party: partyView(party),
    network: await readNetwork(service, party.networkId ?? ''),
    model: trainerModelView(model),
    files: { keys, bootstrappingKeys, model: { bytes: model.bytes, sha256: model.sha256 } },
    recipe: recipe === null ? undefined : (JSON.parse(recipe) as Record<string, unknown>),
  };
}

interface KeyFiles {
  readonly keys: StoredFile;
  readonly bootstrappingKeys: StoredFile | undefined;
}

async function keyFiles({ database }: ServiceContext, keyId: string | null): Promise<KeyFiles> {
  const row = await database
    .selectFrom('keys')
    .innerJoin('blobs as files', 'files.sha256', 'keys.trainerKeysSha256')
    .leftJoin('blobs as bootstrapping', 'bootstrapping.sha256', 'keys.bootstrappingKeysSha256')
    .select(['files.sha256', 'files.bytes', 'bootstrapping.sha256 as bootSha256', 'bootstrapping.bytes as bootBytes'])
    .where('keys.id', '=', keyId ?? '')
    .executeTakeFirst();
  const { sha256, bytes, bootSha256, bootBytes } = found(row, 'key');
  const boots = bootSha256 === null || bootBytes === null ? undefined : { sha256: bootSha256, bytes: bootBytes };
  return { keys: { sha256, bytes }, bootstrappingKeys: boots };
}

/** GET /v1/me/keys */
export async function sendKeys(service: ServiceContext, { party, request }: Call<unknown, unknown>): Promise<Response> {
  return fileResponse(request, service.store.blobs, (await keyFiles(service, party.keyId)).keys);
}

/** GET /v1/me/bootstrapping-keys */
export async function sendBootstrappingKeys(
  service: ServiceContext,
  { party, request }: Call<unknown, unknown>,
): Promise<Response> {
  const { bootstrappingKeys } = await keyFiles(service, party.keyId);
  return fileResponse(request, service.store.blobs, found(bootstrappingKeys, 'file: this set does not bootstrap'));
}

/** GET /v1/me/model */
export async function sendOwnModel(
  service: ServiceContext,
  { party, request }: Call<unknown, unknown>,
): Promise<Response> {
  return fileResponse(
    request,
    service.store.blobs,
    await findModel(service, found(party.modelId ?? undefined, 'model')),
  );
}

/** GET /v1/audit */
export async function showAudit(
  { database, flights }: ServiceContext,
  { query: { limit = PAGE, ...selection } }: Call<unknown, AuditQuery>,
): Promise<AuditPage> {
  const { intact, end } = await flights.share('audit', () => checkAudit(database));
  const entries = await readAudit(database, selection, limit + 1);
  const shown = entries.slice(0, limit);
  return {
    entries: shown,
    next: entries.length > limit ? shown[shown.length - 1].seq : undefined,
    matching: await countAudit(database, selection),
    intact,
    end,
    ...(await auditNames(database)),
  };
}
