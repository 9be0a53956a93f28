/** What a trainer hands in: the sealed file, and the signed record of how it came to be, which waits beside it. */

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import * as z from 'zod';
import { HermeticError } from '../../base/errors.ts';
import { bytesToBase64Url } from '../../protocol/base64-url.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import type { Me, ServedModel, Upload, UploadRequest } from '../../protocol/service/types.ts';
import { commitToData, SALT_BYTES, type SignedRecord, signTrainingRecord } from '../../protocol/training-record.ts';
import { statedPrivacy } from '../../trainer/privacy.ts';
import type { Console } from '../console.ts';
import type { TrainOutcome } from '../train-file.ts';
import { type JoinedFolder, readSigningKey, writeJson, writeSecret } from './joined-folder.ts';

/** Signs what was done and keeps it in the folder, with the salt that opens the commitment to the data. */
export async function keepRecord({ paths }: JoinedFolder, me: Me, outcome: TrainOutcome): Promise<void> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const { parentModel, modelId, keyId, run, recipe, data, privacy } = outcome;
  const signed = await signTrainingRecord(
    {
      previous: me.model.recordDigest ?? null,
      parentModel,
      model: modelId,
      keyId,
      run,
      steps: recipe.steps,
      rows: data.rows,
      recipe,
      dataCommitment: await commitToData(data.digest, salt),
      ...(privacy && { privacy: statedPrivacy(privacy) }),
      createdAt: new Date().toISOString(),
    },
    await readSigningKey(paths),
  );
  await writeSecret(paths.salt, bytesToBase64Url(salt));
  await writeJson(paths.record, { schema: 1, ...signed });
}

const recordFile: z.ZodType<SignedRecord> = z.object({ record: z.string(), signature: z.string() });

async function readRecord({ paths }: JoinedFolder): Promise<SignedRecord> {
  try {
    return recordFile.parse(JSON.parse(await readFile(paths.record, 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw nothingTrained(error);
    if (error instanceof z.ZodError || error instanceof SyntaxError) {
      throw new HermeticError('BAD_FILE', `${paths.record} is damaged`, { mend: 'Train again.', cause: error });
    }
    throw diskError(error, 'read', paths.record);
  }
}

/** Uploads the trained file and hands it in with its record. HermeticError as the client, DISK, BAD_FILE. */
export async function submitTrained(console: Console, joined: JoinedFolder): Promise<ServedModel> {
  const { client, paths } = joined;
  const { record, signature } = await readRecord(joined);
  const upload = await uploadFile(console, joined, 'model', paths.trained);
  console.note('the owner tests it …');
  return client.submit({ uploadId: upload.id, record, signature }, { signal: console.io.signal });
}

/** Sends a file, going on with an upload of it that broke off. HermeticError as the client, DISK. */
export async function uploadFile(
  console: Console,
  { client }: Pick<JoinedFolder, 'client'>,
  kind: UploadRequest['kind'],
  path: string,
): Promise<Upload> {
  const content = await readFile(path).catch((error: unknown) => {
    throw diskError(error, 'read', path);
  });
  const progress = console.progress({
    unit: 'MB',
    title: basename(path),
    total: Math.ceil(content.length / 1e6),
  });
  const onProgress = (sent: number) => progress.update(Math.ceil(sent / 1e6));
  return client.upload(kind, content, { signal: console.io.signal, onProgress }).finally(() => progress.stop());
}

function nothingTrained(cause: unknown): HermeticError {
  return new HermeticError('BAD_ARGUMENT', 'there is nothing to hand in yet', {
    mend: 'hermetic train --joined FOLDER trains, and hands in.',
    cause,
  });
}
