/**
 * Uploads: announced, sent in parts, complete once the SHA-256 of the whole is the one that was announced. What a party's
 * uploads take up on the owner's disk, used or not, is bounded.
 */
import { sql } from 'kysely';
import type { Upload, UploadRequest } from '../../protocol/service/types.ts';
import { HttpProblem } from '../error-response.ts';
import { randomId } from '../node/durable.ts';
import { found, problem } from '../problems.ts';
import type { PartyRow, UploadRow } from '../store/tables.ts';
import { announcedSize, arriving, BINARY, requireType, tooLong } from './bodies.ts';
import { type ServiceContext, transact } from './context.ts';
import { findModel, forgetBlob, noteBlob } from './models.ts';
import type { Call } from './route.ts';

/** Of a call. */
const PART_BYTES = 2 ** 25;
/** Of a file, which is read as a whole: far above any of ours. */
const FILE_BYTES = 2 ** 30;
/** A model comes back with both halves of its ciphertexts, at fewer limbs: never much longer than twice what was given. */
const MODEL_GROWTH = 4;
const MODEL_HEADER_BYTES = 2 ** 20;
/** Uploads of a party that nothing was made of yet; the oldest gives way. */
const MOST_UNUSED = 8;

/** POST /v1/uploads. An upload of the same file that nothing was made of yet is gone on with. */
export async function beginUpload(
  service: ServiceContext,
  { party, body }: Call<UploadRequest, unknown>,
): Promise<Upload> {
  const { kind, bytes, sha256 } = body;
  const most = await longest(service, party, kind);
  if (bytes > most) throw new HttpProblem(413, tooLong(`${most} bytes`));
  return holdUploads(service, party.id, async () => {
    const unused = await service.database
      .selectFrom('uploads')
      .selectAll()
      .where('partyId', '=', party.id)
      .where('usedAt', 'is', null)
      .orderBy('createdAt', 'desc')
      .orderBy('id')
      .execute();
    const same = unused.find((row) => row.kind === kind && row.bytes === bytes && row.sha256 === sha256);
    if (same !== undefined) return uploadView(service, same);
    await makeRoom(service, party.id, bytes, unused);
    const row = {
      id: randomId(),
      partyId: party.id,
      kind,
      bytes,
      sha256,
      state: 'open',
      createdAt: service.now(),
    } as const;
    await service.database.insertInto('uploads').values(row).execute();
    return uploadView(service, { ...row, usedAt: null });
  });
}

/** One thing at a time with the uploads of a party: what is being judged or unlocked does not give way meanwhile. */
export function holdUploads<T>(service: ServiceContext, partyId: string, work: () => Promise<T>): Promise<T> {
  return service.sequence.of(`uploads ${partyId}`, work);
}

/**
 * Gives up the oldest of `unused` (newest first) until one more is not too many, and its bytes fit.
 * @throws HttpProblem 403, and gives up nothing, where they cannot
 */
async function makeRoom(
  service: ServiceContext,
  partyId: string,
  bytes: number,
  unused: readonly UploadRow[],
): Promise<void> {
  const most = service.uploadBytes;
  const used = await usedBytes(service, partyId);
  if (used + bytes > most) throw full(most, used, bytes);
  const kept = [...unused];
  const total = (): number => kept.reduce((sum, row) => sum + row.bytes, used + bytes);
  while (kept.length >= MOST_UNUSED || total() > most) await giveUp(service, kept.pop()!);
}

