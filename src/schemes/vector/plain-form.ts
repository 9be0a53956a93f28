/**
 * Keys and ciphertexts as plain objects of numbers and bytes, for CBOR. Integers stand one after another as variable
 * bytes: zigzag (2v, or −2v − 1 for negative v), seven bits a byte, lowest first, the eighth bit set where more follow.
 * Reading trusts nothing: sizes follow from the parameters before anything is allocated, and there is one form of each.
 */

import { concatBytes } from '../../base/bytes.ts';
import { HermeticError } from '../../base/errors.ts';
import type { VectorCiphertext } from './ciphertext.ts';
import { matrixInputs, type VectorKeys } from './keys.ts';
import { checkVectorParameters, PARAMETER_RANGES, type VectorParameters } from './parameters.ts';
import { matrixRow, rowValues, type SwitchingMatrix } from './switching-matrix.ts';

export interface PlainVectorKeys {
  readonly version: 1;
  readonly parameters: VectorParameters;
  readonly slots: number;
  readonly oneWay: Uint8Array;
  readonly elementwise: Uint8Array;
  /** Ascending in steps. */
  readonly rotations: readonly { readonly steps: number; readonly matrix: Uint8Array }[];
}

export interface PlainVectorCiphertext {
  readonly version: 1;
  readonly entries: Uint8Array;
}

const MOST_SLOTS = 2 ** 12;
/** Far beyond what any key's digits take. */
const LONGEST_ENTRY_BITS = 2 ** 15;

export function vectorKeysToPlain(keys: VectorKeys): PlainVectorKeys {
  const rotations = [...keys.rotations].toSorted(([a], [b]) => a - b);
  return {
    version: 1,
    parameters: { ...keys.parameters },
    slots: keys.slots,
    oneWay: packMatrix(keys.oneWay),
    elementwise: packMatrix(keys.elementwise),
    rotations: rotations.map(([steps, matrix]) => ({ steps, matrix: packMatrix(matrix) })),
  };
}

/** @throws HermeticError BAD_FILE for anything that `vectorKeysToPlain` does not give */
export function vectorKeysFromPlain(value: unknown): VectorKeys {
  const object = plainObject(value, ['version', 'parameters', 'slots', 'oneWay', 'elementwise', 'rotations']);
  requireVersion(object.version);
  const parameters = readParameters(object.parameters);
  const { slots } = object;
  if (typeof slots !== 'number' || !Number.isInteger(Math.log2(slots)) || slots < 1 || slots > MOST_SLOTS) {
    throw bad(`expected slots to be a power of two up to ${MOST_SLOTS}`);
  }
  const inputs = matrixInputs(slots, parameters);
  const read = (bytes: unknown, count: number): SwitchingMatrix => unpackMatrix(bytes, count, slots, parameters);
  return {
    parameters,
    slots,
    oneWay: read(object.oneWay, inputs.oneWay),
    elementwise: read(object.elementwise, inputs.elementwise),
    rotations: readRotations(object.rotations, slots, (bytes) => read(bytes, inputs.rotation)),
  };
}

export function vectorCiphertextToPlain(a: VectorCiphertext): PlainVectorCiphertext {
  return { version: 1, entries: packIntegers(a.entries) };
}

/** @throws HermeticError BAD_FILE for anything but n + k integers, below q/2 in magnitude where there is a modulus */
export function vectorCiphertextFromPlain(
  value: unknown,
  { parameters, slots }: Pick<VectorKeys, 'parameters' | 'slots'>,
): VectorCiphertext {
  const object = plainObject(value, ['version', 'entries']);
  requireVersion(object.version);
  const bits = parameters.logModulus === 0 ? LONGEST_ENTRY_BITS : parameters.logModulus;
  return { entries: unpackIntegers(requireBytes(object.entries), slots + parameters.columns, bits) };
}

function packMatrix({ rows }: SwitchingMatrix): Uint8Array {
  return concatBytes(...rows.map((row) => packIntegers(rowValues(row))));
}

function unpackMatrix(
  value: unknown,
  inputs: number,
  slots: number,
  { columns, digits, digitBits, logModulus }: VectorParameters,
): SwitchingMatrix {
  const length = inputs * digits;
  // Products of T, small masks and errors stand above the digits.
  const bits = logModulus === 0 ? digits * digitBits + 64 : logModulus;
  const entries = unpackValues(requireBytes(value), (slots + columns) * length, bits);
  const rows = Array.from({ length: slots + columns }, (_, i) =>
    matrixRow(entries.slice(i * length, (i + 1) * length)),
  );
  return { inputs, rows };
}

