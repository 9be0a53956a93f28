import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../../base/errors.ts';
import { vectorPreset } from './parameters.ts';
import {
  packIntegers,
  unpackIntegers,
  vectorCiphertextFromPlain,
  vectorCiphertextToPlain,
  vectorKeysFromPlain,
  vectorKeysToPlain,
} from './plain-form.ts';
import { makeVectorKeys } from './secret/vector-secret.ts';

const { secret, keys } = makeVectorKeys({ parameters: vectorPreset('training'), slots: 4 });
const plain = vectorKeysToPlain(keys);

function badFile(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(HermeticError);
    expect((error as HermeticError).code).toBe('BAD_FILE');
    return;
  }
  expect.fail('was read');
}

describe('variable bytes', () => {
  it('are zigzag', () => {
    expect([...packIntegers([0n, -1n, 1n, 63n, -64n, 64n, -300n])]).toEqual([0, 1, 2, 126, 127, 0x80, 1, 0xd7, 4]);
  });

  it('give back any integers', () => {
    const values = fc.array(fc.bigInt({ min: -(1n << 200n), max: (1n << 200n) - 1n }));
    fc.assert(
      fc.property(values, (list) => {
        expect(unpackIntegers(packIntegers(list), list.length, 201)).toEqual(list);
      }),
    );
  });

  it.each([
    ['too few', [1], 2],
    ['too many', [1, 1], 1],
    ['broken off', [0x80], 1],
    ['longer than need be', [0x81, 0], 1],
    ['too large', [0x80, 0x80, 1], 1],
    ['a bit too large', [0x80, 0x08], 1],
  ])('are refused where there are %s', (_, bytes, count) => {
    badFile(() => unpackIntegers(Uint8Array.from(bytes), count, 10));
  });
});

describe('the plain form', () => {
  it('gives back keys and ciphertexts, of every kind', () => {
    expect(vectorKeysFromPlain(plain)).toEqual(keys);
    const a = secret.encrypt([1n, -2n, 3n << 70n, 0n]);
    expect(vectorCiphertextFromPlain(vectorCiphertextToPlain(a), keys)).toEqual(a);
    const modular = makeVectorKeys({ parameters: vectorPreset('modular'), slots: 2 });
    expect(vectorKeysFromPlain(vectorKeysToPlain(modular.keys))).toEqual(modular.keys);
    const b = modular.secret.encrypt([5n]);
    expect(vectorCiphertextFromPlain(vectorCiphertextToPlain(b), modular.keys)).toEqual(b);
  });

  it.each([
    ['nothing', undefined],
    ['a number', 5],
    ['no fields', {}],
    ['one field more', { ...plain, more: 1 }],
    ['another version', { ...plain, version: 2 }],
    ['slots that are no power of two', { ...plain, slots: 3 }],
    ['too many slots', { ...plain, slots: 2 ** 13 }],
    ['slots of other matrices', { ...plain, slots: 8 }],
    ['parameters out of range', { ...plain, parameters: { ...plain.parameters, digitBits: 99 } }],
    ['parameters of another key', { ...plain, parameters: { ...plain.parameters, digits: 17 } }],
    ['parameters that are missing', { ...plain, parameters: { logScale: 4 } }],
    ['enormous parameters', { ...plain, slots: 2 ** 12, parameters: { ...plain.parameters, digits: 2048 } }],
    // At its end: without its first byte the first integer may still be one.
    ['a matrix cut short', { ...plain, oneWay: plain.oneWay.subarray(0, -1) }],
    ['a matrix of words', { ...plain, elementwise: 'abc' }],
    ['rotations that are no list', { ...plain, rotations: {} }],
    ['a rotation twice', { ...plain, rotations: [plain.rotations[0], plain.rotations[0]] }],
    ['a rotation too far', { ...plain, rotations: [{ ...plain.rotations[0], steps: 4 }] }],
  ])('is refused with %s', (_, value) => {
    badFile(() => vectorKeysFromPlain(value));
  });

  it('raises nothing but BAD_FILE for bytes at random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (entries) => {
        try {
          const { entries: read } = vectorCiphertextFromPlain({ version: 1, entries }, keys);
          expect(packIntegers(read)).toEqual(entries);
        } catch (error) {
          expect((error as HermeticError).code).toBe('BAD_FILE');
        }
      }),
    );
  });
});
