import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../base/bytes.ts';
import { memorySink, memorySource, readAll, readExactly, streamSink, streamSource, unread } from './byte-source.ts';

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

describe('sources', () => {
  it('deliver the same bytes however they are cut', async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.array(fc.nat(30), { maxLength: 10 }), async (parts, lengths) => {
        const all = concatBytes(...parts);
        const sources = [
          memorySource(all),
          streamSource(streamOf(parts), { maxBytes: 1000 }),
          unread(all.subarray(0, 5), memorySource(all.subarray(5))),
        ];
        let position = 0;
        for (const length of lengths) {
          const expected = all.slice(position, position + length);
          for (const source of sources) expect(await source.read(length)).toEqual(expected);
          position += expected.length;
        }
      }),
      { numRuns: 60 },
    );
  });

  it('say where a file ends too soon', async () => {
    await expect(readExactly(memorySource(Uint8Array.of(1)), 2, 'its header')).rejects.toThrow(
      'ends inside its header',
    );
  });

  it('stop a stream that is too long', async () => {
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1000)) });
    await expect(streamSource(endless, { maxBytes: 5000 }).read(1e9)).rejects.toMatchObject({ code: 'BAD_FILE' });
    expect(() => streamSource(streamOf([]), { size: 11, maxBytes: 10 })).toThrow('at most 10 bytes');
  });

  it('pass the errors of a stream through', async () => {
    const broken = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error('cable')) });
    await expect(streamSource(broken, { maxBytes: 10 }).read(1)).rejects.toThrow('cable');
  });

  it('read all, up to a bound', async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(await readAll(memorySource(bytes), 3)).toEqual(bytes);
    expect(await readAll(streamSource(streamOf([bytes, bytes]), { maxBytes: 6 }), 6)).toEqual(
      concatBytes(bytes, bytes),
    );
    await expect(readAll(memorySource(bytes), 2)).rejects.toMatchObject({ code: 'BAD_FILE' });
    await expect(readAll(streamSource(streamOf([bytes]), { maxBytes: 6 }), 2)).rejects.toMatchObject({
      code: 'BAD_FILE',
    });
  });
});

describe('sinks', () => {
  it('keep what was written when the caller reuses its array', async () => {
    const seen: Uint8Array[] = [];
    const stream = new WritableStream<Uint8Array>({ write: (chunk) => void seen.push(chunk) });
    for (const [sink, result] of [
      [memorySink(), undefined],
      [streamSink(stream), seen],
    ] as const) {
      const buffer = Uint8Array.of(1, 2);
      await sink.write(buffer);
      buffer.fill(0);
      await sink.write(Uint8Array.of(3));
      const bytes = 'bytes' in sink ? sink.bytes() : concatBytes(...(result ?? []));
      expect(bytes).toEqual(Uint8Array.of(1, 2, 3));
    }
  });
});
