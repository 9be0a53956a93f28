/**
 * Ciphertexts and public keys as plain objects of numbers and bytes, for CBOR. A polynomial in Y is its coefficients'
 * residues, limb after limb, as little-endian words. Reading trusts nothing: what is not of these parameters is BAD_FILE.
 */
import { concatBytes, copyBytes, equalBytes } from '../../base/bytes.ts';
import { HermeticError } from '../../base/errors.ts';
import { type Poly, toCoefficients, toNtt } from '../../ring/poly.ts';
import { YasheCiphertext } from './ciphertext.ts';
import { YasheContext } from './context.ts';
import type { YasheEvaluationKeys, YashePublicKey, YasheSwitchingKey } from './keys.ts';
import { MAX_PLAIN_PRIMES, YASHE_SET, yasheParameters } from './parameters.ts';

export interface PlainYasheCiphertext {
  /** Hash of the parameters. */
  readonly parameters: Uint8Array;
  /** Of the noise estimate. */
  readonly noiseBits: number;
  readonly noiseDegree: number;
  readonly parts: readonly Uint8Array[];
}

export interface PlainYashePublicKey {
  readonly parameters: Uint8Array;
  readonly h: readonly Uint8Array[];
}

export interface PlainYasheEvaluationKeys {
  readonly parameters: Uint8Array;
  /** For each plaintext prime the polynomials of its key, one after the other; empty where there is none. */
  readonly relinearization: readonly Uint8Array[];
  /** Galois elements, and the keys of each. */
  readonly elements: readonly number[];
  readonly galois: readonly (readonly Uint8Array[])[];
}

/** Everything public of a key pair. */
export interface PlainYasheKeys {
  readonly version: 1;
  readonly plainPrimes: number;
  readonly publicKey: PlainYashePublicKey;
  readonly evaluationKeys: PlainYasheEvaluationKeys;
}

export interface YasheKeys {
  readonly context: YasheContext;
  readonly publicKey: YashePublicKey;
  readonly evaluationKeys: YasheEvaluationKeys;
}

export function publicKeysToPlain({ context, publicKey, evaluationKeys }: YasheKeys): PlainYasheKeys {
  return {
    version: 1,
    plainPrimes: context.parameters.plainPrimes.length,
    publicKey: publicKeyToPlain(context, publicKey),
    evaluationKeys: evaluationKeysToPlain(context, evaluationKeys),
  };
}

/** In a context of their own. @throws HermeticError BAD_FILE */
export async function publicKeysFromPlain(value: unknown): Promise<YasheKeys> {
  const { version, plainPrimes, publicKey, evaluationKeys } = (value ?? {}) as Record<string, unknown>;
  const count = typeof plainPrimes === 'number' && Number.isInteger(plainPrimes) ? plainPrimes : 0;
  if (version !== 1 || count < 1 || count > MAX_PLAIN_PRIMES)
    throw bad(`version 1, and 1 … ${MAX_PLAIN_PRIMES} moduli`);
  const context = await YasheContext.create(await yasheParameters(YASHE_SET, count));
  try {
    return {
      context,
      publicKey: publicKeyFromPlain(context, publicKey),
      evaluationKeys: evaluationKeysFromPlain(context, evaluationKeys),
    };
  } catch (error) {
    context.dispose();
    throw error;
  }
}

const WORD = Uint32Array.BYTES_PER_ELEMENT;
/** More products than any depth has. */
const MAX_DEGREE = 64;

export function ciphertextToPlain(context: YasheContext, { parts, noise }: YasheCiphertext): PlainYasheCiphertext {
  return {
    parameters: copyBytes(context.parameters.hash),
    noiseBits: noise.bits,
    noiseDegree: noise.degree,
    parts: parts.map(wordsOf),
  };
}

export function ciphertextFromPlain(context: YasheContext, value: unknown): YasheCiphertext {
  const { parts, noiseBits: bits, noiseDegree: degree } = opened(context, value);
  const fresh = context.noise.fresh();
  const known = typeof bits === 'number' && Number.isFinite(bits) && typeof degree === 'number';
  if (!known || bits < fresh.bits || !Number.isInteger(degree) || degree < fresh.degree || degree > MAX_DEGREE) {
    throw bad('a noise that a ciphertext may have');
  }
  return new YasheCiphertext(polynomials(context, parts), { bits, degree });
}

export function publicKeyToPlain(context: YasheContext, { h }: YashePublicKey): PlainYashePublicKey {
  return { parameters: copyBytes(context.parameters.hash), h: h.map(wordsOf) };
}

