/** Writes a container to a sink, section by section, holding one section at a time. */
import { concatBytes } from '../base/bytes.ts';
import { checkBytes, checkInteger } from '../base/checks.ts';
import type { ByteSink } from './byte-source.ts';
import { encodeCbor } from './cbor.ts';
import {
  bodySize,
  type ContainerKind,
  DigestTree,
  encodeFixedHeader,
  FORMAT_VERSION,
  MAX_HEADER_BYTES,
  MAX_SECTION_BYTES,
} from './container-layout.ts';
import { type ParameterDescription, parameterDescription } from './parameters.ts';
import { checkHeader } from './schema.ts';

export interface ContainerContents {
  readonly kind: ContainerKind;
  /** SHA-256 of the parameters, 32 bytes. */
  readonly parameterHash: Uint8Array;
  readonly parameters: ParameterDescription;
  /** What the kind asks for: plain JSON, `Uint8Array` allowed. */
  readonly content: unknown;
  /** Bytes of each section: they stand in the header, before the sections are made. */
  readonly sectionLengths: readonly number[];
  /** The sections in order; made as they are written, so that a large file never exists in memory. */
  readonly sections: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Makes a last section of the root digest of all before it. */
  readonly signature?: {
    readonly bytes: number;
    readonly make: (digest: Uint8Array) => Promise<Uint8Array>;
  };
}

/**
 * Writes the whole container and returns its root digest (32 bytes), the identity of the file. Throws TypeError or
 * RangeError when the sections do not have the announced lengths: discard what was written then.
 */
export async function writeContainer(sink: ByteSink, contents: ContainerContents): Promise<Uint8Array> {
  const { sectionLengths, signature } = contents;
  const digests = new DigestTree();
  const head = encodeHead(contents);
  await sink.write(head);
  await sink.write(await digests.add(head));
  let index = 0;
  for await (const section of contents.sections) {
    if (index >= sectionLengths.length) throw new RangeError(`expected ${sectionLengths.length} sections, got more`);
    checkBytes(`section ${index}`, section, sectionLengths[index]);
    await sink.write(section);
    await sink.write(await digests.add(section));
    index++;
  }
  if (index !== sectionLengths.length) {
    throw new RangeError(`expected ${sectionLengths.length} sections, got ${index}`);
  }
  if (signature !== undefined) {
    const section = checkBytes('signature', await signature.make(await digests.root()), signature.bytes);
    await sink.write(section);
    await sink.write(await digests.add(section));
  }
  const root = await digests.root();
  await sink.write(root);
  return root;
}

function encodeHead(contents: ContainerContents): Uint8Array {
  const { kind, content, signature } = contents;
  const sectionLengths = [...contents.sectionLengths, ...(signature === undefined ? [] : [signature.bytes])];
  const parameterHash = checkBytes('parameterHash', contents.parameterHash, 32);
  const parameters = checkHeader(parameterDescription, contents.parameters, 'parameters');
  for (const length of sectionLengths) checkInteger('section length', length, 0, MAX_SECTION_BYTES);
  const header = encodeCbor({ content, parameters, sections: sectionLengths });
  checkInteger('header bytes', header.length, 0, MAX_HEADER_BYTES);
  const fixed = {
    version: FORMAT_VERSION,
    kind,
    headerBytes: header.length,
    parameterHash,
    bodyBytes: bodySize(sectionLengths),
  };
  return concatBytes(encodeFixedHeader(fixed), header);
}
