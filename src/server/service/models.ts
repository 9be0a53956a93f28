/** Sealed models in the store: found, sent, opened. */
import type { HeldOutFigures } from '../../owner/gates.ts';
import type { Blob } from '../node/blob-files.ts';
import { found } from '../problems.ts';
import { appendAudit } from '../store/audit-log.ts';
import { forgetBlobRows } from '../store/blob-rows.ts';
import type { Database } from '../store/database.ts';
import type { ModelRow } from '../store/tables.ts';
import { BINARY } from './bodies.ts';
import { type ServiceContext, transact } from './context.ts';
import { fileResponse } from './file-response.ts';
import type { Call } from './route.ts';

export type ModelWithSize = ModelRow & { readonly bytes: number };

/** What was measured on the held-out rows, as a model's row keeps it. */
export function figureColumns(figures: HeldOutFigures | undefined): Pick<ModelRow, 'accuracy' | 'loss'> {
  return { accuracy: figures?.accuracy ?? null, loss: figures?.loss ?? null };
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
  const { setName: set } = await setOfKey(service, row.keyId);
  await transact(service, (transaction) =>
    appendAudit(transaction, service.now(), {
      actor: 'owner',
      action: 'open',
      subject: row.id,
      details: { key: row.keyId },
    }),
  );
  const { sha256, keyId } = row;
  const bytes = await service.vault.run('openModel', { model: { sha256, set }, keyId });
  return new Response(bytes as Uint8Array<ArrayBuffer>, {
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

/** Removes a file that came from outside, once no row names it: its name must not be taken up meanwhile. */
export function forgetBlob(service: ServiceContext, sha256: string): Promise<void> {
  return service.sequence.of(`blob ${sha256}`, async () => {
    for (const gone of await forgetBlobRows(service.database, sha256)) await service.store.blobs.remove(gone);
  });
}
