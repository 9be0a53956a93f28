/** `owner.key` and `trainer.keys`: what a pair of keys looks like at rest. */
import * as z from 'zod';
import { HermeticError } from '../base/errors.ts';
import type { ByteSink, ByteSource } from '../protocol/byte-source.ts';
import { knownParameterSet, trainerKeysBody } from '../protocol/ckks-codec.ts';
import type { ReadOptions } from '../protocol/container-reader.ts';
import { writeContainer } from '../protocol/container-writer.ts';
import { signatureBy, signerOf } from '../protocol/key-signature.ts';
import { parseHeader } from '../protocol/schema.ts';
import { readOwnerKey, writeOwnerKey } from '../protocol/secret/owner-key.ts';
import type { PassphraseOptions } from '../protocol/secret/passphrase.ts';
import { exportSigningKey, importSigningKey } from '../protocol/signing-key.ts';
import { type CreatedKeys, type OwnerKeys, restoreKeys } from './owner-keys.ts';

/** Coefficients −1, 0, 1 of the secret polynomial, one byte each. */
const coefficients: z.ZodType<Uint8Array> = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

const secretSchema = z.discriminatedUnion('version', [
  /** Before files of public keys were signed. */
  z.strictObject({ version: z.literal(1), coefficients }),
  /** `signing` as `exportSigningKey` writes it. */
  z.strictObject({ version: z.literal(2), coefficients, signing: z.string().max(200) }),
]);

/** Writes the secret under a passphrase; use a sink of mode 0600. */
export async function writeOwnerKeys(
  sink: ByteSink,
  keys: OwnerKeys,
  passphrase: string,
  options: PassphraseOptions = {},
): Promise<void> {
  const { description, hash } = keys.parameters;
  const coefficients = keys.secret.toBytes();
  const { signing } = keys;
  const secret =
    signing === undefined
      ? { version: 1, coefficients }
      : { version: 2, coefficients, signing: await exportSigningKey(signing) };
  const file = { parameters: description, parameterHash: hash, keyId: keys.keyId, secret };
  await writeOwnerKey(sink, file, passphrase, options);
  coefficients.fill(0);
}

export interface ReadOwnerKeysOptions extends ReadOptions {
  /** Default: all cores. */
  readonly threads?: number;
}

/** @throws HermeticError WRONG_PASSPHRASE; BAD_FILE for damaged files, and for parameters that are unknown here */
export async function readOwnerKeys(
  source: ByteSource,
  passphrase: string,
  options: ReadOwnerKeysOptions = {},
): Promise<OwnerKeys> {
  const { threads, ...readOptions } = options;
  const file = await readOwnerKey(source, passphrase, readOptions);
  const secret = parseHeader(secretSchema, file.secret, 'the owner key');
  const { coefficients } = secret;
  const parameters = await knownParameterSet(file.parameters.set, file.parameterHash);
  if (parameters === undefined) {
    throw new HermeticError('BAD_FILE', `this key's set ${file.parameters.set} is not the one known here`, {
      mend: 'Use the version of Hermetic that made the key, or make a new one.',
    });
  }
  const keys = await restoreKeys(parameters, file.keyId, coefficients, threads);
  coefficients.fill(0);
  return secret.version === 1 ? keys : { ...keys, signing: await importSigningKey(secret.signing) };
}

/** Writes the public keys for trainers, one polynomial at a time, and signs them. */
export async function writeTrainerKeys(sink: ByteSink, keys: CreatedKeys): Promise<void> {
  const { context, publicKey, evaluationKeys, keyId, parameters, signing } = keys;
  const { content, sectionLengths, sections } = trainerKeysBody(context, publicKey, evaluationKeys, {
    keyId,
    signer: signerOf(signing),
  });
  await writeContainer(sink, {
    kind: 'trainer-keys',
    parameterHash: parameters.hash,
    parameters: parameters.description,
    content,
    sectionLengths,
    sections,
    signature: signatureBy(signing),
  });
}
