/**
 * Exact lifts by mixed radix (Garner 1959): x = d_0 + q_0·(d_1 + q_1·(d_2 + …)), 0 ≤ d_j < q_j. Exact where base
 * conversion would be off by a multiple of the modulus: decryption, blinded refresh, ModRaise.
 */
import { CTX_P, mulModulo } from './modular';

/**
 * Digits of `count` coefficients. `list`: (limb address, context address) pairs of `limbs` sources; digits are written
 * to `out`, limb after limb of `n` words. `inverses`: q_i^-1 mod q_j at word (i·limbs + j), i < j.
 */
export function mixedRadixDigits(out: usize, list: usize, limbs: u32, inverses: usize, n: u32, count: u32): void {
  for (let c: u32 = 0; c < count; c++) {
    const at = (<usize>c) << 2;
    for (let j: u32 = 0; j < limbs; j++) {
      const p = load<u32>(<usize>load<u32>(list + ((<usize>j) << 3) + 4) + CTX_P);
      let x = load<u32>(<usize>load<u32>(list + ((<usize>j) << 3)) + at);
      for (let i: u32 = 0; i < j; i++) {
        const d = load<u32>(out + ((<usize>(i * n)) << 2) + at) % p;
        x = mulModulo(x >= d ? x - d : x + p - d, load<u32>(inverses + ((<usize>(i * limbs + j)) << 2)), p);
      }
      store<u32>(out + ((<usize>(j * n)) << 2) + at, x);
    }
  }
}

/**
 * out = (Σ_j d_j·w_j − centre) mod p for digits laid out as above; `weights`: w_j = Π_{i<j} q_i mod p, then the centre.
 * The centre is subtracted from every coefficient (`always`), or Q itself where the integer exceeds Q/2: there the
 * comparison runs over `halves`, the digits of floor(Q/2).
 */
export function mixedRadixEvaluate(
  out: usize, digits: usize, limbs: u32, weights: usize, halves: usize, always: bool, n: u32, count: u32, ctx: usize,
): void {
  const p = load<u32>(ctx + CTX_P);
  const centre = load<u32>(weights + ((<usize>limbs) << 2));
  for (let c: u32 = 0; c < count; c++) {
    const at = (<usize>c) << 2;
    let sum: u64 = 0;
    let borrow: u64 = 0; // 1 when the integer exceeds floor(Q/2); no branch on the value
    for (let j: u32 = 0; j < limbs; j++) {
      const d = load<u32>(digits + ((<usize>(j * n)) << 2) + at);
      sum += <u64>d * <u64>load<u32>(weights + ((<usize>j) << 2));
      borrow = (<u64>load<u32>(halves + ((<usize>j) << 2)) - <u64>d - borrow) >> 63;
    }
    const r = <u32>(sum % <u64>p);
    const s = centre & (0 - (<u32>borrow | <u32>always));
    store<u32>(out + at, select<u32>(r - s, r - s + p, r >= s));
  }
}

/**
 * Digits → doubles: the centred integer times `scale`. `weights`: Π_{i<j} q_i as f64; `halves` as above.
 * Values beyond 2^53 lose their low bits, as doubles do; the modulus is taken off digit-wise, before that.
 */
export function mixedRadixToDouble(
  out: usize, digits: usize, limbs: u32, weights: usize, halves: usize, primes: usize, scale: f64, n: u32, count: u32,
): void {
  for (let c: u32 = 0; c < count; c++) {
    const at = (<usize>c) << 2;
    let borrow: u64 = 0;
    for (let j: u32 = 0; j < limbs; j++) {
      const d = load<u32>(digits + ((<usize>(j * n)) << 2) + at);
      borrow = (<u64>load<u32>(halves + ((<usize>j) << 2)) - <u64>d - borrow) >> 63;
    }
    // A negative integer −y has digits of Q − y: complement digit-wise, then add one.
    let value: f64 = 0;
    for (let j: i32 = <i32>limbs - 1; j >= 0; j--) {
      const d = load<u32>(digits + ((<usize>(<u32>j * n)) << 2) + at);
      const q = load<u32>(primes + ((<usize>j) << 2));
      const digit = select<u32>(q - 1 - d, d, borrow != 0);
      value += <f64>digit * load<f64>(weights + ((<usize>j) << 3));
    }
    store<f64>(out + ((<usize>c) << 3), select<f64>(-(value + 1.0), value, borrow != 0) * scale);
  }
}
