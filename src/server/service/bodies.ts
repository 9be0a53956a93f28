/** Bodies of requests, never longer than they may be. */
import type * as z from 'zod';
import { bytesToUtf8 } from '../../base/bytes.ts';
import { HermeticError } from '../../base/errors.ts';
import { readAll, streamSource } from '../../protocol/byte-source.ts';
import { HttpProblem } from '../error-response.ts';
import { problem } from '../problems.ts';

/** How much of a body is read, and made objects of. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** Values in lists and objects: a byte or two of text may become an object, and all of them are made at once. */
  readonly maxItems: number;
  /** What a caller can do who needs more. */
  readonly mend?: string;
}

/** What JSON may have where a route does not say otherwise. */
export const JSON_LIMITS: BodyLimits = { maxBytes: 2 ** 18, maxItems: 2 ** 17 };
const MOST_SHOWN = 200;
export const BINARY = 'application/octet-stream';

/** @throws HttpProblem 415, 413, 400 */
export async function readJson<T>(request: Request, schema: z.ZodType<T>, limits: BodyLimits, pace?: Pace): Promise<T> {
  requireType(request, 'application/json');
  const { maxBytes, maxItems, mend } = limits;
  const bytes = await readBody(request, maxBytes, { pace, mend });
  if (countItems(bytes) > maxItems) throw new HttpProblem(413, tooLong(`${maxItems} values`, mend));
  let value: unknown;
  try {
    value = JSON.parse(bytesToUtf8(bytes));
  } catch {
    throw problem(400, 'BAD_ARGUMENT', 'the body is not JSON');
  }
  return checked(schema, value, 'body');
}

const [COMMA, BRACKET, BRACE] = [...',[{'].map((character) => character.charCodeAt(0));

/** Commas and opening brackets: as many values as JSON can have, or more where they stand in texts. */
function countItems(json: Uint8Array): number {
  let items = 1;
  for (const byte of json) if (byte === COMMA || byte === BRACKET || byte === BRACE) items++;
  return items;
}

/** The value, or 400 with the place and the reason; what was sent is not repeated. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = [what, ...issue.path.map(String)].join('.').slice(0, MOST_SHOWN);
  throw problem(400, 'BAD_ARGUMENT', `${path}: ${issue.message.slice(0, MOST_SHOWN)}`);
}

/** How slowly a body may arrive while others wait for it. */
export interface Pace {
  readonly graceMs: number;
  /** After that, on the average. */
  readonly bytesPerSecond: number;
}

export interface BodyOptions {
  readonly pace?: Pace | undefined;
  /** What a caller can do who sends more than may be. */
  readonly mend?: string | undefined;
}

/**
 * The whole body. A longer one is refused by its announced length, or when it gets there.
 * @throws HttpProblem 413, 400; 503 for one that arrives more slowly than `pace` allows
 */
export async function readBody(
  request: Request,
  maxBytes: number,
  { pace, mend }: BodyOptions = {},
): Promise<Uint8Array> {
  const size = announcedSize(request, maxBytes, mend);
  if (request.body === null) return new Uint8Array(0);
  const body = arriving(request.body, pace);
  try {
    return await readAll(streamSource(body, { maxBytes, ...(size !== undefined && { size }) }), maxBytes);
  } catch (error) {
    if (error instanceof HermeticError) throw new HttpProblem(413, tooLong(`${maxBytes} bytes`, mend));
    throw error;
  }
}

/** A body as it arrives: where it breaks off, that is its sender's affair and no fault of the service. */
export function arriving(body: ReadableStream<Uint8Array>, pace?: Pace): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const began = performance.now();
  let arrived = 0;
  const next = async (): Promise<ReadableStreamReadResult<Uint8Array>> => {
    const part = reader.read().catch(() => {
      throw problem(400, 'BAD_ARGUMENT', 'the body broke off', { mend: 'Send it again.' });
    });
    if (pace === undefined) return part;
    const allowedMs = pace.graceMs + (1000 * arrived) / pace.bytesPerSecond;
    return inTime(part, began + allowedMs - performance.now()).catch((error: unknown) => {
      reader.cancel(error).catch(() => {});
      throw error;
    });
  };
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await next();
        arrived += value?.length ?? 0;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** @throws HttpProblem 503 */
async function inTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const give = (): void =>
      reject(problem(503, 'REFRESH_FAILED', 'the body arrives too slowly', { mend: 'Send it again.' }));
    timer = setTimeout(give, Math.max(0, ms));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => {});
  }
}

/** What the body says of its length. @throws HttpProblem 413 where it is too long, 400 where it is no length */
export function announcedSize(request: Request, maxBytes: number, mend?: string): number | undefined {
  const announced = request.headers.get('content-length');
  if (announced === null) return undefined;
  const size = /^\d+$/.test(announced) ? Number(announced) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw problem(400, 'BAD_ARGUMENT', 'the length of the body is no number');
  if (size > maxBytes) throw new HttpProblem(413, tooLong(`${maxBytes} bytes`, mend));
  return size;
}

export function requireType(request: Request, expected: string): void {
  const type = request.headers.get('content-type') ?? '';
  if (type.split(';')[0].trim().toLowerCase() === expected) return;
  throw problem(415, 'BAD_ARGUMENT', 'the body is of another type', { expected });
}

export function tooLong(most: string, mend?: string): HermeticError {
  const details = { expected: `at most ${most}`, ...(mend !== undefined && { mend }) };
  return new HermeticError('BAD_ARGUMENT', 'the body is too long', details);
}
