/** `owner.key` and `trainer.keys`: what a pair of keys looks like at rest. */
import * as z from 'zod';
import { HermeticError } from '../base/errors.ts';
import type { ByteSink, ByteSource } from '../protocol/byte-source.ts';
import { knownParameterSet, trainerKeysBody } from '../protocol/ckks-codec.ts';
import type { ReadOptions } from '../protocol/container-reader.ts';
import { writeContainer } from '../protocol/container-writer.ts';
import { parseHeader } from '../protocol/schema.ts';
import { readOwnerKey, writeOwnerKey } from '../protocol/secret/owner-key.ts';
import type { PassphraseOptions } from '../protocol/secret/passphrase.ts';
import { type CreatedKeys, type OwnerKeys, restoreKeys } from './owner-keys.ts';

/** Coefficients −1, 0, 1 of the secret polynomial, one byte each. */
const secretSchema = z.strictObject({
  version: z.literal(1),
  coefficients: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
});

/** Writes the secret under a passphrase; use a sink of mode 0600. */
export async function writeOwnerKeys(
  sink: ByteSink,
  keys: OwnerKeys,
  passphrase: string,
  options: PassphraseOptions = {},
): Promise<void> {
  const { description, hash } = keys.parameters;
  const coefficients = keys.secret.toBytes();
  const secret = { version: 1, coefficients };
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
  const { coefficients } = parseHeader(secretSchema, file.secret, 'the owner key');
  const parameters = await knownParameterSet(file.parameters.set, file.parameterHash);
  if (parameters === undefined) {
    throw new HermeticError('BAD_FILE', `this key's set ${file.parameters.set} is not the one known here`, {
      mend: 'Use the version of Hermetic that made the key, or make a new one.',
    });
  }
  const keys = await restoreKeys(parameters, file.keyId, coefficients, threads);
  coefficients.fill(0);
  return keys;
}

/** Writes the public keys for trainers, one polynomial at a time. */
export async function writeTrainerKeys(sink: ByteSink, keys: CreatedKeys): Promise<void> {
  const { context, publicKey, evaluationKeys, keyId, parameters } = keys;
  const { content, sectionLengths, sections } = trainerKeysBody(context, publicKey, evaluationKeys, keyId);
  await writeContainer(sink, {
    kind: 'trainer-keys',
    parameterHash: parameters.hash,
    parameters: parameters.description,
    content,
    sectionLengths,
    sections,
  });
}
