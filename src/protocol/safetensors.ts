/**
 * Safetensors (huggingface/safetensors, "Format"): u64 header length, JSON header, tensors back to back. Reads and
 * writes F32 and F64; strict: the tensors must cover the data exactly, as the format asks.
 */
import * as z from 'zod';
import {
  bytesOf,
  bytesToUtf8,
  concatBytes,
  copyBytes,
  hostIsLittleEndian,
  readU64,
  utf8ToBytes,
  writeU64,
} from '../base/bytes.ts';
import { checkLength } from '../base/checks.ts';
import { badFile } from './bad-file.ts';
import { count, parseHeader } from './schema.ts';

export interface Tensor {
  readonly shape: readonly number[];
  /** Row-major; the array's type is the dtype, F32 or F64. */
  readonly data: Float32Array | Float64Array;
}

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface TensorHeader {
  readonly dtype: 'F32' | 'F64';
  readonly shape: readonly number[];
  /** First byte and the one after the last, counted from the end of the header. */
  readonly data_offsets: readonly [number, number];
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorHeader>;
  readonly metadata: Readonly<Record<string, string>>;
}

const MAX_SAFETENSORS_HEADER_BYTES: number = 16 << 20;
const MAX_TENSORS = 4096;
const BYTES = { F32: 4, F64: 8 } as const;

const tensorHeader: z.ZodType<TensorHeader> = z.strictObject({
  dtype: z.enum(['F32', 'F64'], { error: 'expected F32 or F64 (convert the model)' }),
  shape: z.array(count(2 ** 32)).max(8),
  data_offsets: z.tuple([count(Number.MAX_SAFE_INTEGER), count(Number.MAX_SAFE_INTEGER)]),
});
const metadataSchema = z.record(z.string(), z.string());

/** True where a file of `size` bytes may be one: its first bytes are a header length that fits and `{`. */
export function looksLikeSafetensors(start: Uint8Array, size: number): boolean {
  if (start.length < 9 || start[8] !== 0x7b) return false;
  const length = readU64(start, 0);
  return length !== undefined && length <= MAX_SAFETENSORS_HEADER_BYTES && 8 + length <= size;
}

/** Length of the JSON header, checked against the file's size. Throws BAD_FILE. */
export function safetensorsHeaderLength(start: Uint8Array, size: number): number {
  const length = start.length >= 8 ? readU64(start, 0) : undefined;
  if (length !== undefined && length >= 2 && length <= MAX_SAFETENSORS_HEADER_BYTES && 8 + length <= size)
    return length;
  throw badFile('this is not a safetensors file', { mend: 'Name a model made by `hermetic init` or `hermetic open`.' });
}

/** The JSON header, checked against the number of data bytes behind it. Throws BAD_FILE. */
export function parseSafetensorsHeader(json: Uint8Array, dataBytes: number): SafetensorsHeader {
  const { __metadata__: rawMetadata, ...rest } = parseObject(json);
  const names = Object.keys(rest);
  if (names.length > MAX_TENSORS) throw badFile('too many tensors', { expected: `at most ${MAX_TENSORS}` });
  const tensors = new Map<string, TensorHeader>();
  for (const name of names)
    tensors.set(name, parseHeader(tensorHeader, rest[name], 'a tensor of the safetensors file'));
  checkCoverage([...tensors.values()], dataBytes);
  const metadata = rawMetadata === undefined ? {} : parseHeader(metadataSchema, rawMetadata, '__metadata__');
  return { tensors, metadata };
}

function parseObject(json: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytesToUtf8(json));
  } catch (cause) {
    throw badFile('the header of the safetensors file is not JSON', { cause });
  }
  if (json[0] === 0x7b && typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw badFile('the header of the safetensors file is not a JSON object');
}

/** Sizes agree with shapes, and the tensors follow each other without gap or overlap to the end of the data. */
function checkCoverage(tensors: readonly TensorHeader[], dataBytes: number): void {
  let position = 0;
  for (const { dtype, shape, data_offsets } of tensors.toSorted(byOffset)) {
    const [begin, end] = data_offsets;
    const bytes = shape.reduce((product, extent) => product * extent, BYTES[dtype]);
    if (begin !== position) throw badFile('tensors overlap or leave a gap');
    if (end - begin !== bytes)
      throw badFile('a tensor does not have the size of its shape', { expected: `${bytes} bytes` });
    position = end;
  }
  if (position !== dataBytes) {
    throw badFile('the tensors do not fill the file', { expected: `${position} bytes of data`, got: `${dataBytes}` });
  }
}

function byOffset(a: TensorHeader, b: TensorHeader): number {
  return a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1];
}

/** Reads a whole file. Values are copied; they may be NaN or infinite. Throws BAD_FILE. */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  const start = 8 + safetensorsHeaderLength(bytes, bytes.length);
  const header = parseSafetensorsHeader(bytes.subarray(8, start), bytes.length - start);
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data_offsets }] of header.tensors) {
    const raw = toHostOrder(copyBytes(bytes, start + data_offsets[0], start + data_offsets[1]), BYTES[dtype]);
    tensors.set(name, { shape, data: dtype === 'F32' ? new Float32Array(raw.buffer) : new Float64Array(raw.buffer) });
  }
  return { tensors, metadata: header.metadata };
}

/** The file; tensors in the map's order, the header padded so that data start at a multiple of eight. */
export function writeSafetensors({ tensors, metadata }: Safetensors): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let position = 0;
  for (const [name, { shape, data }] of tensors) {
    checkLength(
      name,
      data,
      shape.reduce((product, extent) => product * extent, 1),
    );
    const dtype = data instanceof Float32Array ? 'F32' : 'F64';
    header[name] = { dtype, shape, data_offsets: [position, (position += data.byteLength)] };
    parts.push(toHostOrder(copyBytes(bytesOf(data)), BYTES[dtype]));
  }
  const json = JSON.stringify(header);
  const padding = ' '.repeat(-utf8ToBytes(json).length & 7);
  const text = utf8ToBytes(json + padding);
  const length = new Uint8Array(8);
  writeU64(length, 0, text.length);
  return concatBytes(length, text, ...parts);
}

/** Between the file's order and the host's, in place, for words of `width` bytes. */
function toHostOrder(bytes: Uint8Array<ArrayBuffer>, width: number): Uint8Array<ArrayBuffer> {
  if (!hostIsLittleEndian) for (let i = 0; i < bytes.length; i += width) bytes.subarray(i, i + width).reverse();
  return bytes;
}
