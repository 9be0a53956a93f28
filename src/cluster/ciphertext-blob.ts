/**
 * One ciphertext as a blob: a fixed header, then the residues of c0 and of c1. Its name is its SHA-256, so it carries no
 * digest of its own; its size follows from the parameters and its level.
 *
 *   magic (8) ‖ key (16) ‖ level u16 ‖ limbs u16 ‖ 0 u32 ‖ scale f64 ‖ c0 ‖ c1
 */
import { bytesToHex, equalBytes, hexToBytes, readU16, readU32, utf8ToBytes, writeU16 } from '../base/bytes.ts';
import { badFile } from '../protocol/bad-file.ts';
import type { CiphertextRecord } from '../protocol/ciphertext-record.ts';
import { fromRecord, readPolyInto } from '../protocol/ckks-codec.ts';
import type { CiphertextParameters } from '../protocol/parameters.ts';
import { decodeResidues, encodeResidues, polynomialBytes } from '../protocol/residues.ts';
import type { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import type { TrainerKeys } from '../trainer/trainer-keys.ts';

const MAGIC = utf8ToBytes('HRMCTBL1');
const KEY_BYTES = 16;
const BLOB_HEADER_BYTES = 40;
/** Of a scale on its way from one refresh to the next: canonical ones are within this range. */
const [MIN_SCALE, MAX_SCALE] = [2 ** 10, 2 ** 60];

type BlobKeys = Pick<TrainerKeys, 'parameters' | 'keyId'>;

export function ciphertextBlobBytes({ description, limbsAtLevel }: CiphertextParameters, level: number): number {
  return BLOB_HEADER_BYTES + 2 * polynomialBytes(description.N, limbsAtLevel[level]);
}

/** Bytes of the largest, those of a ciphertext at the top level. */
export function maxCiphertextBlobBytes(parameters: CiphertextParameters): number {
  return ciphertextBlobBytes(parameters, parameters.limbsAtLevel.length - 1);
}

export function encodeCiphertext(keys: BlobKeys, { c0, c1, level, scale }: Ciphertext): Uint8Array {
  const { description, primes } = keys.parameters;
  const { N } = description;
  const own = primes.slice(0, c0.limbCount);
  const body = polynomialBytes(N, own.length);
  const blob = new Uint8Array(BLOB_HEADER_BYTES + 2 * body);
  blob.set(MAGIC);
  blob.set(hexToBytes(keys.keyId).subarray(0, KEY_BYTES), 8);
  writeU16(blob, 24, level);
  writeU16(blob, 26, own.length);
  new DataView(blob.buffer).setFloat64(32, scale, true);
  for (const [i, poly] of [c0, c1].entries()) {
    const offset = BLOB_HEADER_BYTES + i * body;
    // Read to where they stay: a step stores them by the hundred megabytes.
    const words = new Uint32Array(blob.buffer, offset, N * own.length);
    readPolyInto(poly, words);
    const bytes = encodeResidues(words, N, own);
    if (bytes.buffer !== blob.buffer) blob.set(bytes, offset);
  }
  return blob;
}

/** The record in a blob, every residue checked. @throws HermeticError BAD_FILE; WRONG_KEY for another key's */
export function decodeCiphertext({ parameters, keyId }: BlobKeys, blob: Uint8Array): CiphertextRecord {
  const { description, primes, limbsAtLevel } = parameters;
  if (blob.length < BLOB_HEADER_BYTES || !equalBytes(blob.subarray(0, 8), MAGIC)) {
    throw badFile('a blob is no ciphertext');
  }
  if (bytesToHex(blob.subarray(8, 24)) !== keyId.slice(0, 2 * KEY_BYTES)) {
    throw badFile('a blob holds a ciphertext of another key');
  }
  const [level, limbs] = [readU16(blob, 24), readU16(blob, 26)];
  const scale = new DataView(blob.buffer, blob.byteOffset).getFloat64(32, true);
  const known = level < limbsAtLevel.length && limbs === limbsAtLevel[level] && readU32(blob, 28) === 0;
  if (!known || !(scale > MIN_SCALE && scale < MAX_SCALE)) {
    throw badFile('a blob states a level or scale that no ciphertext has');
  }
  const size = polynomialBytes(description.N, limbs);
  if (blob.length !== BLOB_HEADER_BYTES + 2 * size) throw badFile('a blob does not have the size of its ciphertext');
  const own = primes.slice(0, limbs);
  const polynomials = [0, 1].map((i) => {
    const start = BLOB_HEADER_BYTES + i * size;
    return decodeResidues(blob.subarray(start, start + size), description.N, own);
  });
  return { level, scale, limbs, polynomials };
}

/** A ciphertext in the keys' memory. @throws HermeticError BAD_FILE */
export function ciphertextOf(keys: TrainerKeys, blob: Uint8Array): Ciphertext {
  return fromRecord(keys.context, decodeCiphertext(keys, blob));
}
