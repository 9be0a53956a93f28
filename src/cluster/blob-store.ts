/**
 * Where ciphertexts lie between machines: by the SHA-256 of their bytes. Whoever fetches a blob hashes what arrives, so a
 * store is trusted with nothing but keeping.
 */
import { bytesToHex, sha256 } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';

export interface BlobStore {
  /** Stores, and gives the name: SHA-256 in hexadecimal. Storing what is there already changes nothing. */
  put(bytes: Uint8Array): Promise<string>;
  /** The bytes of that hash. @throws HermeticError BAD_FILE where they are missing, others, or more than `maxBytes` */
  get(name: string, maxBytes: number): Promise<Uint8Array>;
  remove(name: string): Promise<void>;
}

export const BLOB_NAME: RegExp = /^[0-9a-f]{64}$/;

export async function blobName(bytes: Uint8Array): Promise<string> {
  return bytesToHex(await sha256(bytes));
}

/** The bytes, if their hash is `name`. @throws HermeticError BAD_FILE */
export async function requireBlob(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  const got = await blobName(bytes);
  if (got === name) return bytes;
  throw new HermeticError('BAD_FILE', `the blob ${short(name)} is damaged`, {
    expected: `SHA-256 ${short(name)}`,
    got: short(got),
    mend: 'Whoever stored it must store it again.',
  });
}

export function missingBlob(name: string): HermeticError {
  return new HermeticError('BAD_FILE', `the blob ${short(name)} is missing`, {
    mend: 'All machines of a run must use the same store of blobs.',
  });
}

export function blobTooLarge(name: string, maxBytes: number): HermeticError {
  return new HermeticError('BAD_FILE', `the blob ${short(name)} is larger than any that belongs here`, {
    expected: `at most ${maxBytes} bytes`,
  });
}

function short(name: string): string {
  return `${name.slice(0, 12)}…`;
}