export function publicKeyFromPlain(context: YasheContext, value: unknown): YashePublicKey {
  return { h: polynomials(context, opened(context, value).h) };
}

export function evaluationKeysToPlain(
  context: YasheContext,
  { relinearization, galois }: YasheEvaluationKeys,
): PlainYasheEvaluationKeys {
  return {
    parameters: copyBytes(context.parameters.hash),
    relinearization: (relinearization ?? []).map(keyWords),
    elements: [...galois.keys()],
    galois: [...galois.values()].map((keys) => keys.map(keyWords)),
  };
}

export function evaluationKeysFromPlain(context: YasheContext, value: unknown): YasheEvaluationKeys {
  const { relinearization, elements, galois } = opened(context, value);
  const { N } = context.ring;
  if (!Array.isArray(elements) || new Set(elements).size !== elements.length) throw bad('Galois elements');
  const odd = elements.every((g) => Number.isInteger(g) && g % 2 === 1 && g > 0 && g < 2 * N);
  if (!odd) throw bad(`odd Galois elements below ${2 * N}`);
  if (!Array.isArray(galois) || galois.length !== elements.length) throw bad('keys for each Galois element');
  const none = Array.isArray(relinearization) && relinearization.length === 0;
  return {
    relinearization: none ? undefined : switchingKeys(context, relinearization),
    galois: new Map(galois.map((keys, i) => [elements[i] as number, switchingKeys(context, keys)])),
  };
}

/** An object with the hash of these parameters. */
function opened(context: YasheContext, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw bad('an object');
  const record = value as Record<string, unknown>;
  const { parameters } = record;
  if (!(parameters instanceof Uint8Array) || !equalBytes(parameters, context.parameters.hash)) {
    throw bad(`the parameters of ${context.parameters.set} with ${context.parameters.plainPrimes.length} moduli`);
  }
  return record;
}

/** One polynomial for each plaintext prime. */
function polynomials(context: YasheContext, value: unknown): Poly<'ntt'>[] {
  const { plainPrimes } = context.parameters;
  return listOf(value, plainPrimes.length).map((words) => polyOf(context, words));
}

function switchingKeys(context: YasheContext, value: unknown): YasheSwitchingKey[] {
  const { plainPrimes, primes, N } = context.parameters;
  const each = N * primes.length;
  return listOf(value, plainPrimes.length).map((words) => {
    if (!(words instanceof Uint8Array) || words.length !== WORD * each * primes.length) throw bad('a switching key');
    return primes.map((_, i) => polyOf(context, words.subarray(WORD * each * i, WORD * each * (i + 1))));
  });
}

function listOf(value: unknown, length: number): unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw bad(`a list of ${length}`);
  return value;
}

function polyOf({ ring, indices, parameters }: YasheContext, words: unknown): Poly<'ntt'> {
  const { N } = parameters;
  if (!(words instanceof Uint8Array) || words.length !== WORD * N * indices.length) throw bad('a polynomial');
  const view = new DataView(words.buffer, words.byteOffset, words.length);
  const limbs = indices.map((_, j) =>
    Uint32Array.from({ length: N }, (_x, i) => view.getUint32(WORD * (N * j + i), true)),
  );
  const residues = limbs.every((limb, j) => {
    const { p } = ring.primes[j] as { p: number };
    return limb.every((x) => x < p);
  });
  if (!residues) throw bad('residues below their primes');
  const coefficients = ring.allocate('coeff', indices);
  limbs.forEach((limb, j) => {
    const spread = new Uint32Array(ring.N);
    limb.forEach((x, i) => {
      spread[2 * i] = x;
    });
    coefficients.write(j, spread);
  });
  const poly = toNtt(coefficients);
  coefficients.dispose();
  return poly;
}

function wordsOf(poly: Poly<'ntt'>): Uint8Array {
  const coefficients = toCoefficients(poly);
  const N = poly.ring.N / 2;
  const bytes = new Uint8Array(WORD * N * poly.limbCount);
  const view = new DataView(bytes.buffer);
  for (let j = 0; j < poly.limbCount; j++) {
    const limb = coefficients.read(j);
    for (let i = 0; i < N; i++) view.setUint32(WORD * (N * j + i), limb[2 * i] as number, true);
  }
  coefficients.dispose();
  return bytes;
}

function keyWords(key: YasheSwitchingKey): Uint8Array {
  return concatBytes(...key.map(wordsOf));
}

function bad(expected: string): HermeticError {
  return new HermeticError('BAD_FILE', 'this is no record of YASHE with these parameters', { expected });
}