function readRotations(
  value: unknown,
  slots: number,
  read: (bytes: unknown) => SwitchingMatrix,
): ReadonlyMap<number, SwitchingMatrix> {
  if (!Array.isArray(value) || value.length >= slots) throw bad(`expected fewer than ${slots} rotations`);
  const rotations = new Map<number, SwitchingMatrix>();
  let last = 0;
  for (const entry of value) {
    const { steps, matrix } = plainObject(entry, ['steps', 'matrix']);
    if (typeof steps !== 'number' || !Number.isInteger(steps) || steps <= last || steps >= slots) {
      throw bad('expected ascending steps of rotations below the slots');
    }
    rotations.set(steps, read(matrix));
    last = steps;
  }
  return rotations;
}

function readParameters(value: unknown): VectorParameters {
  const parameters = plainObject(value, Object.keys(PARAMETER_RANGES)) as unknown as VectorParameters;
  try {
    return checkVectorParameters({ ...parameters });
  } catch (cause) {
    throw bad(cause instanceof Error ? cause.message : 'unknown parameters');
  }
}

/** Zigzag variable bytes; numbers must be below 2^30 in magnitude. */
export function packIntegers(values: readonly (number | bigint)[]): Uint8Array {
  let out = new Uint8Array(2 * values.length + 16);
  let at = 0;
  for (const value of values) {
    const most = at + (typeof value === 'number' ? 5 : 2 + Math.ceil((value.toString(16).length * 4 + 1) / 7));
    if (most > out.length) {
      const grown = new Uint8Array(2 * most);
      grown.set(out);
      out = grown;
    }
    at = typeof value === 'number' ? writeNumber(value, out, at) : writeInteger(value, out, at);
  }
  return out.slice(0, at);
}

function writeNumber(value: number, out: Uint8Array, start: number): number {
  let at = start;
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 0x80; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80;
  out[at++] = rest;
  return at;
}

function writeInteger(value: bigint, out: Uint8Array, start: number): number {
  let at = start;
  let rest = value < 0n ? -2n * value - 1n : 2n * value;
  for (; rest >= 0x80n; rest >>= 7n) out[at++] = Number(rest & 0x7fn) | 0x80;
  out[at++] = Number(rest);
  return at;
}

/** Exactly `count` integers of at most `bits` bits, sign included. @throws HermeticError BAD_FILE */
export function unpackIntegers(bytes: Uint8Array, count: number, bits: number): bigint[] {
  return unpackValues(bytes, count, bits).map(BigInt);
}

/** Bytes of an integer that a number takes exactly. */
const NUMBER_BYTES = 4;

function unpackValues(bytes: Uint8Array, count: number, bits: number): (number | bigint)[] {
  if (bytes.length < count) throw bad(`expected ${count} integers, got ${bytes.length} bytes`);
  const most = Math.ceil(bits / 7);
  const out = Array<number | bigint>(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    let end = at;
    while (end < bytes.length && bytes[end] >= 0x80) end++;
    if (end >= bytes.length) throw bad('the integers break off');
    if (end > at && bytes[end] === 0) throw bad('an integer is longer than it need be');
    if (end - at >= most) throw bad(`expected integers of at most ${bits} bits`);
    out[i] =
      end - at < NUMBER_BYTES && bits >= 7 * NUMBER_BYTES
        ? readNumber(bytes, at, end)
        : readInteger(bytes, at, end, bits);
    at = end + 1;
  }
  if (at !== bytes.length) throw bad(`${bytes.length - at} bytes too many`);
  return out;
}

function readNumber(bytes: Uint8Array, at: number, end: number): number {
  let zigzag = 0;
  for (let j = end; j >= at; j--) zigzag = (zigzag << 7) | (bytes[j] & 0x7f);
  return (zigzag & 1) === 0 ? zigzag >> 1 : -(zigzag >> 1) - 1;
}

function readInteger(bytes: Uint8Array, at: number, end: number, bits: number): bigint {
  let zigzag = 0n;
  for (let j = end; j >= at; j--) zigzag = (zigzag << 7n) | BigInt(bytes[j] & 0x7f);
  if (zigzag >> BigInt(bits) !== 0n) throw bad(`expected integers of at most ${bits} bits`);
  return (zigzag & 1n) === 0n ? zigzag >> 1n : -(zigzag >> 1n) - 1n;
}

function plainObject(value: unknown, fields: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw bad('expected an object');
  const names = Object.keys(value);
  if (names.length !== fields.length || fields.some((field) => !names.includes(field))) {
    throw bad(`expected the fields ${fields.join(', ')}`);
  }
  return value as Record<string, unknown>;
}

function requireBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw bad('expected bytes');
}

function requireVersion(version: unknown): void {
  if (version !== 1) throw bad('expected version 1');
}

function bad(what: string): HermeticError {
  return new HermeticError('BAD_FILE', `not keys or ciphertexts of the scheme 'vector': ${what}`, {
    mend: 'The file was cut short or damaged on its way: copy or make it again.',
  });
}
