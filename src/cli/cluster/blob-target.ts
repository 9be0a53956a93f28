/** `--blobs`: a folder, or a store over HTTP with a cache on this machine. */

import { homedir } from 'node:os';
import { join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';
import type { BlobStore } from '../../cluster/blob-store.ts';
import { httpBlobs } from '../../cluster/http-blobs.ts';
import { cachedBlobs } from '../../cluster/node/cached-blobs.ts';
import { folderBlobs } from '../../cluster/node/folder-blobs.ts';
import type { Io } from '../io.ts';
import { readToken } from '../token-file.ts';

/** A step's ciphertexts of the largest networks, twice. */
const CACHE_BYTES = 2 ** 32;

/** HermeticError BAD_ARGUMENT, DISK. */
export async function openBlobs(
  target: string,
  tokenFile: string | undefined,
  { env }: Pick<Io, 'env'>,
): Promise<BlobStore> {
  if (!/^https?:\/\//.test(target)) return folderBlobs(target);
  if (tokenFile === undefined || !URL.canParse(target)) {
    throw new HermeticError('BAD_ARGUMENT', 'a store of blobs over HTTP wants an address and a token', {
      mend: 'Give --blobs http://host:port and --blobs-token-file FILE.',
    });
  }
  const cache = env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const remote = httpBlobs({ url: target, token: await readToken(tokenFile) });
  return cachedBlobs(remote, join(cache, 'hermetic', `blobs-${process.pid}`), CACHE_BYTES);
}
