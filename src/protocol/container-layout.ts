/**
 * The frame that all binary files and messages share (docs/format.md):
 *
 *   fixed header (56) ‖ CBOR header ‖ SHA-256 of both ‖ { section ‖ SHA-256 of it } … ‖ SHA-256 of all those digests
 *
 * The digests guard against accidents. They are no proof of origin: whoever changes a file can renew them.
 */
import {
  bytesToHex,
  concatBytes,
  copyBytes,
  equalBytes,
  readU16,
  readU32,
  readU64,
  sha256,
  utf8ToBytes,
  writeU16,
  writeU32,
  writeU64,
} from '../base/bytes.ts';
import { badFile } from './bad-file.ts';

export const FORMAT_VERSION = 1;
export const FIXED_HEADER_BYTES = 56;
export const DIGEST_BYTES = 32;
/** A header may carry a vocabulary, not a data set. */
export const MAX_HEADER_BYTES: number = 16 << 20;
/** One typed array on every platform. */
export const MAX_SECTION_BYTES: number = 2 ** 31 - 1;
export const MAGIC: Uint8Array = utf8ToBytes('HERMETIC');
const TREE_PREFIX = utf8ToBytes('hermetic digest tree v1\n');

/** Index = number in the file. */
const KINDS = [
  undefined,
  'owner-key',
  'trainer-keys',
  'sealed-model',
  'sealed-predictions',
  'checkpoint',
  'refresh-request',
  'refresh-response',
  'bootstrapping-keys',
  'teaching-keys',
  'teaching-model',
] as const;

export type ContainerKind = Exclude<(typeof KINDS)[number], undefined>;

export interface FixedHeader {
  readonly version: number;
  readonly kind: ContainerKind;
  readonly headerBytes: number;
  readonly parameterHash: Uint8Array;
  /** Σ (section + digest). */
  readonly bodyBytes: number;
}

function kindNumber(kind: ContainerKind): number {
  return KINDS.indexOf(kind);
}

export function bodySize(sectionLengths: readonly number[]): number {
  return sectionLengths.reduce((sum, length) => sum + length + DIGEST_BYTES, 0);
}

/** Size of the whole file. */
export function containerSize(headerBytes: number, bodyBytes: number): number {
  return FIXED_HEADER_BYTES + headerBytes + DIGEST_BYTES + bodyBytes + DIGEST_BYTES;
}

export function encodeFixedHeader(fixed: FixedHeader): Uint8Array {
  const out = new Uint8Array(FIXED_HEADER_BYTES);
  out.set(MAGIC, 0);
  writeU16(out, 8, fixed.version);
  writeU16(out, 10, kindNumber(fixed.kind));
  writeU32(out, 12, fixed.headerBytes);
  out.set(fixed.parameterHash, 16);
  writeU64(out, 48, fixed.bodyBytes);
  return out;
}

/** Throws BAD_FILE for a foreign file, a version of the future, an unknown kind or lengths beyond any file. */
export function decodeFixedHeader(bytes: Uint8Array): FixedHeader {
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw notHermetic(bytes);
  if (bytes.length < FIXED_HEADER_BYTES) throw badFile('the file ends inside its fixed header');
  const version = readU16(bytes, 8);
  if (version !== FORMAT_VERSION) {
    throw badFile('this version of the file format is unknown here', {
      expected: `version ${FORMAT_VERSION}`,
      got: `version ${version}`,
      mend: version > FORMAT_VERSION ? 'A newer Hermetic wrote it: update this one.' : 'The file is damaged.',
    });
  }
  const kind = KINDS[readU16(bytes, 10)];
  if (kind === undefined) throw badFile('unknown kind of file', { got: `kind ${readU16(bytes, 10)}` });
  const headerBytes = readU32(bytes, 12);
  const bodyBytes = readU64(bytes, 48);
  if (headerBytes > MAX_HEADER_BYTES)
    throw badFile('the header claims to be too long', { got: `${headerBytes} bytes` });
  if (bodyBytes === undefined) throw badFile('the body claims to be too long');
  return { version, kind, headerBytes, parameterHash: copyBytes(bytes, 16, 48), bodyBytes };
}

/** The kind that a fixed header names, nothing else of it checked; undefined where this version knows none. */
export function kindOfHeader(bytes: Uint8Array): ContainerKind | undefined {
  return bytes.length < 12 || readU16(bytes, 8) !== FORMAT_VERSION ? undefined : KINDS[readU16(bytes, 10)];
}

function notHermetic(bytes: Uint8Array): Error {
  const got = bytes.length === 0 ? 'an empty file' : `a file that begins with ${bytesToHex(bytes.subarray(0, 8))}`;
  return badFile('this is not a Hermetic file', {
    got,
    mend: 'Check the name; `hermetic inspect` tells what a file is.',
  });
}

/** Collects the digests of the parts of a file; its root is the file's own digest and its identity. */
export class DigestTree {
  readonly #digests: Uint8Array[] = [];

  /** Digest of the next part, remembered. */
  async add(part: Uint8Array): Promise<Uint8Array> {
    const digest = await sha256(part);
    this.#digests.push(digest);
    return digest;
  }

  root(): Promise<Uint8Array> {
    return sha256(concatBytes(TREE_PREFIX, ...this.#digests));
  }
}
