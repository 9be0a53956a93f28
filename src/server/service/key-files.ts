/** What the store knows of a fresh key, whose secret and public files it has. */
import type { Database } from '../store/database.ts';
import type { NewKey } from '../vault/jobs.ts';
import { noteBlob } from './models.ts';

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
