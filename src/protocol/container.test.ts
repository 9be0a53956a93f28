import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parameters, putTogether, takeApart, trainerKeysBytes } from '../../test/vectors/format-v1/fixture.ts';
import { bytesToHex, concatBytes, sha256, utf8ToBytes, writeU16, writeU64 } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { type ByteSource, memorySink, memorySource, streamSource } from './byte-source.ts';
import { decodeFixedHeader, MAX_SECTION_BYTES } from './container-layout.ts';
import { readContainer, verifyRest } from './container-reader.ts';
import { type ContainerContents, writeContainer } from './container-writer.ts';

const silent = { onWarning: () => {} };

function contents(sections: readonly Uint8Array[], content: unknown = {}): ContainerContents {
  return {
    kind: 'trainer-keys',
    parameterHash: parameters.hash,
    parameters: parameters.description,
    content,
    sectionLengths: sections.map(({ length }) => length),
    sections,
  };
}

async function written(value: ContainerContents): Promise<Uint8Array> {
  const sink = memorySink();
  await writeContainer(sink, value);
  return sink.bytes();
}

async function failure(bytes: Uint8Array, options = {}): Promise<HermeticError> {
  try {
    await verifyRest(await readContainer(memorySource(bytes), { ...silent, ...options }));
  } catch (error) {
    if (error instanceof HermeticError) return error;
    throw error;
  }
  throw new Error('was read');
}

describe('round trip', () => {
  it('returns content and sections of any size', async () => {
    const anySections = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(anySections, fc.dictionary(fc.string(), fc.integer()), async (sections, content) => {
        const reader = await readContainer(memorySource(await written(contents(sections, content))), silent);
        expect(reader.content).toEqual({ ...content });
        expect(reader.parameters).toEqual(parameters.description);
        expect(reader.parameterHash).toEqual(parameters.hash);
        for (const section of sections) expect(await reader.readSection()).toEqual(section);
        await reader.finish();
      }),
      { numRuns: 50 },
    );
  });

  it('hands out views of bytes in memory, not copies', async () => {
    const bytes = await trainerKeysBytes();
    const reader = await readContainer(memorySource(bytes), silent);
    expect((await reader.readSection()).buffer).toBe(bytes.buffer);
  });

  it('makes one section at a time', async () => {
    const events: string[] = [];
    async function* sections(): AsyncGenerator<Uint8Array> {
      for (const name of ['a', 'b']) {
        events.push(`make ${name}`);
        yield utf8ToBytes(name);
      }
    }
    const sink = { write: async (bytes: Uint8Array) => void events.push(`write ${bytes.length}`) };
    await writeContainer(sink, { ...contents([]), sectionLengths: [1, 1], sections: sections() });
    expect(events.slice(2)).toEqual(['make a', 'write 1', 'write 32', 'make b', 'write 1', 'write 32', 'write 32']);
  });

  it('has a root digest that a reader of docs/format.md can compute', async () => {
    const sink = memorySink();
    const root = await writeContainer(sink, contents([utf8ToBytes('body')]));
    const bytes = sink.bytes();
    const head = bytes.subarray(0, 56 + decodeFixedHeader(bytes).headerBytes);
    const leaves = concatBytes(await sha256(head), await sha256(utf8ToBytes('body')));
    const expected = await sha256(concatBytes(utf8ToBytes('hermetic digest tree v1\n'), leaves));
    expect(bytesToHex(root)).toBe(bytesToHex(expected));
    expect(bytesToHex(bytes.subarray(-32))).toBe(bytesToHex(expected));
  });
});

describe('the writer', () => {
  it('refuses sections that are not as announced', async () => {
    const one = contents([Uint8Array.of(1)]);
    await expect(written({ ...one, sectionLengths: [2] })).rejects.toThrow(RangeError);
    await expect(written({ ...one, sectionLengths: [] })).rejects.toThrow(RangeError);
    await expect(written({ ...one, sectionLengths: [1, 0] })).rejects.toThrow(RangeError);
  });

  it('refuses wrong hashes and parameters', async () => {
    await expect(written({ ...contents([]), parameterHash: new Uint8Array(31) })).rejects.toThrow(RangeError);
    const parametersOff = { ...parameters.description, N: 12 };
    await expect(written({ ...contents([]), parameters: parametersOff })).rejects.toThrow(TypeError);
  });
});

