/** What a trainer holds: the public keys of an owner, and an engine that computes with them. Nothing here is secret. */
import { HermeticError } from '../base/errors.ts';
import { badFile } from '../protocol/bad-file.ts';
import type { ByteSource } from '../protocol/byte-source.ts';
import {
  ciphertextParameters,
  keyIdOf,
  knownParameterSet,
  readTrainerKeysBody,
  type TrainerKeySet,
  unsignedKeyIdOf,
} from '../protocol/ckks-codec.ts';
import { type ContainerReader, type ReadOptions, readContainer } from '../protocol/container-reader.ts';
import { requireSignature, SIGNATURE_BYTES } from '../protocol/key-signature.ts';
import type { CiphertextParameters } from '../protocol/parameters.ts';
import { polynomialBytes } from '../protocol/residues.ts';
import type { PublicKey } from '../rlwe/keys.ts';
import { CkksContext } from '../schemes/ckks/context.ts';
import { CkksEvaluator } from '../schemes/ckks/evaluator.ts';
import type { CkksParameters } from '../schemes/ckks/parameters.ts';

export interface TrainerKeys {
  readonly context: CkksContext;
  readonly evaluator: CkksEvaluator;
  readonly publicKey: PublicKey;
  /** What files say of the parameters. */
  readonly parameters: CiphertextParameters;
  /** The owner's fingerprint, in hexadecimal. */
  readonly keyId: string;
  /** Public half of the key that signs the owner's files; absent from files before there was one. */
  readonly signer: Uint8Array | undefined;
  /** Stops the engine. */
  dispose(): void;
}

export interface ReadTrainerKeysOptions extends ReadOptions {
  /** Default: all cores. */
  readonly threads?: number;
  /** The owner's fingerprint as the trainer was told it: keys of anybody else are refused. */
  readonly keyId?: string;
  /** Called as the keys come in. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Reads `trainer.keys`, one polynomial at a time.
 * @throws HermeticError BAD_FILE; WRONG_KEY for keys that their owner did not sign, or of another owner than asked for
 */
export async function readTrainerKeys(source: ByteSource, options: ReadTrainerKeysOptions = {}): Promise<TrainerKeys> {
  const { threads, onProgress, keyId: wanted, ...readOptions } = options;
  const container = await readContainer(source, { ...readOptions, kind: 'trainer-keys' });
  const parameters = await parametersOf(container);
  checkSections(container, parameters);
  const context = await CkksContext.create(parameters, threads === undefined ? {} : { threads });
  try {
    let done = 0;
    const readSection = async () => {
      const section = await container.readSection();
      onProgress?.(++done, container.sectionLengths.length);
      return section;
    };
    const keys = await readTrainerKeysBody(context, container.content, readSection);
    const { keyId, signer, publicKey, evaluationKeys } = keys;
    await requireNamed(context, keys);
    if (signer !== undefined) await requireSignature(signer, container, 'these trainer keys');
    else (options.onWarning ?? console.warn)(UNSIGNED);
    await container.finish();
    if (wanted !== undefined) requireFingerprint(wanted, keyId);
    const evaluator = new CkksEvaluator(context, evaluationKeys);
    const dispose = () => context.dispose();
    return { context, evaluator, publicKey, parameters: ciphertextParameters(parameters), keyId, signer, dispose };
  } catch (error) {
    context.dispose();
    throw error;
  }
}

function requireFingerprint(expected: string, got: string): void {
  if (got === expected) return;
  throw new HermeticError('WRONG_KEY', 'these trainer keys have another fingerprint', {
    expected,
    got,
    mend: 'Ask the owner for the file again, by another way, and compare what keygen said.',
  });
}

const UNSIGNED =
  'these trainer keys are not signed: they were made before keys were, and whoever handled the file could exchange parts ' +
  'of them. Ask the owner to rekey the network.';

/** @throws HermeticError BAD_FILE unless public key and signer are those that the identifier stands for */
async function requireNamed(context: CkksContext, { keyId, signer, publicKey }: TrainerKeySet): Promise<void> {
  const named = signer === undefined ? await unsignedKeyIdOf(publicKey) : await keyIdOf(context, publicKey, signer);
  if (named === keyId) return;
  throw badFile('the public key is not the one that these keys name', {
    mend: 'Somebody may have exchanged it: ask the owner for the file again, by another way.',
  });
}

async function parametersOf(container: ContainerReader): Promise<CkksParameters> {
  const parameters = await knownParameterSet(container.parameters.set, container.parameterHash);
  if (parameters !== undefined) return parameters;
  throw badFile(`the keys' parameter set ${container.parameters.set} is not one known here`, {
    mend: 'Use the version of Hermetic that made the keys, or ask the owner for new ones.',
  });
}

/** The public key's polynomial over all ciphertext primes, those of the evaluation keys over all primes, a signature. */
function checkSections({ sectionLengths, content }: ContainerReader, parameters: CkksParameters): void {
  const { N, primes, specialPrimes } = parameters;
  const digits = Math.ceil(primes.length / specialPrimes.length);
  const keys = typeof content === 'object' && content !== null && 'keys' in content ? content.keys : undefined;
  const count = Array.isArray(keys) ? keys.length : 0;
  const signed = typeof content === 'object' && content !== null && 'signer' in content;
  const [first, ...rest] = sectionLengths;
  const signature = signed ? rest.pop() : undefined;
  const each = polynomialBytes(N, primes.length + specialPrimes.length);
  const fits =
    first === polynomialBytes(N, primes.length) &&
    signature === (signed ? SIGNATURE_BYTES : undefined) &&
    rest.length === count * digits &&
    rest.every((length) => length === each);
  if (!fits) throw badFile('the sections do not have the sizes that these keys need');
}

/** @throws HermeticError WRONG_KEY unless `keyId` is that of `keys` */
export function requireTrainerKey(keys: Pick<TrainerKeys, 'keyId'>, keyId: string, what: string): void {
  if (keyId === keys.keyId) return;
  throw new HermeticError('WRONG_KEY', `${what} was made under another key`, {
    expected: `key ${keys.keyId.slice(0, 12)}…`,
    got: `${keyId.slice(0, 12)}…`,
    mend: 'Use the trainer.keys that came with it.',
  });
}
