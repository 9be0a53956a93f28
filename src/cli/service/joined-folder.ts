/**
 * A trainer's folder: where the service is, what opens it, the key that records are signed with, and the files of the
 * network. Tokens and keys are for its owner's eyes alone.
 */

import { readFile, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { utf8ToBytes } from '../../base/bytes.ts';
import { HermeticError } from '../../base/errors.ts';
import type { ServiceClient } from '../../client/service-client.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { importSigningKey, type SigningKey } from '../../protocol/signing-key.ts';
import type { Console } from '../console.ts';
import { readShortText } from '../short-text.ts';
import { readToken } from '../token-file.ts';
import { serviceAt } from './service-flags.ts';

export interface FolderPaths {
  readonly description: string;
  readonly token: string;
  readonly signingKey: string;
  readonly keys: string;
  readonly bootstrappingKeys: string;
  readonly model: string;
  readonly trained: string;
  readonly record: string;
  /** The salt of the record's data commitment: what opens it, if its trainer wants to. */
  readonly salt: string;
}

function pathsIn(folder: string): FolderPaths {
  return {
    description: join(folder, 'service.json'),
    token: join(folder, 'token'),
    signingKey: join(folder, 'signing.key'),
    keys: join(folder, 'trainer.keys'),
    bootstrappingKeys: join(folder, 'bootstrapping.keys'),
    model: join(folder, 'model.sealed'),
    trained: join(folder, 'trained.sealed'),
    record: join(folder, 'training-record.json'),
    salt: join(folder, 'data-commitment.salt'),
  };
}

/** What `service.json` holds: nothing secret. */
export interface JoinedService {
  /** Base address. */
  readonly url: string;
  readonly partyId: string;
  readonly party: string;
  readonly networkId: string;
}

const description: z.ZodType<JoinedService & { readonly schema: 1 }> = z.object({
  schema: z.literal(1),
  url: z.url(),
  partyId: z.string().max(64),
  party: z.string().max(80),
  networkId: z.string().max(64),
});

export interface JoinedFolder {
  readonly paths: FolderPaths;
  readonly service: JoinedService;
  readonly client: ServiceClient;
}

/** HermeticError BAD_ARGUMENT where a folder holds what an earlier invitation brought, or files of those names. DISK. */
export async function makeJoinedFolder(folder: string): Promise<FolderPaths> {
  const paths = pathsIn(folder);
  const isThere = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;
  // An attempt before this one leaves the key and the token that it offered.
  const { signingKey, token, ...others } = paths;
  const taken = (await isThere(signingKey)) ? Object.values(others) : [token, ...Object.values(others)];
  for (const path of taken) {
    if (!(await isThere(path))) continue;
    const joined = path === paths.description;
    throw new HermeticError(
      'BAD_ARGUMENT',
      joined ? `${folder} has joined a network already` : `${path} is there already`,
      {
        mend: 'Name another folder with --out.',
      },
    );
  }
  await makeFolder(folder);
  return paths;
}

/** Undoes `makeJoinedFolder` where nothing came of it: what was offered, and the folder if nothing else is in it. */
export async function leaveFolder(folder: string): Promise<void> {
  const { signingKey, token } = pathsIn(folder);
  for (const path of [token, signingKey]) await rm(path, { force: true });
  await rmdir(folder).catch(() => {});
}

export async function writeSecret(path: string, text: string): Promise<void> {
  await writeFileAtomically(path, (sink) => sink.write(utf8ToBytes(`${text}\n`)), { mode: 0o600 });
}

export async function writeJson(path: string, value: Readonly<Record<string, unknown>>): Promise<void> {
  await writeFileAtomically(path, (sink) => sink.write(utf8ToBytes(`${JSON.stringify(value, null, 2)}\n`)));
}

export async function writeDescription(paths: FolderPaths, service: JoinedService): Promise<void> {
  await writeJson(paths.description, { schema: 1, ...service });
}

/** A folder that `hermetic join` made. HermeticError BAD_ARGUMENT for any other, DISK, BAD_FILE. */
export async function openJoinedFolder(console: Console, folder: string): Promise<JoinedFolder> {
  const paths = pathsIn(folder);
  const service = await readDescription(paths, folder);
  const client = await serviceAt(console, service.url, await readToken(paths.token));
  return { paths, service, client };
}

async function readDescription(paths: FolderPaths, folder: string): Promise<JoinedService> {
  const text = await readFile(paths.description, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw diskError(error, 'read', paths.description);
    throw new HermeticError('BAD_ARGUMENT', `${folder} has not joined a network`, {
      mend: 'hermetic join LINK --out FOLDER makes such a folder.',
    });
  });
  try {
    const { url, partyId, party, networkId } = description.parse(JSON.parse(text));
    return { url, partyId, party, networkId };
  } catch (cause) {
    throw new HermeticError('BAD_FILE', `${paths.description} is damaged`, {
      mend: 'Restore it from a copy, or ask the owner for another invitation.',
      cause,
    });
  }
}

/** HermeticError DISK, BAD_FILE. */
export async function readSigningKey({ signingKey }: FolderPaths): Promise<SigningKey> {
  return importSigningKey(await readShortText(signingKey));
}
