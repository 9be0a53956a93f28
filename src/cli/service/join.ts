/**
 * Accepting an invitation: the key to sign with and the token first, so that the same command again, after an answer was
 * lost or the program died, is the same acceptance; then the files.
 */

import { stat } from 'node:fs/promises';
import { HermeticError } from '../../base/errors.ts';
import { parseInvitationLink } from '../../client/invitation.ts';
import { withFileSource } from '../../protocol/node/file-source.ts';
import { readSealedModel } from '../../protocol/sealed-model.ts';
import type { Me } from '../../protocol/service/types.ts';
import { createSigningKey, exportSigningKey, type SigningKey } from '../../protocol/signing-key.ts';
import { requireTrainerKey } from '../../trainer/trainer-keys.ts';
import type { Console } from '../console.ts';
import { readOrMakeToken } from '../token-file.ts';
import { loadTrainerKeys } from '../train-file.ts';
import { fetchFiles } from './fetch-files.ts';
import {
  type FolderPaths,
  type JoinedFolder,
  leaveFolder,
  makeJoinedFolder,
  openJoinedFolder,
  readSigningKey,
  writeDescription,
  writeSecret,
} from './joined-folder.ts';
import { serviceAt } from './service-flags.ts';

export interface Joined {
  readonly folder: JoinedFolder;
  readonly me: Me;
}

/** HermeticError BAD_ARGUMENT, POLICY_DENIED for a code that is used or unknown, and as `fetchFiles`. */
export async function joinService(console: Console, link: string, out: string): Promise<Joined> {
  const { url, code } = parseInvitationLink(link);
  const paths = await makeJoinedFolder(out);
  const { publicKey } = await signingKeyIn(paths);
  const { token } = await readOrMakeToken(paths.token);
  const client = await serviceAt(console, url);
  const { party } = await client
    .acceptInvitation({ code, publicKey, token }, { signal: console.io.signal })
    .catch(async (error: unknown) => {
      if (wasNotAccepted(error)) await leaveFolder(out);
      throw error;
    });
  const { id: partyId, name, networkId = '' } = party;
  await writeDescription(paths, { url, partyId, party: name, networkId });
  const folder = await openJoinedFolder(console, out);
  const me = await folder.client.me({ signal: console.io.signal });
  await fetchFiles(console, folder, me);
  await requireFitting(console, folder, me);
  return { folder, me };
}

/** Refused, or not heard: otherwise the answer may be lost alone, and the next attempt must offer the same key. */
function wasNotAccepted(error: unknown): boolean {
  if (error instanceof HermeticError && ['POLICY_DENIED', 'BAD_ARGUMENT'].includes(error.code)) return true;
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && ['ECONNREFUSED', 'ENOTFOUND'].includes(String(at.code))) return true;
  }
  return false;
}

/** The key that an attempt before this one made, or a new one. */
async function signingKeyIn(paths: FolderPaths): Promise<SigningKey> {
  const there = await stat(paths.signingKey).catch(() => undefined);
  if (there !== undefined) return readSigningKey(paths);
  const key = await createSigningKey();
  await writeSecret(paths.signingKey, await exportSigningKey(key));
  return key;
}

/** Keys and model, read as training will: whole, of one key, and the model that was announced. */
async function requireFitting(console: Console, { paths }: JoinedFolder, me: Me): Promise<void> {
  const keys = await loadTrainerKeys(console, paths.keys, { threads: 1 });
  try {
    const model = await withFileSource(paths.model, (source) =>
      readSealedModel(source, { parametersFor: () => keys.parameters, onWarning: () => {} }),
    );
    requireTrainerKey(keys, model.keyId, 'the model');
    if (model.modelId === me.model.id) return;
    throw new HermeticError('BAD_FILE', 'the service handed out another model than it said', {
      expected: me.model.id,
      got: model.modelId,
      mend: 'Tell the owner.',
    });
  } finally {
    keys.dispose();
  }
}
