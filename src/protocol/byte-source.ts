/**
 * Where bytes come from and go to: memory, a web stream, or (in `node/`) a file. A source never allocates more than
 * it can still deliver, so a length that a file merely claims costs nothing.
 */
import { concatBytes, copyBytes } from '../base/bytes.ts';
import { checkBytes, checkInteger } from '../base/checks.ts';
import { badFile } from './bad-file.ts';

export interface ByteSource {
  /** Bytes in all, where that is known beforehand. */
  readonly size: number | undefined;
  /** The next `length` bytes, fewer only where the source ends. The result may be a view: do not write to it. */
  read(length: number): Promise<Uint8Array>;
}

export interface ByteSink {
  /** Takes all bytes. The array may be reused by the caller once the promise settles. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Bytes in memory; hands out views, copies nothing. */
export function memorySource(bytes: Uint8Array): ByteSource {
  checkBytes('bytes', bytes);
  let position = 0;
  return {
    size: bytes.length,
    read: async (length) => {
      const start = position;
      position = Math.min(bytes.length, start + length);
      return bytes.subarray(start, position);
    },
  };
}

export interface MemorySink extends ByteSink {
  /** All that was written, in one array. */
  bytes(): Uint8Array;
}

export function memorySink(): MemorySink {
  const chunks: Uint8Array[] = [];
  return {
    write: async (bytes) => {
      chunks.push(copyBytes(bytes));
    },
    bytes: () => concatBytes(...chunks),
  };
}

export interface StreamSourceOptions {
  /** Content-Length or the like, where it is known. The stream must then deliver exactly that. */
  readonly size?: number;
  /** Refuses a stream that delivers more, and a `size` above it, with BAD_FILE. */
  readonly maxBytes: number;
}

/**
 * A web stream, a `Request.body` for example. Where the size is unknown, memory grows with what has arrived and not
 * with what is asked for. Errors of the stream itself (network, abort) pass through unchanged.
 */
export function streamSource(stream: ReadableStream<Uint8Array>, options: StreamSourceOptions): ByteSource {
  const maxBytes = checkInteger('maxBytes', options.maxBytes, 0, Number.MAX_SAFE_INTEGER);
  const { size } = options;
  if (size !== undefined && size > maxBytes) throw tooLong(maxBytes, `${size} bytes`);
  const reader = stream.getReader();
  let pending: Uint8Array = new Uint8Array(0);
  let arrived = 0;

  async function nextChunk(): Promise<Uint8Array | undefined> {
    const { done, value } = await reader.read();
    if (done) return undefined;
    arrived += value.length;
    if (arrived > maxBytes) {
      await reader.cancel();
      throw tooLong(maxBytes, 'more');
    }
    return value;
  }

  async function read(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      if (pending.length === 0) {
        const chunk = await nextChunk();
        if (chunk === undefined) break;
        pending = chunk;
      }
      const part = pending.subarray(0, missing);
      pending = pending.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return parts.length === 1 ? parts[0] : concatBytes(...parts);
  }
  return { size, read };
}

function tooLong(maxBytes: number, got: string): Error {
  return badFile('the message is longer than any that belongs here', { expected: `at most ${maxBytes} bytes`, got });
}

/** A writable web stream; the caller closes it. */
export function streamSink(stream: WritableStream<Uint8Array>): ByteSink {
  const writer = stream.getWriter();
  return {
    write: async (bytes) => {
      await writer.ready;
      await writer.write(copyBytes(bytes));
    },
  };
}

/** A source again from its beginning, after the first bytes of it were read to see what it is. */
export function unread(start: Uint8Array, rest: ByteSource): ByteSource {
  let pending = start;
  return {
    size: rest.size,
    read: async (length) => {
      const part = pending.subarray(0, length);
      pending = pending.subarray(part.length);
      return part.length === length ? part : concatBytes(part, await rest.read(length - part.length));
    },
  };
}

/** Exactly `length` bytes, or BAD_FILE that names what was being read. */
export async function readExactly(source: ByteSource, length: number, what: string): Promise<Uint8Array> {
  const bytes = await source.read(length);
  if (bytes.length !== length) {
    throw badFile(`the file ends inside ${what}`, { expected: `${length} bytes`, got: `${bytes.length}` });
  }
  return bytes;
}

/** All bytes of a source, or BAD_FILE where there are more than `maxBytes`. */
export async function readAll(source: ByteSource, maxBytes: number): Promise<Uint8Array> {
  if (source.size !== undefined && source.size > maxBytes) throw tooLong(maxBytes, `${source.size} bytes`);
  const bytes = await source.read(maxBytes);
  if ((await source.read(1)).length > 0) throw tooLong(maxBytes, 'more');
  return bytes;
}