/** Of the files that submissions and requests of a party refer to, each counted once. */
async function usedBytes({ database }: ServiceContext, partyId: string): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select coalesce(sum(bytes), 0)::bigint as bytes from (
      select distinct sha256, bytes from uploads where party_id = ${partyId} and used_at is not null) as files`.execute(
    database,
  );
  return rows[0].bytes;
}

function full(most: number, used: number, bytes: number): HttpProblem {
  return problem(403, 'POLICY_DENIED', 'the files of this party would take up more than they may', {
    expected: `at most ${most} bytes in all`,
    got: `${used} kept and ${bytes} more`,
    mend: 'Ask the owner, who allows each party more with hermetic serve --upload-quota.',
  });
}

async function longest(service: ServiceContext, { modelId }: PartyRow, kind: UploadRow['kind']): Promise<number> {
  if (kind === 'predictions' || modelId === null) return FILE_BYTES;
  return Math.min(FILE_BYTES, MODEL_GROWTH * (await findModel(service, modelId)).bytes + MODEL_HEADER_BYTES);
}

/** Its file goes, as far as it arrived, unless something else is made of the same one. */
async function giveUp(service: ServiceContext, { id, sha256 }: UploadRow): Promise<void> {
  await service.sequence.of(`upload ${id}`, async () => {
    await service.database.deleteFrom('uploads').where('id', '=', id).execute();
    await service.store.uploads.remove(id);
    await forgetBlob(service, sha256);
  });
}

/** GET /v1/uploads/{id} */
export async function showUpload(service: ServiceContext, { party, params }: Call<unknown, unknown>): Promise<Upload> {
  return uploadView(service, await findUpload(service, party.id, params.id));
}

/** PATCH /v1/uploads/{id}?offset=N */
export async function sendPart(
  service: ServiceContext,
  { party, params: { id }, query: { offset }, request }: Call<unknown, { readonly offset: number }>,
): Promise<Upload> {
  requireType(request, BINARY);
  announcedSize(request, PART_BYTES);
  return service.sequence.of(`upload ${id}`, async () => {
    const row = await findUpload(service, party.id, id);
    const { uploads } = service.store;
    const received = row.state === 'complete' ? row.bytes : await uploads.received(id);
    if (offset !== received) throw wrongOffset(received, offset);
    if (row.state === 'complete') return uploadView(service, row);
    const most = Math.min(PART_BYTES, row.bytes - received);
    if (request.body !== null) {
      await uploads.append(
        id,
        arriving(request.body) as unknown as AsyncIterable<Uint8Array>,
        most,
        () => new HttpProblem(413, tooLong(`${most} bytes`)),
      );
    }
    if ((await uploads.received(id)) === row.bytes) await complete(service, row);
    return uploadView(service, await findUpload(service, party.id, id));
  });
}

async function complete(service: ServiceContext, { id, sha256, bytes }: UploadRow): Promise<void> {
  const { uploads, blobs } = service.store;
  if ((await uploads.digest(id)) !== sha256) {
    await uploads.empty(id);
    throw problem(400, 'BAD_FILE', 'what arrived is not the file that was announced', {
      mend: 'Send it again from its beginning.',
    });
  }
  await service.sequence.of(`blob ${sha256}`, async () => {
    await blobs.adopt(uploads.pathOf(id), sha256);
    await transact(service, async (transaction) => {
      await noteBlob(transaction, { sha256, bytes }, service.now());
      await transaction.updateTable('uploads').set({ state: 'complete' }).where('id', '=', id).execute();
    });
  });
  await uploads.remove(id);
}

async function findUpload({ database }: ServiceContext, partyId: string, id: string): Promise<UploadRow> {
  const query = database.selectFrom('uploads').selectAll().where('id', '=', id).where('partyId', '=', partyId);
  return found(await query.executeTakeFirst(), 'upload');
}

/** An upload of this party that has arrived. @throws HttpProblem 404, 409, 400 */
export async function completeUpload(
  service: ServiceContext,
  partyId: string,
  id: string,
  kind: UploadRow['kind'],
): Promise<UploadRow> {
  const row = await findUpload(service, partyId, id);
  if (row.kind !== kind)
    throw problem(400, 'BAD_ARGUMENT', 'this upload is of another kind', { expected: kind, got: row.kind });
  if (row.state !== 'complete')
    throw problem(409, 'BAD_ARGUMENT', 'this upload is not complete', { mend: 'Send the rest.' });
  return row;
}

async function uploadView({ store }: ServiceContext, { id, bytes, state }: UploadRow): Promise<Upload> {
  const received = state === 'complete' ? bytes : Math.min(bytes, await store.uploads.received(id));
  return { id, received, bytes, state };
}

function wrongOffset(expected: number, got: number): Error {
  return problem(409, 'BAD_ARGUMENT', 'the part does not begin where the last one ended', {
    expected: `${expected}`,
    got: `${got}`,
    mend: 'Go on from there.',
  });
}
