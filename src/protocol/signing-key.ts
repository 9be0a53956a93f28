/**
 * The key that a trainer signs with: Ed25519 (RFC 8032) by WebCrypto. The public half goes to the owner when an invitation is
 * accepted; the private half stays with the trainer, as a text that can be stored.
 */
import { bytesOf } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { base64UrlToBytes, bytesToBase64Url } from './base64-url.ts';

export interface SigningKey {
  readonly privateKey: CryptoKey;
  /** 32 bytes, base64url. */
  readonly publicKey: string;
}

const ALGORITHM = 'Ed25519';

/** A new key from the system's randomness. @throws HermeticError BAD_ARGUMENT where this browser knows no Ed25519 */
export async function createSigningKey(): Promise<SigningKey> {
  const pair = (await known(() => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']))) as CryptoKeyPair;
  const raw = await crypto.subtle.exportKey('raw', pair.publicKey);
  return { privateKey: pair.privateKey, publicKey: bytesToBase64Url(new Uint8Array(raw)) };
}

/** The private key (PKCS #8, base64url) with the public one behind a point: a secret. For `importSigningKey`. */
export async function exportSigningKey({ privateKey, publicKey }: SigningKey): Promise<string> {
  const secret = new Uint8Array(await crypto.subtle.exportKey('pkcs8', privateKey));
  const text = `${bytesToBase64Url(secret)}.${publicKey}`;
  secret.fill(0);
  return text;
}

/**
 * What `exportSigningKey` wrote, tried out: its halves must belong together.
 * @throws HermeticError BAD_FILE for anything else
 */
export async function importSigningKey(text: string): Promise<SigningKey> {
  const [secret = '', publicKey = ''] = text.trim().split('.');
  try {
    const pkcs8 = base64UrlToBytes(secret);
    const privateKey = await known(() => crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']));
    pkcs8.fill(0);
    const key = { privateKey, publicKey };
    const trial = new Uint8Array(1);
    if (await verifyBytes(publicKey, await signBytes(key, trial), trial)) return key;
  } catch (error) {
    if (error instanceof HermeticError && error.code === 'BAD_ARGUMENT') throw error;
  }
  // Nothing of the text or of its error: it may be a key with one character wrong.
  throw new HermeticError('BAD_FILE', 'this is no signing key', {
    mend: 'Restore the file, or join with a new key: the owner must invite you again.',
  });
}

/** A signature of 64 bytes, base64url. */
export async function signBytes({ privateKey }: SigningKey, bytes: Uint8Array): Promise<string> {
  return bytesToBase64Url(new Uint8Array(await crypto.subtle.sign(ALGORITHM, privateKey, owned(bytes))));
}

/** False for signatures and public keys that are none, too. */
export async function verifyBytes(publicKey: string, signature: string, bytes: Uint8Array): Promise<boolean> {
  let raw: Uint8Array<ArrayBuffer>;
  let signed: Uint8Array<ArrayBuffer>;
  try {
    [raw, signed] = [base64UrlToBytes(publicKey), base64UrlToBytes(signature)];
  } catch {
    return false;
  }
  const key = await known(() => crypto.subtle.importKey('raw', raw, ALGORITHM, true, ['verify'])).catch(noKey);
  return key !== undefined && crypto.subtle.verify(ALGORITHM, key, signed, owned(bytes));
}

/** @throws HermeticError WRONG_KEY unless a record names the key of the party that hands it in */
export function requireOwnKey(named: string, publicKey: string): void {
  if (named === publicKey) return;
  throw new HermeticError('WRONG_KEY', 'the training record is signed with the key of another party', {
    expected: `${publicKey.slice(0, 12)}…`,
    got: `${named.slice(0, 12)}…`,
    mend: 'Sign it with the key that was named when the invitation was accepted.',
  });
}

function noKey(error: unknown): undefined {
  if (error instanceof HermeticError) throw error;
}

/** WebCrypto's own word for an algorithm that it does not know, in ours. */
async function known<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error && cause.name === 'NotSupportedError')) throw cause;
    throw new HermeticError('BAD_ARGUMENT', 'this browser does not know Ed25519', {
      mend: 'Use a newer one, or train from the command line.',
      cause,
    });
  }
}

/** In memory that is not shared, which WebCrypto asks for. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytesOf(bytes));
}
