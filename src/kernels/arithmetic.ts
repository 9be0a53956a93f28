/** Arithmetic modulo 28-bit primes in JavaScript numbers, exact: for tables and constants, never in a loop over coefficients. */

/** a·b mod p for 0 ≤ a, b < p < 2^28: split at 14 bits, so that no intermediate exceeds 2^43. */
export function mulMod(a: number, b: number, p: number): number {
  return (((((a * (b >>> 14)) % p) * 16384) % p) + a * (b & 16383)) % p;
}

export function powMod(base: number, exponent: number, p: number): number {
  let result = 1;
  let square = base % p;
  for (let e = exponent; e > 0; e = Math.floor(e / 2)) {
    if (e % 2 === 1) result = mulMod(result, square, p);
    square = mulMod(square, square, p);
  }
  return result;
}

export function inverseMod(a: number, p: number): number {
  return powMod(a, p - 2, p);
}

/** A bigint (any sign) into [0, p). */
export function modBigint(x: bigint, p: number): number {
  const r = Number(x % BigInt(p));
  return r < 0 ? r + p : r;
}

/** A constant as the kernels multiply by it: assembly/modular.ts, `encodeOperand`. */
export interface Operand {
  readonly wh: number;
  readonly wl: number;
}

export function encodeOperand(w: number, p: number): Operand {
  const b = centre(mulMod(w, 65536 % p, p), p);
  const a = centre(mulMod(mulMod(w, 65536 % p, p), 65536 % p, p), p);
  const bLow = (b << 16) >> 16;
  const aLow = (a << 16) >> 16;
  return {
    wh: (((a - aLow) >> 16) << 16) | (((b - bLow) >> 16) & 0xffff),
    wl: (aLow << 16) | (bLow & 0xffff),
  };
}

/** The constant that an operand stands for: the inverse of `encodeOperand`. */
export function decodeOperand({ wh, wl }: Operand, p: number): number {
  const b = ((wh << 16) >> 16) * 65536 + ((wl << 16) >> 16);
  return mulMod(((b % p) + p) % p, inverseMod(65536, p), p);
}

function centre(x: number, p: number): number {
  return x > p / 2 ? x - p : x;
}

/** Index with its `bits` low bits reversed. */
export function reverseBits(x: number, bits: number): number {
  let r = 0;
  for (let i = 0; i < bits; i++) r = (r << 1) | ((x >>> i) & 1);
  return r;
}
