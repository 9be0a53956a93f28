/** What sealed models, predictions, checkpoints and refresh messages share: a checked header and ciphertext records. */
import type * as z from 'zod';
import { bytesToHex } from '../base/bytes.ts';
import { badFile } from './bad-file.ts';
import type { ByteSink, ByteSource } from './byte-source.ts';
import {
  type CiphertextRecord,
  checkRecordHeaders,
  headerOf,
  type RecordHeader,
  readRecordBodies,
  recordSectionLengths,
  recordSections,
} from './ciphertext-record.ts';
import type { ContainerKind } from './container-layout.ts';
import { checkParameterHash, type ReadOptions, readContainer } from './container-reader.ts';
import { writeContainer } from './container-writer.ts';
import { type CiphertextParameters, checkParameters, type ParameterDescription } from './parameters.ts';
import { checkHeader, parseHeader } from './schema.ts';

export interface CiphertextReadOptions extends ReadOptions {
  /**
   * The reader's parameters for a file of this description and hash. Whoever holds keys returns theirs; a file of
   * other parameters is then refused with WRONG_KEY.
   */
  readonly parametersFor: (
    description: ParameterDescription,
    hash: Uint8Array,
  ) => CiphertextParameters | Promise<CiphertextParameters>;
}

interface WithRecords<R> {
  readonly records: readonly R[];
}

export interface CiphertextFile<H, R> {
  readonly content: H;
  readonly records: R[];
  readonly parameters: CiphertextParameters;
  /** Root digest of the file, 64 hexadecimal digits: its identity. */
  readonly id: string;
}

/**
 * Writes `content` with its ciphertexts. The header of each record is its entry of `content.records` without the
 * residues. Returns the identity of the file. Throws TypeError or RangeError for what no reader would take.
 */
export async function writeCiphertextFile<H extends WithRecords<RecordHeader>>(
  sink: ByteSink,
  kind: ContainerKind,
  schema: z.ZodType<H>,
  parameters: CiphertextParameters,
  content: Omit<H, 'records'> & WithRecords<CiphertextRecord>,
): Promise<string> {
  checkParameters(parameters);
  const headers = content.records.map((record) => {
    const { polynomials: _, ...extra } = record;
    return { ...extra, ...headerOf(record, parameters) };
  });
  const header = checkHeader(schema, { ...content, records: headers }, kind);
  const digest = await writeContainer(sink, {
    kind,
    parameterHash: parameters.hash,
    parameters: parameters.description,
    content: header,
    sectionLengths: recordSectionLengths(headers, parameters),
    sections: recordSections(content.records, parameters),
  });
  return bytesToHex(digest);
}

/**
 * Reads and checks the whole file; nothing is returned before its last digest was compared. `checkContent` may refuse
 * a header before the bodies are read.
 */
export async function readCiphertextFile<R extends RecordHeader, H extends WithRecords<R>>(
  source: ByteSource,
  kind: ContainerKind,
  schema: z.ZodType<H & WithRecords<R>>,
  options: CiphertextReadOptions,
  checkContent: (content: H) => void = () => {},
): Promise<CiphertextFile<H, Omit<R, 'seed'> & CiphertextRecord>> {
  const container = await readContainer(source, { ...options, kind });
  const content: H = parseHeader(schema, container.content, `the header of the ${kind} file`);
  const parameters = checkParameters(await options.parametersFor(container.parameters, container.parameterHash));
  checkParameterHash(container.parameterHash, parameters.hash);
  checkDescription(container.parameters, parameters.description);
  checkRecordHeaders(content.records, parameters, container);
  checkContent(content);
  const records = await readRecordBodies(content.records, parameters, container);
  const id = bytesToHex(await container.finish());
  return { content, records, parameters, id };
}

/** The hash binds; the description must not say something else to people. */
function checkDescription(got: ParameterDescription, expected: ParameterDescription): void {
  if (got.set === expected.set && got.N === expected.N && got.insecure === expected.insecure) return;
  throw badFile('the file describes its parameters as others than those of its parameter hash');
}
