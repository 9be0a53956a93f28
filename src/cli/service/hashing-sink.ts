/** Hashes what flows into a file, so that files larger than memory can be compared with what was announced. */

import { createHash, type Hash } from 'node:crypto';
import { HermeticError } from '../../base/errors.ts';
import type { FileDigest } from '../../client/download.ts';
import type { ByteSink } from '../../protocol/byte-source.ts';

export class HashingSink implements ByteSink {
  readonly #sink: ByteSink;
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.pass(bytes);
    await this.#sink.write(bytes);
  }

  /** Counts bytes that are in the file already. */
  pass(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  async takeAll(stream: ReadableStream<Uint8Array>): Promise<void> {
    const reader = stream.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        await this.write(value);
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  /** HermeticError BAD_FILE unless these are the bytes of `file`. May be called once, at the end. */
  requireDigest({ bytes, sha256 }: FileDigest): void {
    if (this.#bytes === bytes && this.#hash.digest('hex') === sha256) return;
    throw new HermeticError('BAD_FILE', 'what arrived is not the file that the service announced', {
      expected: `${bytes} bytes`,
      got: this.#bytes === bytes ? 'as many, and others' : `${this.#bytes}`,
      mend: 'Fetch it again; where that fails too, tell the owner.',
    });
  }
}
