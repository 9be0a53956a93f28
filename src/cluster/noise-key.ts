/**
 * The seed of a run's noise on its way to the machines that hold rows. Whoever has it can take the noise off again: so
 * it does not lie in the store of blobs as it is, but under a key that the trainer alone brings to the machines (AES-256-GCM).
 * A machine with another key, or none, cannot open it, and does not train on rows without noise instead.
 */
import { bytesToHex, concatBytes, hexToBytes, sha256, utf8ToBytes } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import type { PrivacySettings } from '../trainer/privacy.ts';
import { NOISE_SEED_BYTES } from '../trainer/privacy-random.ts';
import type { RunPrivacy } from '../trainer/run-settings.ts';

/** Privacy as the description of a run tells it. */
export interface SealedNoise extends PrivacySettings {
  /** Nonce and sealed seed, in hexadecimal. */
  readonly seed: string;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const SEALED_SEED_DIGITS: number = 2 * (NONCE_BYTES + NOISE_SEED_BYTES + TAG_BYTES);

/** Of a secret text of high entropy, such as a token file holds. */
export async function noiseKey(secret: string): Promise<CryptoKey> {
  const bytes = await sha256(utf8ToBytes(`hermetic noise key v1\n${secret}`));
  return crypto.subtle.importKey('raw', bytes as Uint8Array<ArrayBuffer>, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/**
 * The nonce follows from run and seed: a run that goes on has the description that it began with, and no other seed is ever
 * sealed under the same nonce.
 */
export async function sealNoise(key: CryptoKey, run: string, privacy: RunPrivacy): Promise<SealedNoise> {
  const seed = hexToBytes(privacy.seed);
  const nonce = (await sha256(concatBytes(utf8ToBytes(`hermetic noise nonce v1\n${run}\n`), seed))).slice(
    0,
    NONCE_BYTES,
  );
  const sealed = await crypto.subtle.encrypt(algorithm(nonce, run), key, seed as Uint8Array<ArrayBuffer>);
  return { ...privacy, seed: bytesToHex(concatBytes(nonce, new Uint8Array(sealed))) };
}

/** The seed. @throws HermeticError BAD_ARGUMENT without the key of the run */
export async function openNoise(key: CryptoKey | undefined, run: string, { seed }: SealedNoise): Promise<Uint8Array> {
  const bytes = hexToBytes(seed);
  const [nonce, sealed] = [bytes.slice(0, NONCE_BYTES), bytes.slice(NONCE_BYTES)];
  try {
    if (key !== undefined) return new Uint8Array(await crypto.subtle.decrypt(algorithm(nonce, run), key, sealed));
  } catch {
    // Told below: another key.
  }
  throw new HermeticError('BAD_ARGUMENT', 'the run adds noise to rows, and this machine does not have its key', {
    mend: 'Give --noise-key the file that the coordinator was started with.',
  });
}

function algorithm(nonce: Uint8Array, run: string): AesGcmParams {
  const additionalData = utf8ToBytes(run) as Uint8Array<ArrayBuffer>;
  return { name: 'AES-GCM', iv: nonce as Uint8Array<ArrayBuffer>, additionalData };
}
