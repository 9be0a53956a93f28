/**
 * What binds files of keys to their owner. The key's identifier is a fingerprint of the whole public key and of a signing
 * key (Ed25519, RFC 8032) that was made with it; that one signs the digests of each file, evaluation keys and all. Models,
 * predictions, checkpoints and refreshes name the identifier, so whoever has one of them, or was told it, knows
 * which keys are the owner's.
 */
import * as z from 'zod';
import { bytesToHex, concatBytes, sha256, utf8ToBytes } from '../base/bytes.ts';
import { checkBytes } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { base64UrlToBytes, bytesToBase64Url } from './base64-url.ts';
import { type ContainerReader, verifyRest } from './container-reader.ts';
import type { ContainerContents } from './container-writer.ts';
import { hexIdentifier } from './schema.ts';
import { type SigningKey, signBytes, verifyBytes } from './signing-key.ts';

export const SIGNER_BYTES = 32;
export const SIGNATURE_BYTES = 64;
/** Of an identifier: 128 bits against a second key with the same one. */
const IDENTIFIER_BYTES = 16;

const IDENTIFIED = utf8ToBytes('hermetic key v2\n');
const SIGNED = utf8ToBytes('hermetic keys v1\n');

export interface IdentifiedKey {
  /** SHA-256 of the parameters. */
  readonly parameterHash: Uint8Array;
  /** The raw public half of the owner's signing key. */
  readonly signer: Uint8Array;
  readonly publicSeed: Uint8Array;
  /** b of the public key, all limbs, as its section holds them. */
  readonly publicSection: Uint8Array;
}

/** The identifier of a key pair, 32 hexadecimal digits: the owner's fingerprint. */
export async function fingerprintOf(key: IdentifiedKey): Promise<string> {
  const { parameterHash, signer, publicSeed, publicSection } = key;
  checkBytes('signer', signer, SIGNER_BYTES);
  const section = await sha256(publicSection);
  const digest = await sha256(concatBytes(IDENTIFIED, parameterHash, signer, publicSeed, section));
  return bytesToHex(digest.subarray(0, IDENTIFIER_BYTES));
}

export function signerOf({ publicKey }: SigningKey): Uint8Array {
  return base64UrlToBytes(publicKey);
}

/** What `writeContainer` puts last into a file of keys. */
export function signatureBy(signing: SigningKey): NonNullable<ContainerContents['signature']> {
  const make = async (digest: Uint8Array): Promise<Uint8Array> =>
    base64UrlToBytes(await signBytes(signing, concatBytes(SIGNED, digest)));
  return { bytes: SIGNATURE_BYTES, make };
}

/**
 * Reads the last section of a file of keys, all others having been read.
 * @throws HermeticError WRONG_KEY unless the owner of `signer` signed them; BAD_FILE
 */
export async function requireSignature(signer: Uint8Array, file: ContainerReader, what: string): Promise<void> {
  const signed = concatBytes(SIGNED, await file.digest());
  const signature = await file.readSection();
  if (await verifyBytes(bytesToBase64Url(signer), bytesToBase64Url(signature), signed)) return;
  throw new HermeticError('WRONG_KEY', `${what} are not as their owner signed them`, {
    expected: 'the signature of the key that the file names',
    got: 'another, or none',
    mend: 'Somebody may have exchanged them: ask the owner for the file again, by another way.',
  });
}

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const signedHeader = z.looseObject({ keyId: hexIdentifier, signer: bytes, publicSeed: bytes.optional() });

/**
 * Reads what is left of a file of keys only to check it, and returns its root digest, and whether the owner of the
 * identifier that it names signed it: of bootstrapping keys only the trainer keys beside them tell whose the signer is.
 * @throws HermeticError WRONG_KEY for a signature or an identifier that is another's; BAD_FILE
 */
export async function verifyKeys(
  file: ContainerReader,
): Promise<{ readonly root: Uint8Array; readonly signed: boolean }> {
  const header = signedHeader.safeParse(file.content).data;
  const sections = file.sectionLengths.length - 1;
  if (header?.signer.length !== SIGNER_BYTES || sections < 1) return { root: await verifyRest(file), signed: false };
  const { keyId, signer, publicSeed } = header;
  const publicSection = await file.readSection();
  for (let i = 1; i < sections; i++) await file.readSection();
  await requireSignature(signer, file, 'these keys');
  const root = await file.finish();
  if (file.kind !== 'trainer-keys') return { root, signed: true };
  const { parameterHash } = file;
  const seed = publicSeed ?? new Uint8Array();
  const fingerprint = await fingerprintOf({ parameterHash, signer, publicSeed: seed, publicSection });
  if (fingerprint === keyId) return { root, signed: true };
  throw new HermeticError('WRONG_KEY', 'these keys name another owner than they are of', {
    expected: keyId,
    got: fingerprint,
    mend: 'Somebody may have exchanged them: ask the owner for the file again, by another way.',
  });
}
