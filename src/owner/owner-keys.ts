/** What the owner holds: the secret key, and an engine with the parameters it belongs to. */
import { HermeticError } from '../base/errors.ts';
import { ciphertextParameters, keyIdOf } from '../protocol/ckks-codec.ts';
import { signerOf } from '../protocol/key-signature.ts';
import type { CiphertextParameters } from '../protocol/parameters.ts';
import { createSigningKey, type SigningKey } from '../protocol/signing-key.ts';
import type { EvaluationKeyNeeds, EvaluationKeys, PublicKey } from '../rlwe/keys.ts';
import { generateEvaluationKeys, generatePublicKey } from '../rlwe/secret/key-generation.ts';
import { SecretKey } from '../rlwe/secret/secret-key.ts';
import { CkksContext } from '../schemes/ckks/context.ts';
import { defaultKeyNeeds } from '../schemes/ckks/default-keys.ts';
import { type CkksParameters, parameterSet } from '../schemes/ckks/parameters.ts';
import { SecretScheme } from '../schemes/ckks/secret/secret-scheme.ts';

export interface OwnerKeys {
  readonly context: CkksContext;
  readonly secret: SecretKey;
  /** Encrypts and decrypts with `secret`. */
  readonly scheme: SecretScheme;
  /** What files say of the parameters. */
  readonly parameters: CiphertextParameters;
  /** The owner's fingerprint, which names the key pair, in hexadecimal. */
  readonly keyId: string;
  /** Signs the files of public keys; absent from keys that were made before files were signed, or that only decrypt. */
  readonly signing?: SigningKey;
  /** Overwrites the secret and stops the engine. */
  dispose(): void;
}

/** The owner's keys as they are made, together with the public ones that trainers get. */
export interface CreatedKeys extends OwnerKeys {
  readonly signing: SigningKey;
  readonly publicKey: PublicKey;
  readonly evaluationKeys: EvaluationKeys;
}

export interface CreateKeysOptions {
  /** Name of the parameter set. Default L14. */
  readonly set?: string;
  /** Default: all cores. */
  readonly threads?: number;
  /** Evaluation keys to make. Default: those that every plan of the set can do with. */
  readonly needs?: EvaluationKeyNeeds;
  /** Called after each evaluation key. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A new secret key from the system's randomness, and its public keys. @throws HermeticError BAD_ARGUMENT */
export async function createKeys(options: CreateKeysOptions = {}): Promise<CreatedKeys> {
  const parameters = await parameterSet(options.set ?? 'L14');
  const context = await CkksContext.create(parameters, threadsOption(options.threads));
  const secret = SecretKey.generate(context);
  const publicKey = generatePublicKey(context, secret);
  const needs = options.needs ?? defaultKeyNeeds(parameters);
  const evaluationKeys = generateEvaluationKeys(context, secret, needs, options.onProgress);
  const signing = await createSigningKey();
  const keyId = await keyIdOf(context, publicKey, signerOf(signing));
  return { ...ownerKeys(context, secret, keyId), signing, publicKey, evaluationKeys };
}

/** The keys of known parameters with the secret's bytes. @throws HermeticError BAD_FILE */
export async function restoreKeys(
  parameters: CkksParameters,
  keyId: string,
  secretBytes: Uint8Array,
  threads?: number,
): Promise<OwnerKeys> {
  const context = await CkksContext.create(parameters, threadsOption(threads));
  return ownerKeys(context, SecretKey.fromBytes(context, secretBytes), keyId);
}

/**
 * The same in a context that other keys share: `dispose` overwrites the secret and leaves the engine running.
 * @throws HermeticError BAD_FILE
 */
export function restoreKeysIn(context: CkksContext, keyId: string, secretBytes: Uint8Array): OwnerKeys {
  const secret = SecretKey.fromBytes(context, secretBytes);
  return { ...ownerKeys(context, secret, keyId), dispose: () => secret.dispose() };
}

function ownerKeys(context: CkksContext, secret: SecretKey, keyId: string): OwnerKeys {
  return {
    context,
    secret,
    scheme: new SecretScheme(context, secret),
    parameters: ciphertextParameters(context.parameters),
    keyId,
    dispose: () => {
      secret.dispose();
      context.dispose();
    },
  };
}

function threadsOption(threads: number | undefined): { readonly threads?: number } {
  return threads === undefined ? {} : { threads };
}

/** @throws HermeticError WRONG_KEY unless `keyId` is that of `keys` */
export function requireKey(keys: Pick<OwnerKeys, 'keyId'>, keyId: string, what: string): void {
  if (keyId === keys.keyId) return;
  throw new HermeticError('WRONG_KEY', `${what} was made under another key`, {
    expected: `key ${keys.keyId.slice(0, 12)}…`,
    got: `${keyId.slice(0, 12)}…`,
    mend: 'Name the owner key that belongs to it.',
  });
}
