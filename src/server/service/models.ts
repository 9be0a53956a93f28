/** Sealed models in the store: read, written, opened. */
import { open } from '../../owner/seal.ts';
import { writeModelFile } from '../../protocol/model-file.ts';
import type { CiphertextParameters } from '../../protocol/parameters.ts';
import {
  type ReadSealedModel,
  readSealedModel,
  type SealedModel,
  writeSealedModel,
} from '../../protocol/sealed-model.ts';
import type { Blob } from '../node/blob-files.ts';
import { appendAudit } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';
import type { ModelRow } from '../store/tables.ts';
import { BINARY } from './bodies.ts';
import { type ServiceContext, transact } from './context.ts';
import { fileResponse } from './file-response.ts';
import { parametersOf } from './parameter-sets.ts';
import { found } from './problems.ts';
import type { Call } from './route.ts';

export type ModelWithSize = ModelRow & { readonly bytes: number };

export interface StoredModel extends Blob {
  /** Identity of the sealed file. */
  readonly id: string;
}

export async function storeModel(
  { store }: ServiceContext,
  model: SealedModel,
  parameters: CiphertextParameters,
): Promise<StoredModel> {
  const { sha256, bytes, result } = await store.blobs.put((sink) => writeSealedModel(sink, model, parameters));
  return { sha256, bytes, id: result };
}

/** @throws HermeticError BAD_FILE; WRONG_KEY for a file of another parameter set */
export function loadModel({ store }: ServiceContext, sha256: string, set: string): Promise<ReadSealedModel> {
  return store.blobs.with(sha256, async (source) => {
    const parameters = await parametersOf(set);
    return readSealedModel(source, { parametersFor: () => parameters, onWarning: () => {} });
  });
}

/** Models, oldest first. */
export function selectModels(
  database: Database,
  which: Partial<Pick<ModelRow, 'id' | 'networkId'>>,
): Promise<ModelWithSize[]> {
  let query = database
    .selectFrom('models')
    .innerJoin('blobs', 'blobs.sha256', 'models.sha256')
    .selectAll('models')
    .select('blobs.bytes')
    .orderBy('models.createdAt')
    .orderBy('models.round');
  for (const [column, value] of Object.entries(which)) query = query.where(`models.${column as 'id'}`, '=', value);
  return query.execute();
}

export async function findModel({ database }: ServiceContext, id: string): Promise<ModelWithSize> {
  const [row] = await selectModels(database, { id });
  return found(row, 'model');
}

/** GET /v1/models/{id}/file */
export async function sendModelFile(
  service: ServiceContext,
  { params, request }: Call<unknown, unknown>,
): Promise<Response> {
  return fileResponse(request, service.store.blobs, await findModel(service, params.id));
}

/** POST /v1/models/{id}/open: the weights in the clear. The audit log knows of it before they are. */
export async function openModel(service: ServiceContext, { params }: Call<unknown, unknown>): Promise<Response> {
  const row = await findModel(service, params.id);
  const { setName } = await setOfKey(service, row.keyId);
  const sealed = await loadModel(service, row.sha256, setName);
  await transact(service, (transaction) =>
    appendAudit(transaction, service.now(), {
      actor: 'owner',
      action: 'open',
      subject: row.id,
      details: { key: row.keyId },
    }),
  );
  const model = await service.keys.use(row.keyId, (keys) => open(sealed, keys));
  const bytes = writeModelFile(model) as Uint8Array<ArrayBuffer>;
  return new Response(bytes, {
    headers: {
      'content-type': BINARY,
      'content-length': `${bytes.length}`,
      'content-disposition': `attachment; filename="${row.id.slice(0, 12)}.safetensors"`,
      'cache-control': 'no-store',
    },
  });
}

export async function setOfKey({ database }: ServiceContext, keyId: string): Promise<{ readonly setName: string }> {
  return found(await database.selectFrom('keys').select('setName').where('id', '=', keyId).executeTakeFirst(), 'key');
}

/** Notes that a file is there, in the transaction that first names it. */
export async function noteBlob(transaction: Database, { sha256, bytes }: Blob, now: Date): Promise<void> {
  await transaction
    .insertInto('blobs')
    .values({ sha256, bytes, createdAt: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
