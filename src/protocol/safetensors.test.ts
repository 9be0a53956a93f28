import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, utf8ToBytes, writeU64 } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { readSafetensors, type Tensor, writeSafetensors } from './safetensors.ts';

/** A file with this header and so many zero bytes of data. */
function file(header: unknown, dataBytes: number): Uint8Array {
  const text = utf8ToBytes(typeof header === 'string' ? header : JSON.stringify(header));
  const length = new Uint8Array(8);
  writeU64(length, 0, text.length);
  return concatBytes(length, text, new Uint8Array(dataBytes));
}

const tensor = fc
  .tuple(fc.array(fc.nat(4), { maxLength: 3 }), fc.boolean(), fc.infiniteStream(fc.double()))
  .map(([shape, single, values]): Tensor => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const taken = Array.from({ length: size }, () => values.next().value as number);
    return { shape, data: single ? Float32Array.from(taken) : Float64Array.from(taken) };
  });

describe('safetensors', () => {
  it('read from a Node Buffer, whose slice shares memory', () => {
    const written = writeSafetensors({
      tensors: new Map([['w', { shape: [2], data: Float64Array.of(1, 2) }]]),
      metadata: {},
    });
    const buffer = Buffer.from(concatBytes(new Uint8Array(3), written)).subarray(3);
    expect(readSafetensors(buffer).tensors.get('w')?.data).toEqual(Float64Array.of(1, 2));
  });

  it('come back bit for bit', () => {
    const tensors = fc.array(fc.tuple(fc.stringMatching(/^[a-z.]{1,9}$/), tensor), { maxLength: 5 });
    const metadata = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string());
    fc.assert(
      fc.property(tensors, metadata, (entries, meta) => {
        const map = new Map(entries);
        const back = readSafetensors(writeSafetensors({ tensors: map, metadata: meta }));
        expect([...back.tensors]).toEqual([...map]);
        expect(back.metadata).toEqual({ ...meta });
      }),
    );
  });

  it('are read as the format document lays them out', () => {
    const header = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   ';
    const bytes = file(header, 8);
    bytes.set([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0], bytes.length - 8);
    expect([...readSafetensors(bytes).tensors.get('a')!.data]).toEqual([1, -2]);
  });

  it('start their data at a multiple of eight', () => {
    for (const name of ['a', 'ab', 'abc', 'naïve']) {
      const tensors = new Map([[name, { shape: [1], data: Float64Array.of(1) }]]);
      expect(writeSafetensors({ tensors, metadata: {} }).length % 8).toBe(0);
    }
  });

  const one = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a header longer than the file', file('{}', 0).with(0, 200)],
    ['a header of 2^60 bytes', file('{}', 0).with(7, 16)],
    ['a header that is a list', file([], 0)],
    ['no JSON', file('{"a":', 0)],
    ['text before the object', file(' {}', 0)],
    ['an unknown dtype', file({ a: { ...one, dtype: 'BF16' } }, 8)],
    ['a negative extent', file({ a: { ...one, shape: [-2] } }, 8)],
    ['a fractional extent', file({ a: { ...one, shape: [1.5] } }, 8)],
    ['extents whose product overflows', file({ a: { ...one, shape: new Array(8).fill(2 ** 32) } }, 8)],
    ['a size that is not that of the shape', file({ a: { ...one, shape: [3] } }, 8)],
    ['offsets outside the file', file({ a: one }, 4)],
    ['offsets backwards', file({ a: { ...one, data_offsets: [8, 0] } }, 8)],
    ['bytes that no tensor covers', file({ a: one }, 12)],
    ['a gap', file({ a: one, b: { ...one, data_offsets: [12, 20] } }, 20)],
    ['an overlap', file({ a: one, b: { ...one, data_offsets: [4, 12] } }, 12)],
    ['the same bytes twice', file({ a: one, b: one }, 8)],
    ['metadata that are not strings', file({ __metadata__: { a: 1 } }, 0)],
    ['an unknown field', file({ a: { ...one, strides: [1] } }, 8)],
  ])('are refused with %s', (_, bytes) => {
    expect(() => readSafetensors(bytes)).toThrow(HermeticError);
  });

  it('are not written with a shape that does not fit', () => {
    const tensors = new Map([['a', { shape: [2], data: Float64Array.of(1) }]]);
    expect(() => writeSafetensors({ tensors, metadata: {} })).toThrow(RangeError);
  });
});
