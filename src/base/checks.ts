/**
 * Checks at the door. Public functions call them on what they are given and then trust it. They say what was
 * expected and what came: `TypeError` for the wrong kind of value, `RangeError` for the wrong value. Values from
 * files, data and the network are the user's, not the programmer's: those raise `HermeticError` instead.
 */

function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return String(value);
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value;
}

/** An integer in low … high, both included. Returns it. */
export function checkInteger(name: string, value: unknown, low: number, high: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name}: expected an integer, got ${shown(value)}`);
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`${name}: expected an integer in ${low} … ${high}, got ${value}`);
  }
  return value;
}

/** A finite number in low … high, both included. Returns it. */
export function checkNumber(
  name: string,
  value: unknown,
  low: number = Number.NEGATIVE_INFINITY,
  high: number = Number.POSITIVE_INFINITY,
): number {
  if (typeof value !== 'number') throw new TypeError(`${name}: expected a number, got ${shown(value)}`);
  if (!Number.isFinite(value) || value < low || value > high) {
    throw new RangeError(`${name}: expected a finite number in ${low} … ${high}, got ${value}`);
  }
  return value;
}

/** A power of two in low … high. Returns it. */
export function checkPowerOfTwo(name: string, value: unknown, low: number, high: number): number {
  const integer = checkInteger(name, value, low, high);
  if (integer < 1 || !Number.isInteger(Math.log2(integer))) {
    throw new RangeError(`${name}: expected a power of two, got ${integer}`);
  }
  return integer;
}

/** Something array-like of exactly `length` entries. Returns it. */
export function checkLength<T extends { readonly length: number }>(name: string, value: T, length: number): T {
  if (value == null || typeof value.length !== 'number') {
    throw new TypeError(`${name}: expected ${length} entries, got ${shown(value)}`);
  }
  if (value.length !== length) throw new RangeError(`${name}: expected ${length} entries, got ${value.length}`);
  return value;
}

/** A `Uint8Array`, of exactly `length` bytes if that is given. Returns it. */
export function checkBytes(name: string, value: unknown, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name}: expected a Uint8Array, got ${shown(value)}`);
  if (length !== undefined && value.length !== length) {
    throw new RangeError(`${name}: expected ${length} bytes, got ${value.length}`);
  }
  return value;
}

/** A string of 1 … maxLength UTF-16 units. Returns it; never shows it. */
export function checkString(name: string, value: unknown, maxLength: number): string {
  if (typeof value !== 'string') throw new TypeError(`${name}: expected a string, got ${shown(value)}`);
  if (value.length < 1 || value.length > maxLength) {
    throw new RangeError(`${name}: expected 1 … ${maxLength} characters, got ${value.length}`);
  }
  return value;
}

/** One of a list of words. Returns it. */
export function checkOneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (typeof value !== 'string') throw new TypeError(`${name}: expected a string, got ${shown(value)}`);
  const found = choices.find((choice) => choice === value);
  if (found === undefined) {
    throw new RangeError(`${name}: expected one of ${choices.join(', ')}, got ${JSON.stringify(value.slice(0, 40))}`);
  }
  return found;
}
