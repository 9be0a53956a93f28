/**
 * dot28: arithmetic modulo 28-bit primes p = p1·2^16 + 1 in four signed 32-bit lanes, built on
 * `i32x4.dot_i16x8_s`. Since 2^16·p1 ≡ −1 (mod p), a 32-bit value L = L1·2^16 + L0 (L0 signed) satisfies
 * L·2^-16 ≡ L1 − p1·L0, which one dot product with (1, −p1) computes: a Montgomery step of 16 bits.
 *
 * An operand w is stored as two words, WH and WL (see `encodeOperand`): w·2^16 and w·2^32 mod p, centred and split
 * into signed 16-bit halves. "Biased" data carry +0x8000, so that flipping bit 15 yields a signed low half whose
 * borrow is already in the high half.
 */

/** Layout of a prime's context in memory, in bytes. Written by src/kernels/prime-context.ts. */
export const CTX_P: usize = 0;
export const CTX_PP: usize = 4; // (1 << 16) | (−p1 & 0xffff)
export const CTX_RC: usize = 8; // floor(2^42 / p) << 16
export const CTX_HALF: usize = 12; // (p − 1) / 2
export const CTX_P14: usize = 16; // −4·p1 & 0xffff
export const CTX_HB: usize = 20; // 0x8000 + (p1 << 15)
export const CTX_BIAS: usize = 24; // 0x8000
export const CTX_ROUND: usize = 28; // 2^25
export const CTX_R32: usize = 32; // operand 2^32, two words: into Montgomery form
export const CTX_SIGNS: usize = 40; // 0x80008000
export const CTX_CB: usize = 44; // 0x10000 − (p1 << 15)

// @ts-ignore: decorator
@inline export function splat(address: usize): v128 {
  return v128.load_splat<u32>(address);
}

// @ts-ignore: decorator
@inline export function dot(a: v128, b: v128): v128 {
  return i32x4.dot_i16x8_s(a, b);
}

/** y·w for biased y, |y| < 2^31: |result| ≤ 0.75p + |y|/32, not biased. */
// @ts-ignore: decorator
@inline export function mulOperand(biased: v128, wh: v128, wl: v128, pp: v128, bias: v128): v128 {
  const y = v128.xor(biased, bias);
  const low = v128.xor(i32x4.add(dot(y, wl), bias), bias);
  return i32x4.add(dot(y, wh), dot(low, pp));
}

/** x − round(x/p)·p for any |x| < 2^31: |result| ≤ 0.51p. */
// @ts-ignore: decorator
@inline export function reduce(x: v128, p: v128, rc: v128, round: v128): v128 {
  return i32x4.sub(x, i32x4.mul(i32x4.shr_s(i32x4.add(dot(x, rc), round), 26), p));
}

/** (−p, p) → [0, p). */
// @ts-ignore: decorator
@inline export function canonical(x: v128, p: v128): v128 {
  return i32x4.min_u(x, i32x4.add(x, p));
}

/** [0, 2p) → [0, p). */
// @ts-ignore: decorator
@inline export function subtractOnce(x: v128, p: v128): v128 {
  return i32x4.min_u(x, i32x4.sub(x, p));
}

/**
 * Montgomery reduction by 2^32 of four 64-bit sums S, 0 ≤ S < 2^62, lanes (a0, a1, b0, b1), in two 16-bit steps. The
 * first leaves L1 − p1·L0 in (−p, 2^16), whose halves lie in [−p1, 1] and [−2^15, 2^15): S/2^32 − p/2 − 2^12 <
 * result < S/2^32 + p/2 + 2. For up to FEW_TERMS products of residues it is within (−p, p), as 8·p/2^32 < 1/2 − 2^-14.
 */
// @ts-ignore: decorator
@inline export function reduceWide(a: v128, b: v128, pp: v128, signs: v128, cb: v128, bias: v128): v128 {
  const low = v128.shuffle<u32>(a, b, 0, 2, 4, 6);
  const high = v128.shuffle<u32>(a, b, 1, 3, 5, 7);
  // Flipping both signs takes 2^15 from either half; cb returns it and adds the bias of the second step.
  const step = i32x4.add(dot(v128.xor(low, signs), pp), cb);
  return i32x4.add(high, dot(v128.xor(step, bias), pp));
}

/** Products of residues after which `reduceWide` is within (−p, p). */
export const FEW_TERMS: u32 = 8;

// @ts-ignore: decorator
@inline export function mulModulo(a: u32, b: u32, p: u32): u32 {
  return <u32>((<u64>a * <u64>b) % <u64>p);
}

export function powerModulo(base: u32, exponent: u32, p: u32): u32 {
  let result: u32 = 1;
  let square = base;
  for (let e = exponent; e != 0; e >>= 1) {
    if (e & 1) result = mulModulo(result, square, p);
    square = mulModulo(square, square, p);
  }
  return result;
}

/** Writes the operand w as (WH, WL). */
export function encodeOperand(w: u32, p: u32, wh: usize, wl: usize): void {
  const b = centre(mulModulo(w, 65536, p), p);
  const a = centre(mulModulo(mulModulo(w, 65536, p), 65536, p), p);
  const bLow = <i32>(<i16>b);
  const aLow = <i32>(<i16>a);
  store<u32>(wh, ((<u32>((a - aLow) >> 16)) << 16) | (<u32>((b - bLow) >> 16) & 0xffff));
  store<u32>(wl, ((<u32>aLow) << 16) | (<u32>bLow & 0xffff));
}

// @ts-ignore: decorator
@inline function centre(x: u32, p: u32): i32 {
  return x > p >> 1 ? <i32>(x - p) : <i32>x;
}
