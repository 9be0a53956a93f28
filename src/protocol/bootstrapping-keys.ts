/**
 * The file of the keys that a bootstrapping uses: stored halves section by section, uniform halves as seeds. Sections
 * have the sizes that the parameters give them and digests of their own, so a fetch that breaks off goes on at a section.
 */
import * as z from 'zod';
import { bootstrappingKeyNames, gadgetOf, type KeyName, nameOf } from '../circuits/bootstrapping-keys.ts';
import type { BootstrappingPlan } from '../circuits/bootstrapping-plan.ts';
import { toMontgomery } from '../ring/poly.ts';
import { SEED_BYTES, uniformPoly } from '../ring/sampler.ts';
import { KeySwitcher } from '../rlwe/key-switching.ts';
import type { SwitchingKey, SwitchingKeyDigit } from '../rlwe/keys.ts';
import type { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import { badFile } from './bad-file.ts';
import type { ByteSink, ByteSource } from './byte-source.ts';
import { readPoly, writePoly } from './ckks-codec.ts';
import { type ContainerReader, type ReadOptions, readContainer } from './container-reader.ts';
import { writeContainer } from './container-writer.ts';
import { requireSignature, SIGNATURE_BYTES, SIGNER_BYTES, signatureBy, signerOf } from './key-signature.ts';
import type { CiphertextParameters } from './parameters.ts';
import { decodeResidues, encodeResidues, polynomialBytes } from './residues.ts';
import { count, hexIdentifier, parseHeader } from './schema.ts';
import type { SigningKey } from './signing-key.ts';

interface StoredKey extends KeyName {
  readonly seed: Uint8Array;
}

export interface BootstrappingKeysHeader {
  readonly keyId: string;
  /** Public half of the key that signs this file, as in the trainer keys; absent from files before there was one. */
  readonly signer?: Uint8Array | undefined;
  /** log2 of the slots after which the messages that they serve repeat. */
  readonly logSlots: number;
  readonly keys: readonly StoredKey[];
}

export const bootstrappingKeysHeader: z.ZodType<BootstrappingKeysHeader> = z.strictObject({
  keyId: hexIdentifier,
  signer: z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === SIGNER_BYTES).optional(),
  logSlots: z.number().int().min(5).max(16),
  keys: z
    .array(
      z.strictObject({
        use: z.enum(['relinearization', 'main', 'slotsToCoeffs', 'toSparse', 'fromSparse']),
        galois: count(2 ** 18),
        seed: z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === SEED_BYTES),
      }),
    )
    .min(1)
    .max(4096),
});

/** Digits of a key, and limbs of each of its polynomials. */
function shapeOf(context: BootstrappingContext, { use }: KeyName): { readonly digits: number; readonly limbs: number } {
  const { limbs, digitLimbs, special } = gadgetOf(context, use);
  return { digits: Math.ceil(limbs / digitLimbs), limbs: limbs + special.length };
}

function sectionLengths(context: BootstrappingContext, names: readonly KeyName[]): number[] {
  return names.flatMap((name) => {
    const { digits, limbs } = shapeOf(context, name);
    return Array.from({ length: digits }, () => polynomialBytes(context.ring.N, limbs));
  });
}

function primesOf(context: BootstrappingContext, { use }: KeyName): { indices: number[]; primes: number[] } {
  const indices = new KeySwitcher(context, gadgetOf(context, use)).extendedIndices(gadgetOf(context, use).limbs);
  return { indices, primes: indices.map((i) => context.ring.primes[i].p) };
}

