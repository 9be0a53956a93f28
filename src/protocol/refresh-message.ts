/**
 * The two messages of a blinded refresh. The trainer sends masked ciphertexts at level 0; the owner returns fresh ones
 * of the level asked for. Sizes follow from the parameters and the number of ciphertexts alone: neither side can
 * learn or leak a value by the length of a message.
 */
import * as z from 'zod';
import { checkInteger } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { badFile } from './bad-file.ts';
import type { ByteSink, ByteSource } from './byte-source.ts';
import { type CiphertextReadOptions, readCiphertextFile, writeCiphertextFile } from './ciphertext-file.ts';
import { type CiphertextRecord, type RecordHeader, recordHeader } from './ciphertext-record.ts';
import { bodySize, containerSize } from './container-layout.ts';
import type { CiphertextParameters } from './parameters.ts';
import { polynomialBytes } from './residues.ts';
import { count, hexIdentifier, name } from './schema.ts';

/** What binds a response to its request, and both to a place in a run. */
export interface RefreshCall {
  readonly run: string;
  /** Training step after which the refresh happens. */
  readonly step: number;
  /** Unique within the run: the same call sent twice is answered, and counted, once. */
  readonly call: string;
  readonly keyId: string;
  /** Level of the ciphertexts in the response. */
  readonly level: number;
}

export interface RefreshRequestMessage extends RefreshCall {
  /** Masked, at level 0, with both polynomials. */
  readonly records: readonly CiphertextRecord[];
}

export interface RefreshResponseMessage extends RefreshCall {
  /** Fresh, at `level`, in the order of the request. */
  readonly records: readonly CiphertextRecord[];
}

export interface RefreshHeader extends RefreshCall {
  readonly records: readonly RecordHeader[];
}

/** Ciphertexts of one message. */
export const MAX_REFRESH_RECORDS = 4096;

export const refreshHeader: z.ZodType<RefreshHeader> = z.strictObject({
  run: name(128),
  step: count(2 ** 32),
  call: name(64),
  keyId: hexIdentifier,
  level: count(1000),
  records: z.array(recordHeader).min(1).max(MAX_REFRESH_RECORDS),
});

/** Generous bounds of the CBOR header, without and for each ciphertext. */
const HEADER_BYTES = 1024;
const HEADER_BYTES_EACH = 128;

/** The largest message of `records` ciphertexts with `polynomials` stored polynomials each (2, or 1 if seeded). */
export function maxRefreshMessageBytes(
  parameters: CiphertextParameters,
  level: number,
  records: number,
  polynomials: 1 | 2,
): number {
  checkInteger('level', level, 0, parameters.limbsAtLevel.length - 1);
  checkInteger('records', records, 1, MAX_REFRESH_RECORDS);
  const each = polynomialBytes(parameters.description.N, parameters.limbsAtLevel[level]);
  const body = bodySize(new Array<number>(records * polynomials).fill(each));
  return containerSize(maxHeaderBytes(records), body);
}

function maxHeaderBytes(records: number): number {
  return HEADER_BYTES + HEADER_BYTES_EACH * records;
}

/** Throws RangeError where the records are not at level 0 with both polynomials. */
export async function writeRefreshRequest(
  sink: ByteSink,
  request: RefreshRequestMessage,
  parameters: CiphertextParameters,
): Promise<void> {
  const complaint = findRequestMisfit(request, parameters);
  if (complaint !== undefined) throw new RangeError(`refresh request: ${complaint}`);
  const { run, step, call, keyId, level, records } = request;
  const content = { run, step, call, keyId, level, records };
  await writeCiphertextFile(sink, 'refresh-request', refreshHeader, parameters, content);
}

export interface ReadRefreshRequestOptions extends CiphertextReadOptions {
  /** More ciphertexts in one message are refused. */
  readonly maxRecords: number;
}

/** Checks syntax, sizes and residues, nothing that depends on a value. Throws BAD_FILE or WRONG_KEY. */
export async function readRefreshRequest(
  source: ByteSource,
  parameters: CiphertextParameters,
  options: Omit<ReadRefreshRequestOptions, 'parametersFor'>,
): Promise<RefreshRequestMessage> {
  const { maxRecords, ...readOptions } = options;
  const limits = {
    maxHeaderBytes: maxHeaderBytes(maxRecords),
    maxBytes: maxRefreshMessageBytes(parameters, 0, maxRecords, 2),
  };
  const { content, records } = await readCiphertextFile(
    source,
    'refresh-request',
    refreshHeader,
    { ...limits, ...readOptions, parametersFor: () => parameters },
    (header) => {
      const tooMany = header.records.length > maxRecords ? `more than ${maxRecords} ciphertexts` : undefined;
      const complaint = tooMany ?? findRequestMisfit(header, parameters);
      if (complaint !== undefined) throw badFile(`the refresh request cannot be served (${complaint})`);
    },
  );
  return { ...content, records };
}

function findRequestMisfit(request: RefreshHeader, { limbsAtLevel }: CiphertextParameters): string | undefined {
  if (request.level >= limbsAtLevel.length) return `level is not in 0 … ${limbsAtLevel.length - 1}`;
  if (request.records.some(({ level }) => level !== 0)) return 'a ciphertext is not at level 0';
  if (request.records.some(({ seed }) => seed !== undefined)) return 'a ciphertext is seeded, hence not re-randomised';
  return undefined;
}

/** Throws RangeError where the records are not at the level of the call. */
export async function writeRefreshResponse(
  sink: ByteSink,
  response: RefreshResponseMessage,
  parameters: CiphertextParameters,
): Promise<void> {
  const { run, step, call, keyId, level, records } = response;
  if (records.some((record) => record.level !== level)) throw new RangeError('refresh response: wrong level');
  const content = { run, step, call, keyId, level, records };
  await writeCiphertextFile(sink, 'refresh-response', refreshHeader, parameters, content);
}

/**
 * The answer to `call`, whose request held `expectedRecords` ciphertexts. Throws BAD_FILE for a broken message,
 * WRONG_KEY for other parameters, REFRESH_FAILED for the answer to another call.
 */
export async function readRefreshResponse(
  source: ByteSource,
  call: RefreshCall,
  expectedRecords: number,
  parameters: CiphertextParameters,
  options: Omit<CiphertextReadOptions, 'parametersFor'> = {},
): Promise<RefreshResponseMessage> {
  const limits = {
    maxHeaderBytes: maxHeaderBytes(expectedRecords),
    maxBytes: maxRefreshMessageBytes(parameters, call.level, expectedRecords, 2),
  };
  const { content, records } = await readCiphertextFile(
    source,
    'refresh-response',
    refreshHeader,
    { ...limits, ...options, parametersFor: () => parameters },
    (header) => checkAnswers(header, call, expectedRecords),
  );
  return { ...content, records };
}

function checkAnswers(response: RefreshHeader, call: RefreshCall, expectedRecords: number): void {
  const other = (['run', 'step', 'call', 'keyId', 'level'] as const).find((field) => response[field] !== call[field]);
  const wrong =
    other ??
    (response.records.length !== expectedRecords ? 'number of ciphertexts' : undefined) ??
    (response.records.some(({ level }) => level !== call.level) ? 'level of a ciphertext' : undefined);
  if (wrong === undefined) return;
  throw new HermeticError('REFRESH_FAILED', `the owner's server answered another call (${wrong} differs)`, {
    mend: 'Check that --refresh names the owner of this model; the run can be resumed from its checkpoint.',
  });
}
