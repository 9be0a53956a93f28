import { describe, expect, it } from 'vitest';
import {
  checkBytes,
  checkInteger,
  checkLength,
  checkNumber,
  checkOneOf,
  checkPowerOfTwo,
  checkString,
} from './checks.ts';

describe('checks at the door', () => {
  it('return what is right', () => {
    expect(checkInteger('n', 5, 5, 5)).toBe(5);
    expect(checkNumber('x', -0.5)).toBe(-0.5);
    expect(checkPowerOfTwo('N', 1, 1, 8)).toBe(1);
    expect(checkPowerOfTwo('N', 8, 1, 8)).toBe(8);
    expect(checkLength('v', [1, 2], 2)).toEqual([1, 2]);
    expect(checkBytes('b', Uint8Array.of(1), 1)).toEqual(Uint8Array.of(1));
    expect(checkString('s', 'ab', 2)).toBe('ab');
    expect(checkOneOf('mode', 'none', ['none', 'owner'])).toBe('none');
  });

  it.each([4, 6, 5.5, Number.NaN, Number.POSITIVE_INFINITY])('refuse the integer %s outside 5 … 5', (value) => {
    expect(() => checkInteger('n', value, 5, 5)).toThrow(RangeError);
  });

  it.each(['5', 5n, null, undefined, {}])('refuse %s where a number belongs', (value) => {
    expect(() => checkInteger('n', value, 0, 9)).toThrow(TypeError);
    expect(() => checkNumber('n', value)).toThrow(TypeError);
  });

  it('refuse wrong values of the right type', () => {
    expect(() => checkNumber('x', Number.NaN)).toThrow(RangeError);
    expect(() => checkNumber('x', 2, 0, 1)).toThrow('0 … 1, got 2');
    expect(() => checkPowerOfTwo('N', 6, 1, 8)).toThrow(RangeError);
    expect(() => checkPowerOfTwo('N', 0, 0, 8)).toThrow(RangeError);
    expect(() => checkLength('v', [1], 2)).toThrow('v: expected 2 entries, got 1');
    expect(() => checkBytes('b', Uint8Array.of(1), 2)).toThrow(RangeError);
    expect(() => checkString('s', '', 2)).toThrow(RangeError);
    expect(() => checkOneOf('mode', 'other', ['none', 'owner'])).toThrow('none, owner');
  });

  it('refuse wrong types', () => {
    expect(() => checkLength('v', null as unknown as [], 2)).toThrow(TypeError);
    expect(() => checkBytes('b', [1])).toThrow('got Array');
    expect(() => checkString('s', 5, 2)).toThrow(TypeError);
    expect(() => checkOneOf('mode', 5, ['none'])).toThrow(TypeError);
  });

  it('never show a string that may be secret', () => {
    expect(() => checkString('passphrase', 'hunter2', 3)).toThrow(/^(?!.*hunter2)/);
  });
});
