/** Integers of any size: rounded quotients and lengths. */

/** round(a / 2^bits), halves upwards; negative bits multiply. */
export function shiftRounded(a: bigint, bits: number): bigint {
  if (bits <= 0) return a << BigInt(-bits);
  return (a + (1n << BigInt(bits - 1))) >> BigInt(bits);
}

/** round(a / b), halves upwards; b > 0. */
export function divideRounded(a: bigint, b: bigint): bigint {
  const doubled = 2n * a + b;
  const divisor = 2n * b;
  const quotient = doubled / divisor;
  return doubled < 0n && quotient * divisor !== doubled ? quotient - 1n : quotient;
}

/** Bits of the magnitude. */
export function bitLength(a: bigint): number {
  if (a === 0n) return 0;
  return (a < 0n ? -a : a).toString(2).length;
}
