/**
 * The trainer's signature. The private key is made in this browser, kept in IndexedDB so that not even this page can read
 * its bytes, and signs what a run did: a record that is chained to the one before it.
 */
import { newToken } from 'hermetic/client';
import {
  commitToData,
  createSigningKey,
  exportSigningKey,
  SALT_BYTES,
  type SignedRecord,
  type SigningKey,
  signTrainingRecord,
} from 'hermetic/protocol';
import type { Me } from '../lib/types.ts';
import type { LoadedNetwork, TrainedModel } from './training-api.ts';

const DATABASE = 'hermetic';
const STORE = 'keys';
const KEY = 'signing';
/** Made, and not yet accepted by a service. */
const OFFERED = 'offered';

/** What an invitation is accepted with. */
export interface Offer {
  readonly code: string;
  /** What lets the trainer in from then on. */
  readonly token: string;
  readonly key: SigningKey;
}

/**
 * A new key and token, kept beside those in use until `adoptOffer`. The same again for the same code: an acceptance whose
 * answer was lost, with this page perhaps, can be made once more.
 * @throws HermeticError BAD_ARGUMENT where this browser knows no Ed25519
 */
export async function offerFor(code: string): Promise<Offer> {
  const kept = (await inStore('readonly', (store) => store.get(OFFERED))) as Partial<Offer> | undefined;
  if (kept?.code === code) return kept as Offer;
  const offer = { code, token: newToken(), key: await makeSigningKey() };
  await inStore('readwrite', (store) => store.put(offer, OFFERED));
  return offer;
}

/** The private half cannot be read again, not even here. */
async function makeSigningKey(): Promise<SigningKey> {
  const made = await createSigningKey();
  const [pkcs8 = ''] = (await exportSigningKey(made)).split('.');
  const bytes = Uint8Array.from(atob(pkcs8.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const privateKey = await crypto.subtle.importKey('pkcs8', bytes, 'Ed25519', false, ['sign']);
  bytes.fill(0);
  return { privateKey, publicKey: made.publicKey };
}

/** The service has taken the offered key: from now on it signs. */
export async function adoptOffer({ key }: Offer): Promise<void> {
  await inStore('readwrite', (store) => {
    store.delete(OFFERED);
    return store.put(key, KEY);
  });
}

/** The key that was kept; undefined where there is none. */
export async function keptSigningKey(): Promise<SigningKey | undefined> {
  return (await inStore('readonly', (store) => store.get(KEY))) as SigningKey | undefined;
}

export async function forgetSigningKey(): Promise<void> {
  await inStore('readwrite', (store) => store.clear());
}

/** A record with the salt that opens its commitment to the data: the trainer's to keep. */
export interface Receipt extends SignedRecord {
  /** Hexadecimal. Says nothing to anybody without the rows. */
  readonly salt: string;
}

/** Signs what the run did. */
export async function signRun(
  key: SigningKey,
  me: Me,
  network: LoadedNetwork,
  trained: TrainedModel,
): Promise<Receipt> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const signed = await signTrainingRecord(
    {
      previous: me.model.recordDigest ?? null,
      parentModel: network.modelId,
      model: trained.modelId,
      keyId: network.keyId,
      run: trained.ownerRun ?? trained.run,
      steps: trained.recipe.steps,
      rows: trained.rows,
      recipe: trained.recipe,
      dataCommitment: await commitToData(trained.dataDigest, salt),
      ...(trained.privacy !== undefined && { privacy: trained.privacy }),
      createdAt: new Date().toISOString(),
    },
    key,
  );
  return { ...signed, salt: [...salt].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
}

function inStore(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => {
        database.close();
        resolve(request.result);
      };
      transaction.onabort = () => {
        database.close();
        reject(transaction.error);
      };
    };
  });
}
