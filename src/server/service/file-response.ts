/** A stored file as an answer: whole or a part of it (RFC 9110, section 14), known by its SHA-256. */
import { namesTag } from '../entity-tag.ts';
import { errorResponse } from '../error-response.ts';
import type { BlobFiles } from '../node/blob-files.ts';
import { problem } from '../problems.ts';
import { BINARY } from './bodies.ts';

export interface StoredFile {
  readonly sha256: string;
  readonly bytes: number;
}

/** 200, 206 for a range, 304 where the caller has the file already, 416 for a range beyond its end. */
export async function fileResponse(
  request: Request,
  blobs: BlobFiles,
  { sha256, bytes }: StoredFile,
): Promise<Response> {
  if (!(await blobs.has(sha256))) throw new Error(`the file ${sha256} is missing`);
  const etag = `"${sha256}"`;
  const headers: Record<string, string> = {
    'content-type': BINARY,
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
    etag,
  };
  if (namesTag(request.headers.get('if-none-match'), etag)) return new Response(null, { status: 304, headers });
  const range = rangeOf(request, etag, bytes);
  if (range === 'unsatisfiable') return beyondEnd(bytes);
  const [start, end] = range ?? [0, bytes];
  headers['content-length'] = `${end - start}`;
  if (range !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${bytes}`;
  return new Response(blobs.stream(sha256, start, end), { status: range === undefined ? 200 : 206, headers });
}

/** First byte and the one behind the last; undefined for the whole file: no range, several, or of another version. */
function rangeOf(request: Request, etag: string, bytes: number): [number, number] | 'unsatisfiable' | undefined {
  const condition = request.headers.get('if-range');
  if (condition !== null && condition !== etag) return undefined;
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(request.headers.get('range') ?? '') ?? [];
  if (first === undefined || (first === '' && last === '')) return undefined;
  if (first === '') return Number(last) === 0 ? 'unsatisfiable' : [Math.max(0, bytes - Number(last)), bytes];
  const start = Number(first);
  const end = last === '' ? bytes : Math.min(bytes, Number(last) + 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= bytes ? 'unsatisfiable' : [start, end];
}

function beyondEnd(bytes: number): Response {
  const response = errorResponse(
    problem(416, 'BAD_ARGUMENT', 'the range lies beyond the end of the file', { expected: `at most ${bytes} bytes` }),
  );
  response.headers.set('content-range', `bytes */${bytes}`);
  return response;
}
