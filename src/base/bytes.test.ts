import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  bytesToHex,
  bytesToUtf8,
  concatBytes,
  equalBytes,
  hexToBytes,
  readU16,
  readU32,
  readU64,
  sha256,
  utf8ToBytes,
  writeU16,
  writeU32,
  writeU64,
} from './bytes.ts';

describe('fields', () => {
  it('are little-endian', () => {
    const bytes = new Uint8Array(16);
    writeU16(bytes, 1, 0x0102);
    writeU32(bytes, 3, 0x03040506);
    writeU64(bytes, 7, 0x1_0708_090a);
    expect(bytesToHex(bytes)).toBe('00020106050403' + '0a09080701000000' + '00');
    expect([readU16(bytes, 1), readU32(bytes, 3), readU64(bytes, 7)]).toEqual([0x0102, 0x03040506, 0x1_0708_090a]);
  });

  it('respect the offset of a view', () => {
    const view = Uint8Array.of(9, 9, 1, 0, 0, 0).subarray(2);
    expect(readU32(view, 0)).toBe(1);
  });

  it('u64 of 2^53 and more is undefined, not rounded', () => {
    const bytes = new Uint8Array(8).fill(255);
    expect(readU64(bytes, 0)).toBeUndefined();
    writeU64(bytes, 0, Number.MAX_SAFE_INTEGER);
    expect(readU64(bytes, 0)).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('text and comparison', () => {
  it('hexadecimal goes back and forth', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => equalBytes(hexToBytes(bytesToHex(bytes)), bytes)));
    expect(() => hexToBytes('abc')).toThrow(TypeError);
    expect(() => hexToBytes('zz')).toThrow(TypeError);
  });

  it('refuses what is not UTF-8', () => {
    expect(bytesToUtf8(utf8ToBytes('naïve ✓'))).toBe('naïve ✓');
    expect(() => bytesToUtf8(Uint8Array.of(0xff))).toThrow(TypeError);
  });

  it('tells unequal bytes apart', () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
    expect(concatBytes(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3))).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('views a typed array without copying', () => {
    const words = Uint32Array.of(0, 0);
    bytesOf(words.subarray(1))[0] = 5;
    expect([...words]).toContain(words[1]);
    expect(words[1]).not.toBe(0);
    expect(words[0]).toBe(0);
  });
});

describe('sha256', () => {
  it('gives the digest of FIPS 180-2, also for shared memory', async () => {
    const abc = utf8ToBytes('abc');
    const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(bytesToHex(await sha256(abc))).toBe(digest);
    const shared = new Uint8Array(new SharedArrayBuffer(3));
    shared.set(abc);
    expect(bytesToHex(await sha256(shared))).toBe(digest);
  });
});
