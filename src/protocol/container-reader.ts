/**
 * Reads a container from a source. Everything that the file claims about itself is compared with the source and with
 * the limits before a body is allocated; every section is compared with its digest before it is handed out.
 */
import * as z from 'zod';
import { bytesToHex, concatBytes, equalBytes } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { badFile } from './bad-file.ts';
import { type ByteSource, readExactly } from './byte-source.ts';
import { decodeCbor } from './cbor.ts';
import {
  bodySize,
  type ContainerKind,
  containerSize,
  DIGEST_BYTES,
  DigestTree,
  decodeFixedHeader,
  FIXED_HEADER_BYTES,
  type FixedHeader,
  MAX_HEADER_BYTES,
  MAX_SECTION_BYTES,
} from './container-layout.ts';
import { type ParameterDescription, parameterDescription, warnIfInsecure } from './parameters.ts';
import { count, parseHeader } from './schema.ts';

export interface ReadOptions {
  /** Called with a sentence where a file is marked insecure. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void;
  /** Refuses a larger header or file; a server sets them to what its own messages need. */
  readonly maxHeaderBytes?: number;
  readonly maxBytes?: number;
}

export interface ContainerReadOptions extends ReadOptions {
  /** Another kind is refused with BAD_FILE. */
  readonly kind?: ContainerKind;
  /** Another hash is refused with WRONG_KEY. */
  readonly parameterHash?: Uint8Array;
}

interface HeaderRecord {
  readonly content: unknown;
  readonly parameters: ParameterDescription;
  readonly sections: readonly number[];
}

const headerRecord: z.ZodType<HeaderRecord> = z.strictObject({
  content: z.unknown(),
  parameters: parameterDescription,
  sections: z.array(count(MAX_SECTION_BYTES)),
});

export interface ContainerReader {
  readonly kind: ContainerKind;
  readonly version: number;
  readonly parameterHash: Uint8Array;
  readonly parameters: ParameterDescription;
  /** Decoded, not yet checked: the kind's own schema does that. */
  readonly content: unknown;
  readonly sectionLengths: readonly number[];
  /** Size of the whole file. */
  readonly totalBytes: number;
  /** The next section, checked against its digest. Throws RangeError after the last. */
  readSection(): Promise<Uint8Array>;
  /** Root digest of what was read so far, the header included (32 bytes): what a signature behind it signs. */
  digest(): Promise<Uint8Array>;
  /** After the last section: checks the root digest and the end of the file, returns the digest (32 bytes). */
  finish(): Promise<Uint8Array>;
}

/** Reads and checks all but the sections. */
export async function readContainer(source: ByteSource, options: ContainerReadOptions = {}): Promise<ContainerReader> {
  const fixedBytes = await source.read(FIXED_HEADER_BYTES);
  const fixed = decodeFixedHeader(fixedBytes);
  checkExpectations(fixed, options);
  const totalBytes = checkSize(fixed, source.size, options);
  const headerBytes = await readExactly(source, fixed.headerBytes, 'its header');
  const digests = new DigestTree();
  const digest = await digests.add(concatBytes(fixedBytes, headerBytes));
  await checkDigest(source, digest, 'the header');
  const header = parseHeader(headerRecord, decodeCbor(headerBytes, 'the header'), 'the header');
  if (bodySize(header.sections) !== fixed.bodyBytes)
    throw badFile('the lengths of the sections and of the body differ');
  warnIfInsecure(header.parameters, options.onWarning ?? console.warn);
  return {
    kind: fixed.kind,
    version: fixed.version,
    parameterHash: fixed.parameterHash,
    parameters: header.parameters,
    content: header.content,
    sectionLengths: header.sections,
    totalBytes,
    ...bodyReader(source, header.sections, digests),
  };
}

function bodyReader(
  source: ByteSource,
  lengths: readonly number[],
  digests: DigestTree,
): Pick<ContainerReader, 'readSection' | 'digest' | 'finish'> {
  let next = 0;
  return {
    readSection: async () => {
      if (next >= lengths.length) throw new RangeError(`the container has ${lengths.length} sections, all were read`);
      const what = `section ${next + 1} of ${lengths.length}`;
      const section = await readExactly(source, lengths[next++], what);
      await checkDigest(source, await digests.add(section), what);
      return section;
    },
    digest: () => digests.root(),
    finish: async () => {
      if (next !== lengths.length) throw new RangeError(`${lengths.length - next} sections were not read`);
      const root = await digests.root();
      await checkDigest(source, root, 'the file');
      if ((await source.read(1)).length > 0) throw badFile('the file goes on after its end');
      return root;
    },
  };
}

function checkExpectations(fixed: FixedHeader, options: ContainerReadOptions): void {
  const { kind, parameterHash } = options;
  if (kind !== undefined && fixed.kind !== kind) {
    throw badFile('this is another kind of file', {
      expected: kind,
      got: fixed.kind,
      mend: `Name a file of kind ${kind}.`,
    });
  }
  if (parameterHash !== undefined) checkParameterHash(fixed.parameterHash, parameterHash);
}

/** Throws WRONG_KEY where a file was made with other parameters than the reader's. */
export function checkParameterHash(got: Uint8Array, expected: Uint8Array): void {
  if (equalBytes(got, expected)) return;
  throw new HermeticError('WRONG_KEY', 'this file was made with other parameters', {
    expected: `parameters ${bytesToHex(expected.subarray(0, 8))}…`,
    got: `${bytesToHex(got.subarray(0, 8))}…`,
    mend: 'Use files and keys that were made together.',
  });
}

function checkSize(fixed: FixedHeader, sourceSize: number | undefined, options: ReadOptions): number {
  const { maxHeaderBytes = MAX_HEADER_BYTES, maxBytes = Number.MAX_SAFE_INTEGER } = options;
  const total = containerSize(fixed.headerBytes, fixed.bodyBytes);
  if (fixed.headerBytes > maxHeaderBytes || total > maxBytes) {
    throw badFile('the file claims to be larger than any that belongs here', { got: `${total} bytes` });
  }
  if (sourceSize !== undefined && sourceSize !== total) {
    const summary = sourceSize < total ? 'the file is truncated' : 'the file goes on after its end';
    throw badFile(summary, { expected: `${total} bytes`, got: `${sourceSize}` });
  }
  return total;
}

async function checkDigest(source: ByteSource, expected: Uint8Array, what: string): Promise<void> {
  const stored = await readExactly(source, DIGEST_BYTES, `the digest of ${what}`);
  if (!equalBytes(stored, expected)) throw badFile(`${what} is damaged (its SHA-256 does not fit)`);
}

/** Reads what is left of a container only to check it. */
export async function verifyRest(reader: ContainerReader): Promise<Uint8Array> {
  for (let i = 0; i < reader.sectionLengths.length; i++) await reader.readSection();
  return reader.finish();
}
