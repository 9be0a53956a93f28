/** CKKS objects as the neutral records that files and messages carry, and back. */

import { bytesToHex, concatBytes, equalBytes, sha256 } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { type Poly, toMontgomery } from '../ring/poly.ts';
import type { Ring } from '../ring/ring.ts';
import { SEED_BYTES, uniformPoly } from '../ring/sampler.ts';
import type { EvaluationKeys, PublicKey, SwitchingKey } from '../rlwe/keys.ts';
import { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { CkksContext } from '../schemes/ckks/context.ts';
import { type CkksParameters, parameterSet } from '../schemes/ckks/parameters.ts';
import type { CiphertextRecord } from './ciphertext-record.ts';
import { fingerprintOf, SIGNER_BYTES } from './key-signature.ts';
import type { CiphertextParameters, ParameterDescription } from './parameters.ts';
import { decodeResidues, encodeResidues, polynomialBytes } from './residues.ts';

function describeParameters(p: CkksParameters): ParameterDescription {
  return { set: p.set, N: p.N, logQP: p.logQP, securityBits: p.securityBits, insecure: p.insecure };
}

export function ciphertextParameters(p: CkksParameters): CiphertextParameters {
  return {
    description: describeParameters(p),
    hash: p.hash,
    primes: p.primes,
    limbsAtLevel: Array.from({ length: p.maxLevel + 1 }, (_, level) => p.baseLimbs + level),
  };
}

/** The set of that name, where it is known here and is the one that the hash stands for. */
export async function knownParameterSet(set: string, hash: Uint8Array): Promise<CkksParameters | undefined> {
  const known = await parameterSet(set).catch((error: unknown) => {
    if (error instanceof HermeticError) return undefined;
    throw error;
  });
  return known !== undefined && equalBytes(known.hash, hash) ? known : undefined;
}

export function toRecord(ciphertext: Ciphertext): CiphertextRecord {
  const { c0, c1, level, scale, seed } = ciphertext;
  const shape = { level, scale, limbs: c0.limbCount };
  if (seed) return { ...shape, seed, polynomials: [readPoly(c0)] };
  return { ...shape, polynomials: [readPoly(c0), readPoly(c1)] };
}

/** The record's residues must have been validated by the reader of its file. */
export function fromRecord(context: CkksContext, record: CiphertextRecord): Ciphertext {
  const { level, scale, seed } = record;
  const [first, second] = record.polynomials;
  const indices = context.indicesAt(level);
  if (!first || record.limbs !== indices.length || !(seed || second)) {
    throw new HermeticError('BAD_FILE', 'a ciphertext has the wrong shape', {
      expected: `${indices.length} limbs at level ${level}`,
      got: `${record.limbs}`,
    });
  }
  const c0 = writePoly(context.ring, indices, first);
  const c1 = seed ? uniformPoly(context.ring, indices, seed) : writePoly(context.ring, indices, second as Uint32Array);
  return new Ciphertext(c0, c1, level, scale, seed);
}

/** All limbs of a polynomial, one after the other. */
export function readPoly(poly: Poly<'ntt'>): Uint32Array {
  const words = new Uint32Array(poly.limbCount * poly.ring.N);
  readPolyInto(poly, words);
  return words;
}

/** The same into `words`, limbs × N of them. */
export function readPolyInto(poly: Poly<'ntt'>, words: Uint32Array): void {
  const { N } = poly.ring;
  for (let j = 0; j < poly.limbCount; j++) poly.readInto(j, words.subarray(j * N, (j + 1) * N));
}

/** The inverse of `readPoly`, over the primes of the given indices. */
export function writePoly(ring: Ring, indices: readonly number[], words: Uint32Array): Poly<'ntt'> {
  const poly = ring.allocate('ntt', indices);
  const { N } = ring;
  for (let j = 0; j < poly.limbCount; j++) poly.write(j, words.subarray(j * N, (j + 1) * N));
  return poly;
}

/** The owner's fingerprint, which names a key pair, in hexadecimal. @param signer of its files, 32 bytes */
export function keyIdOf(context: CkksContext, publicKey: PublicKey, signer: Uint8Array): Promise<string> {
  const { ring, ciphertextLimbs, parameters } = context;
  const primes = ring.primes.slice(0, ciphertextLimbs).map(({ p }) => p);
  const publicSection = encodeResidues(readPoly(publicKey.b), ring.N, primes);
  return fingerprintOf({ parameterHash: parameters.hash, signer, publicSeed: publicKey.seed, publicSection });
}

/** Named key pairs before their files were signed: it covers one limb only. */
export async function unsignedKeyIdOf(publicKey: PublicKey): Promise<string> {
  const words = publicKey.b.read(0);
  const body = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  return bytesToHex((await sha256(concatBytes(publicKey.seed, body))).subarray(0, 16));
}

/** Header content of trainer keys: which keys, and the seeds of their uniform halves. */
export interface TrainerKeysContent {
  readonly keyId: string;
  /** Public half of the key that signs this file; absent from files before there was one. */
  readonly signer?: Uint8Array;
  readonly publicSeed: Uint8Array;
  readonly keys: readonly { readonly galois: number; readonly seed: Uint8Array }[];
}

export interface TrainerKeysBody {
  readonly content: TrainerKeysContent;
  readonly sectionLengths: readonly number[];
  readonly sections: Iterable<Uint8Array>;
}

/** Galois element 0 stands for relinearisation. */
const RELINEARIZATION = 0;

/** The public key's b, then each key's digits: one section a polynomial, uniform halves as seeds. Streams. */
export function trainerKeysBody(
  context: CkksContext,
  publicKey: PublicKey,
  keys: EvaluationKeys,
  { keyId, signer }: { readonly keyId: string; readonly signer: Uint8Array },
): TrainerKeysBody {
  const entries: [number, SwitchingKey][] = [...keys.galois];
  if (keys.relinearization) entries.unshift([RELINEARIZATION, keys.relinearization]);
  const { N } = context.ring;
  const allPrimes = context.ring.primes.map((c) => c.p);
  const publicPrimes = allPrimes.slice(0, context.ciphertextLimbs);
  const sectionLengths = [polynomialBytes(N, publicPrimes.length)];
  for (const [, key] of entries) for (const _ of key.digits) sectionLengths.push(polynomialBytes(N, allPrimes.length));
  function* sections(): Generator<Uint8Array> {
    yield encodeResidues(readPoly(publicKey.b), N, publicPrimes);
    for (const [, key] of entries) for (const { b } of key.digits) yield encodeResidues(readPoly(b), N, allPrimes);
  }
  const content = {
    keyId,
    signer,
    publicSeed: publicKey.seed,
    keys: entries.map(([galois, key]) => ({ galois, seed: key.seed })),
  };
  return { content, sectionLengths, sections: sections() };
}

export interface TrainerKeySet {
  readonly keyId: string;
  readonly signer: Uint8Array | undefined;
  readonly publicKey: PublicKey;
  readonly evaluationKeys: EvaluationKeys;
}

/**
 * Rebuilds keys from a validated header and its sections in order. `wanted` limits which Galois elements are kept in
 * memory (all by default): a plan knows what it uses.
 */
export async function readTrainerKeysBody(
  context: CkksContext,
  content: unknown,
  readSection: () => Promise<Uint8Array>,
  wanted: (galois: number) => boolean = () => true,
): Promise<TrainerKeySet> {
  const { keyId, signer, publicSeed, keys } = checkContent(content, context.ring.N);
  const { N } = context.ring;
  const allPrimes = context.ring.primes.map((c) => c.p);
  const publicPrimes = allPrimes.slice(0, context.ciphertextLimbs);
  const publicIndices = context.indicesAt(context.maxLevel);
  const b = writePoly(context.ring, publicIndices, decodeResidues(await readSection(), N, publicPrimes));
  const publicKey = { b, a: uniformPoly(context.ring, publicIndices, publicSeed), seed: publicSeed };
  const indices = context.extendedIndices(context.ciphertextLimbs);
  const digitCount = context.keySwitcher.digitCount(context.ciphertextLimbs);
  const galois = new Map<number, SwitchingKey>();
  let relinearization: SwitchingKey | undefined;
  for (const { galois: element, seed } of keys) {
    const digits: { a: Poly<'ntt'>; b: Poly<'ntt'> }[] = [];
    for (let d = 0; d < digitCount; d++) {
      const section = await readSection();
      if (element !== RELINEARIZATION && !wanted(element)) continue;
      const uniform = uniformPoly(context.ring, indices, seed, d);
      digits.push({
        b: writePoly(context.ring, indices, decodeResidues(section, N, allPrimes)),
        a: toMontgomery(uniform),
      });
      uniform.dispose();
    }
    if (digits.length === 0) continue;
    if (element === RELINEARIZATION) relinearization = { digits, seed };
    else galois.set(element, { digits, seed });
  }
  return { keyId, signer, publicKey, evaluationKeys: { relinearization, galois } };
}

function checkContent(content: unknown, N: number): TrainerKeysContent {
  const c = content as TrainerKeysContent;
  const isSeed = (x: unknown): boolean => x instanceof Uint8Array && x.length === SEED_BYTES;
  const isElement = (g: unknown): boolean =>
    Number.isInteger(g) && ((g as number) === RELINEARIZATION || ((g as number) % 2 === 1 && (g as number) < 2 * N));
  const valid =
    typeof c === 'object' &&
    c !== null &&
    typeof c.keyId === 'string' &&
    /^[0-9a-f]{32}$/.test(c.keyId) &&
    isSeed(c.publicSeed) &&
    (c.signer === undefined || (c.signer instanceof Uint8Array && c.signer.length === SIGNER_BYTES)) &&
    Array.isArray(c.keys) &&
    c.keys.length <= 4096 &&
    c.keys.every((k) => typeof k === 'object' && k !== null && isElement(k.galois) && isSeed(k.seed));
  if (valid) return c;
  throw new HermeticError('BAD_FILE', 'the header of these trainer keys is not valid', {
    mend: 'Ask the owner to send the file again',
  });
}
