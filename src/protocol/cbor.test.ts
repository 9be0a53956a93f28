import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesToHex, hexToBytes } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';

const refused = (hex: string) => () => decodeCbor(hexToBytes(hex), 'it');

describe('deterministic CBOR', () => {
  it('has the encodings of RFC 8949, appendix A', () => {
    expect(bytesToHex(encodeCbor(1000000))).toBe('1a000f4240');
    expect(bytesToHex(encodeCbor(1.5))).toBe('f93e00');
    expect(bytesToHex(encodeCbor(1.1))).toBe('fb3ff199999999999a');
    expect(bytesToHex(encodeCbor({ a: 1, b: [2, 3] }))).toBe('a26161016162820203');
    expect(bytesToHex(encodeCbor(hexToBytes('01020304')))).toBe('4401020304');
  });

  it('sorts keys and leaves out undefined', () => {
    expect(encodeCbor({ b: 1, a: 2, c: undefined })).toEqual(encodeCbor({ a: 2, b: 1 }));
  });

  it('returns every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        // Minus zero becomes zero, as in JSON itself.
        const expected: unknown = JSON.parse(JSON.stringify(value));
        expect(decodeCbor(encodeCbor(expected), 'it')).toEqual(expected);
      }),
    );
  });

  it.each([
    ['an integer in a longer form', '1801'],
    ['a float in a longer form', 'fb3ff8000000000000'],
    ['unsorted keys', 'a2616201616102'],
    ['a key twice', 'a2616101616102'],
    ['an indefinite list', '9f01ff'],
    ['a tag', 'c001'],
    ['undefined', 'f7'],
    ['NaN', 'f97e00'],
    ['infinity', 'f97c00'],
    ['an integer beyond 2^53', '1b0020000000000000'],
    ['a number as key', 'a10102'],
    ['broken UTF-8', '61ff'],
    ['a second value', '0101'],
    ['nothing', ''],
    ['a string longer than the input', '7a7fffffff'],
    ['a list longer than the input', '9affffffff'],
  ])('refuses %s', (_, hex) => {
    expect(refused(hex)).toThrow(HermeticError);
  });

  it('refuses nesting that would exhaust the stack', () => {
    expect(() => decodeCbor(new Uint8Array(1 << 20).fill(0x81), 'it')).toThrow(HermeticError);
  });

  it('refuses more items than any header has', () => {
    const list = new Uint8Array((1 << 22) + 5);
    list.set(hexToBytes('9a00400000'));
    expect(() => decodeCbor(list, 'it')).toThrow(HermeticError);
  });
});
