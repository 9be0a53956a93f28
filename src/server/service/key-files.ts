/** A fresh key of a network: its secret on the key ring, its public files in the store. */
import { writeBootstrappingKeys } from '../../owner/bootstrapping-keys.ts';
import { writeTrainerKeys } from '../../owner/key-file.ts';
import type { CreatedKeys } from '../../owner/owner-keys.ts';
import type { Blob } from '../node/blob-files.ts';
import type { Database } from '../store/database.ts';
import type { ServiceContext } from './context.ts';
import { noteBlob } from './models.ts';

export interface NewKey {
  readonly keyId: string;
  readonly set: string;
  readonly trainerKeys: Blob;
  readonly bootstrappingKeys: Blob | undefined;
}

/**
 * Makes a key, stores what trainers get of it, and lends it to `work`. Takes from seconds to minutes, and much memory: one
 * is made after another.
 */
export function createKey<T>(
  service: ServiceContext,
  set: string,
  work: (keys: CreatedKeys) => Promise<T>,
): Promise<{ readonly key: NewKey; readonly result: T }> {
  return service.sequence.of('new key', () => makeKey(service, set, work));
}

function makeKey<T>(
  { keys, store: { blobs } }: ServiceContext,
  set: string,
  work: (keys: CreatedKeys) => Promise<T>,
): Promise<{ readonly key: NewKey; readonly result: T }> {
  return keys.create(set, async (created) => {
    const result = await work(created);
    const trainerKeys = await blobs.put((sink) => writeTrainerKeys(sink, created));
    const bootstraps = created.context.parameters.bootstrapping !== undefined;
    const bootstrappingKeys = bootstraps ? await blobs.put((sink) => writeBootstrappingKeys(sink, created)) : undefined;
    return { key: { keyId: created.keyId, set, trainerKeys, bootstrappingKeys }, result };
  });
}

/** The rows of a key, in the transaction of what it was made for. */
export async function insertKey(
  transaction: Database,
  { keyId, set, trainerKeys, bootstrappingKeys }: NewKey,
  owner: { readonly networkId: string; readonly partyId: string | null; readonly now: Date },
): Promise<void> {
  const { networkId, partyId, now } = owner;
  await noteBlob(transaction, trainerKeys, now);
  if (bootstrappingKeys !== undefined) await noteBlob(transaction, bootstrappingKeys, now);
  await transaction
    .insertInto('keys')
    .values({
      id: keyId,
      networkId,
      partyId,
      setName: set,
      createdAt: now,
      trainerKeysSha256: trainerKeys.sha256,
      bootstrappingKeysSha256: bootstrappingKeys?.sha256 ?? null,
    })
    .execute();
}
