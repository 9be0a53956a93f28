/**
 * Files from the owner's service as streams that go on where a connection broke off, and whole in memory once their
 * SHA-256 is what the service said.
 */
import { bytesToHex, sha256 } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { pause, within } from '../base/pause.ts';
import type { Connection } from './connection.ts';
import { ServiceUnavailable, unreachable } from './service-error.ts';

export interface DownloadOptions {
  /** First byte wanted; those before it are there already. Default 0. */
  readonly offset?: number;
  /** Bytes that are there, those before `offset` included, and in all, where the service says. */
  readonly onProgress?: (received: number, total: number | undefined) => void;
  readonly signal?: AbortSignal;
}

/** A stream that gives no byte for so long has broken off. */
const IDLE_MS = 60_000;

/**
 * The file at `path` from `offset` on. Nothing is asked for before the first read. A connection that breaks is made
 * anew from the byte reached, as long as each brings some; a file that changed meanwhile is an error.
 */
export function resumingStream(
  connection: Connection,
  path: string,
  options: DownloadOptions = {},
): ReadableStream<Uint8Array> {
  const part = new FilePart(connection, path, options);
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const bytes = await part.next();
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      },
      cancel: () => part.stop(),
    },
    { highWaterMark: 0 },
  );
}

class FilePart {
  readonly #connection: Connection;
  readonly #path: string;
  readonly #onProgress: DownloadOptions['onProgress'];
  readonly #outer: AbortSignal | undefined;
  readonly #stopped = new AbortController();
  readonly #forward = () => this.#stopped.abort();
  #position: number;
  #total: number | undefined;
  #etag: string | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Connections in a row that brought nothing. */
  #barren = 0;

  constructor(connection: Connection, path: string, { offset = 0, onProgress, signal }: DownloadOptions) {
    this.#connection = connection;
    this.#path = path;
    this.#position = offset;
    this.#onProgress = onProgress;
    this.#outer = signal;
    signal?.addEventListener('abort', this.#forward, { once: true });
    if (signal?.aborted) this.#forward();
  }

  async stop(): Promise<void> {
    this.#outer?.removeEventListener('abort', this.#forward);
    this.#stopped.abort();
  }

  /** The next bytes; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    try {
      for (;;) {
        const bytes = await this.#read();
        if (bytes === undefined) {
          await this.stop();
          return undefined;
        }
        if (bytes.length > 0) return bytes;
      }
    } catch (error) {
      const asked = this.#outer?.aborted ?? false;
      await this.stop();
      if (asked && !(error instanceof HermeticError && error.code === 'ABORTED')) throw stopped(error);
      throw error;
    }
  }

  /** Bytes, none where the connection broke and another attempt is worth it, undefined at the end. */
  async #read(): Promise<Uint8Array | undefined> {
    if (this.#position === this.#total) return undefined;
    this.#reader ??= await this.#open();
    try {
      const { done, value } = await within(IDLE_MS, this.#reader.read(), () => this.#reader?.cancel());
      if (!done) return this.#take(value);
      if (this.#total === undefined) this.#total = this.#position;
      if (this.#position === this.#total) return undefined;
      throw new ServiceUnavailable('the file ended before its end');
    } catch (error) {
      if (this.#stopped.signal.aborted) throw stopped(error);
      this.#reader = undefined;
      const broken = error instanceof HermeticError ? error : unreachable(error, this.#connection.base.host, IDLE_MS);
      if (++this.#barren >= this.#connection.attempts) throw broken;
      await pause(this.#connection.retryDelayMs * 2 ** (this.#barren - 1), this.#stopped.signal);
      return new Uint8Array(0);
    }
  }

  #take(bytes: Uint8Array): Uint8Array {
    this.#barren = 0;
    this.#position += bytes.length;
    if (this.#total !== undefined && this.#position > this.#total) throw changed(this.#path);
    this.#onProgress?.(this.#position, this.#total);
    return bytes;
  }

  async #open(): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const start = this.#position;
    const headers: Record<string, string> = start === 0 ? {} : { range: `bytes=${start}-` };
    if (start > 0 && this.#etag !== undefined) headers['if-range'] = this.#etag;
    const call = {
      method: 'GET',
      path: this.#path,
      headers,
      repeatable: true,
      accept: start === 0 ? [200] : [200, 206],
      signal: this.#stopped.signal,
      stream: true,
    } as const;
    const response = await this.#connection.call(call, async (answer) => answer);
    const etag = response.headers.get('etag') ?? undefined;
    const whole = response.status === 200 && start > 0;
    const moved = this.#etag !== undefined && etag !== this.#etag;
    const ranged = response.status === 206 ? rangeStart(response) : start;
    if (whole || moved || ranged !== start || response.body === null) throw changed(this.#path);
    this.#etag = etag;
    this.#total ??= totalOf(response, start);
    return response.body.getReader();
  }
}

function rangeStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
}

function totalOf(response: Response, start: number): number | undefined {
  const text = response.headers.get('content-length');
  // A body that is compressed on its way has another length than the bytes that arrive.
  if (text === null || !/^\d+$/.test(text) || response.headers.has('content-encoding')) return undefined;
  return start + Number(text);
}

/** What the service says of a file. */
export interface FileDigest {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * The whole of a stream, once its length and SHA-256 are those of `file`.
 * @throws HermeticError BAD_FILE where they are not; what the stream throws
 */
export async function collectVerified(stream: ReadableStream<Uint8Array>, file: FileDigest): Promise<Uint8Array> {
  const out = new Uint8Array(file.bytes);
  const reader = stream.getReader();
  let position = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (position + value.length > out.length) {
      await reader.cancel();
      throw damaged();
    }
    out.set(value, position);
    position += value.length;
  }
  if (position !== out.length || bytesToHex(await sha256(out)) !== file.sha256) throw damaged();
  return out;
}

function damaged(): HermeticError {
  return new HermeticError('BAD_FILE', 'what arrived is not the file that the service announced', {
    mend: 'Fetch it again; where that fails too, tell the owner.',
  });
}

function changed(path: string): HermeticError {
  return new HermeticError('BAD_FILE', `the file behind ${path} changed while it was fetched`, {
    mend: 'Fetch it again from its beginning.',
  });
}

function stopped(cause: unknown): HermeticError {
  return new HermeticError('ABORTED', 'the download was stopped', { cause });
}
