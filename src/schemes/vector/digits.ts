/**
 * Signed digits: |v| in base 2^b, each digit with the sign of v (Zhou and Wornell 2014, section 2.2, with b = 1). The
 * digits of a vector are what key switching multiplies by.
 */

import { entriesTooLarge, type VectorParameters } from './parameters.ts';

/** The digits of a vector, all of them and once more those that are not zero. */
export interface DigitVector {
  /** digit j of entry i at i·l + j, lowest first. */
  readonly dense: Int16Array;
  readonly positions: Int32Array;
  readonly values: Int16Array;
  /** How many of `positions` and `values` count. */
  readonly count: number;
}

const WORD_BITS = 48;
const WORD = (1n << BigInt(WORD_BITS)) - 1n;

/** @throws HermeticError DIVERGED for an entry of more than b·l bits */
export function digitsOf(vector: readonly bigint[], parameters: VectorParameters): DigitVector {
  const { digits } = parameters;
  const dense = new Int16Array(vector.length * digits);
  vector.forEach((value, i) => {
    writeDigits(value, dense.subarray(i * digits, (i + 1) * digits), parameters);
  });
  const positions = new Int32Array(dense.length);
  const values = new Int16Array(dense.length);
  let count = 0;
  for (let i = 0; i < dense.length; i++) {
    if (dense[i] === 0) continue;
    positions[count] = i;
    values[count++] = dense[i];
  }
  return { dense, positions, values, count };
}

function writeDigits(value: bigint, out: Int16Array, parameters: VectorParameters): void {
  const { digitBits } = parameters;
  const sign = value < 0n ? -1 : 1;
  const base = 2 ** digitBits;
  // Words of 48 bits, or fewer where the digits would not divide them.
  const perWord = Math.floor(WORD_BITS / digitBits);
  const wordBits = BigInt(perWord * digitBits);
  const mask = WORD >> (BigInt(WORD_BITS) - wordBits);
  let rest = value < 0n ? -value : value;
  for (let at = 0; rest !== 0n; at += perWord, rest >>= wordBits) {
    let word = Number(rest & mask);
    for (let j = at; word !== 0; j++) {
      if (j >= out.length) throw entriesTooLarge((value < 0n ? -value : value).toString(2).length, parameters);
      const digit = word % base;
      out[j] = sign * digit;
      word = (word - digit) / base;
    }
  }
}