/** Writes keys as they are made, in the order of the header, frees each, and signs them all. */
export async function writeBootstrappingKeys(
  sink: ByteSink,
  context: BootstrappingContext,
  parameters: CiphertextParameters,
  header: Omit<BootstrappingKeysHeader, 'signer'>,
  signing: SigningKey,
  keys: Iterable<{ readonly name: KeyName; readonly key: SwitchingKey }>,
): Promise<void> {
  function* sections(): Generator<Uint8Array> {
    for (const { name, key } of keys) {
      const { primes } = primesOf(context, name);
      for (const { b } of key.digits) yield encodeResidues(readPoly(b), context.ring.N, primes);
      for (const { a, b } of key.digits) for (const poly of [a, b]) poly.dispose();
    }
  }
  await writeContainer(sink, {
    kind: 'bootstrapping-keys',
    parameterHash: parameters.hash,
    parameters: parameters.description,
    content: { ...header, signer: signerOf(signing) },
    sectionLengths: sectionLengths(context, header.keys),
    sections: sections(),
    signature: signatureBy(signing),
  });
}

/** A file whose header has been read and checked against a context; its keys are yet to come. */
export interface BootstrappingKeysReader {
  readonly header: BootstrappingKeysHeader;
  readonly totalBytes: number;
  /**
   * Each key in turn, expanded; they are the caller's, who must not use them before all were read.
   * @throws HermeticError BAD_FILE; WRONG_KEY unless the signer that the header names signed them
   */
  readKeys(take: (name: KeyName, key: SwitchingKey) => void): Promise<void>;
}

/** @throws HermeticError BAD_FILE; WRONG_KEY for other parameters */
export async function openBootstrappingKeys(
  source: ByteSource,
  context: BootstrappingContext,
  planFor: (logSlots: number) => BootstrappingPlan,
  options: ReadOptions = {},
): Promise<BootstrappingKeysReader> {
  const parameterHash = context.parameters.hash;
  const container = await readContainer(source, { ...options, kind: 'bootstrapping-keys', parameterHash });
  const header = parseHeader(bootstrappingKeysHeader, container.content, 'the bootstrapping keys');
  if (header.logSlots > Math.log2(context.slots))
    throw badFile('the bootstrapping keys are for more slots than there are');
  checkNames(context, header, planFor(header.logSlots));
  const { signer } = header;
  const lengths = sectionLengths(context, header.keys);
  if (signer !== undefined) lengths.push(SIGNATURE_BYTES);
  const fits = lengths.length === container.sectionLengths.length;
  if (!fits || lengths.some((length, i) => length !== container.sectionLengths[i])) {
    throw badFile('the sections do not have the sizes that these keys need');
  }
  return {
    header,
    totalBytes: container.totalBytes,
    readKeys: async (take) => {
      for (const stored of header.keys) take(stored, await readKey(container, context, stored));
      if (signer !== undefined) await requireSignature(signer, container, 'these bootstrapping keys');
      await container.finish();
    },
  };
}

/** Exactly the keys that the plan uses. */
function checkNames(context: BootstrappingContext, { keys }: BootstrappingKeysHeader, plan: BootstrappingPlan): void {
  const expected = new Set(bootstrappingKeyNames(context, [plan]).map(nameOf));
  const got = new Set(keys.map(nameOf));
  if (got.size === keys.length && got.size === expected.size && [...got].every((name) => expected.has(name))) return;
  throw badFile('these are not the keys that bootstrapping uses', {
    expected: `${expected.size} keys`,
    got: `${keys.length}`,
    mend: 'Ask the owner for bootstrapping keys made by this version of Hermetic.',
  });
}

async function readKey(
  container: ContainerReader,
  context: BootstrappingContext,
  stored: StoredKey,
): Promise<SwitchingKey> {
  const { ring } = context;
  const { indices, primes } = primesOf(context, stored);
  const digits: SwitchingKeyDigit[] = [];
  for (let d = 0; d < shapeOf(context, stored).digits; d++) {
    const b = writePoly(ring, indices, decodeResidues(await container.readSection(), ring.N, primes));
    const uniform = uniformPoly(ring, indices, stored.seed, d);
    digits.push({ b, a: toMontgomery(uniform) });
    uniform.dispose();
  }
  return { digits, seed: stored.seed };
}
