/**
 * `owner.key`: a container with a public header and one section, an age file that holds the secret. The header tells
 * anyone the parameter set and the key's identifier; inside the envelope both stand again, so that a secret cannot be
 * put behind another header.
 */
import * as z from 'zod';
import { equalBytes } from '../../base/bytes.ts';
import { badFile } from '../bad-file.ts';
import type { ByteSink, ByteSource } from '../byte-source.ts';
import { decodeCbor, encodeCbor } from '../cbor.ts';
import { type ReadOptions, readContainer } from '../container-reader.ts';
import { writeContainer } from '../container-writer.ts';
import type { ParameterDescription } from '../parameters.ts';
import { checkHeader, hexIdentifier, parseHeader } from '../schema.ts';
import { decryptWithPassphrase, encryptWithPassphrase, type PassphraseOptions } from './passphrase.ts';

export interface OwnerKeyFile {
  readonly parameters: ParameterDescription;
  readonly parameterHash: Uint8Array;
  /** Identifier of the public key: SHA-256 of it, in hexadecimal. */
  readonly keyId: string;
  /** Seeds and keys as the owner's code knows them: CBOR-like data (numbers, strings, Uint8Array, arrays, objects). */
  readonly secret: unknown;
}

/** An owner key holds seeds and a ternary polynomial at most; more is not one of ours. */
const MAX_BYTES: number = 64 << 20;

const publicHeader = z.strictObject({ keyId: hexIdentifier });

const envelope = z.strictObject({
  keyId: hexIdentifier,
  parameterHash: z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === 32),
  secret: z.unknown(),
});

/** Locks the key and writes the file; use a sink of mode 0600. */
export async function writeOwnerKey(
  sink: ByteSink,
  key: OwnerKeyFile,
  passphrase: string,
  options: PassphraseOptions = {},
): Promise<void> {
  const { parameters, parameterHash, keyId, secret } = key;
  const content = checkHeader(publicHeader, { keyId }, 'owner key');
  const plain = encodeCbor({ keyId, parameterHash, secret });
  const locked = await encryptWithPassphrase(plain, passphrase, options);
  plain.fill(0);
  await writeContainer(sink, {
    kind: 'owner-key',
    parameterHash,
    parameters,
    content,
    sectionLengths: [locked.length],
    sections: [locked],
  });
}

/** What anyone may know of the file. Throws BAD_FILE. */
export async function ownerKeyHeader(source: ByteSource): Promise<Pick<OwnerKeyFile, 'keyId' | 'parameters'>> {
  const container = await readContainer(source, { maxBytes: MAX_BYTES, kind: 'owner-key', onWarning: () => {} });
  const { keyId } = parseHeader(publicHeader, container.content, 'the header of the owner key');
  return { keyId, parameters: container.parameters };
}

/** Throws WRONG_PASSPHRASE, or BAD_FILE for a file that is damaged or put together from two. */
export async function readOwnerKey(
  source: ByteSource,
  passphrase: string,
  options: ReadOptions = {},
): Promise<OwnerKeyFile> {
  const container = await readContainer(source, { maxBytes: MAX_BYTES, ...options, kind: 'owner-key' });
  const { keyId } = parseHeader(publicHeader, container.content, 'the header of the owner key');
  if (container.sectionLengths.length !== 1) throw badFile('an owner key has one section');
  const locked = await container.readSection();
  await container.finish();
  const plain = await decryptWithPassphrase(locked, passphrase);
  const inner = parseHeader(envelope, decodeCbor(plain, 'the owner key'), 'the owner key');
  plain.fill(0);
  if (inner.keyId !== keyId || !equalBytes(inner.parameterHash, container.parameterHash)) {
    throw badFile('the secret belongs to another key than the header says', {
      mend: 'Restore the file from a backup.',
    });
  }
  return { parameters: container.parameters, parameterHash: container.parameterHash, keyId, secret: inner.secret };
}