describe('the reader', () => {
  it('names what is wrong', async () => {
    const good = await trainerKeysBytes();
    const patched = (change: (bytes: Uint8Array) => void) => {
      const copy = good.slice();
      change(copy);
      return copy;
    };
    expect((await failure(utf8ToBytes('PK\x03\x04 something else'))).message).toContain('not a Hermetic file');
    expect((await failure(new Uint8Array(0))).message).toContain('an empty file');
    expect((await failure(patched((b) => writeU16(b, 8, 2)))).mend).toContain('update');
    expect((await failure(patched((b) => writeU16(b, 10, 99)))).message).toContain('kind 99');
    expect((await failure(good.subarray(0, -1))).message).toContain('truncated');
    expect((await failure(concatBytes(good, Uint8Array.of(0)))).message).toContain('goes on after its end');
    expect((await failure(patched((b) => (b[60] ^= 1)))).message).toContain('header is damaged');
    expect((await failure(patched((b) => (b[b.length - 70] ^= 1)))).message).toContain('section 3 of 3 is damaged');
    expect((await failure(patched((b) => (b[b.length - 1] ^= 1)))).message).toContain('the file is damaged');
  });

  it('refuses another kind and other parameters before it reads on', async () => {
    const good = await trainerKeysBytes();
    expect((await failure(good, { kind: 'sealed-model' })).message).toContain(
      'expected sealed-model; got trainer-keys',
    );
    expect((await failure(good, { parameterHash: new Uint8Array(32) })).code).toBe('WRONG_KEY');
  });

  it('warns at each load of insecure parameters, and only then', async () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    const insecure = await trainerKeysBytes();
    await readContainer(memorySource(insecure), { onWarning });
    await readContainer(memorySource(insecure), { onWarning });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('TOY');
    const secure = { ...parameters.description, insecure: false };
    await readContainer(memorySource(await written({ ...contents([]), parameters: secure })), { onWarning });
    expect(warnings).toHaveLength(2);
  });

  it('refuses sections swapped between positions', async () => {
    const good = await written(contents([Uint8Array.of(1), Uint8Array.of(2)]));
    const swapped = good.slice();
    const second = good.subarray(-32 - 33, -32);
    swapped.set(second, good.length - 32 - 66);
    swapped.set(good.subarray(-32 - 66, -32 - 33), good.length - 32 - 33);
    expect((await failure(swapped)).message).toContain('the file is damaged');
  });
});

describe('lengths that lie', () => {
  it('are compared with the source before anything is asked of it', async () => {
    const good = await trainerKeysBytes();
    const parts = takeApart(good);
    parts.header.sections = [MAX_SECTION_BYTES, MAX_SECTION_BYTES];
    const lying = await putTogether(good, parts);
    expect((await failure(lying)).message).toContain('truncated');
    const longBody = good.slice();
    writeU64(longBody, 48, 2 ** 52);
    expect((await failure(longBody)).message).toContain('truncated');
  });

  it('never make the reader ask for more than is left', async () => {
    const good = await trainerKeysBytes();
    let left = good.length;
    const inner = memorySource(good);
    const watched: ByteSource = {
      size: good.length,
      read: async (length) => {
        expect(length).toBeLessThanOrEqual(Math.max(left, 1));
        left -= length;
        return inner.read(length);
      },
    };
    await verifyRest(await readContainer(watched, silent));
    expect(left).toBeLessThanOrEqual(0);
  });

  it('cost no memory where the size of the source is unknown', async () => {
    const good = await trainerKeysBytes();
    const parts = takeApart(good);
    parts.header.sections = [MAX_SECTION_BYTES];
    const lying = await putTogether(good, parts);
    const before = process.memoryUsage().arrayBuffers;
    const source = streamSource(new Blob([lying as Uint8Array<ArrayBuffer>]).stream(), { maxBytes: 2 ** 40 });
    const reader = await readContainer(source, silent);
    await expect(reader.readSection()).rejects.toMatchObject({ code: 'BAD_FILE' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
  });

  it('are refused above the limits of the caller', async () => {
    const good = await trainerKeysBytes();
    expect((await failure(good, { maxBytes: good.length - 1 })).code).toBe('BAD_FILE');
    expect((await failure(good, { maxHeaderBytes: 10 })).code).toBe('BAD_FILE');
  });

  it('are refused where sections and body disagree', async () => {
    const good = await trainerKeysBytes();
    const parts = takeApart(good);
    const header = { ...parts.header, sections: parts.header.sections.with(0, 4) };
    const sections = [concatBytes(parts.sections[0], Uint8Array.of(0)), ...parts.sections.slice(1)];
    const honest = await putTogether(good, { header, sections });
    await verifyRest(await readContainer(memorySource(honest), silent));
    // Same total, other split: the digests then stand elsewhere.
    const other = await putTogether(good, { header: { ...header, sections: [3, 1, 100] }, sections });
    expect((await failure(other)).code).toBe('BAD_FILE');
  });
});
