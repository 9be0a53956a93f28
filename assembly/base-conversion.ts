/**
 * Base conversion of centred digits (Bajard, Eynard, Hasan and Zucca 2016/510, with the centring of Halevi, Polyakov
 * and Shoup 2018/117): out_i = Σ_j y_j·M_ij mod p_i, M_ij = Π_{j'≠j} q_j' mod p_i, for y_j = [x·(Q/q_j)^-1]_{q_j} centred.
 * The sum is x + v·Q with v = round(Σ y_j/q_j), |v| ≤ k/2. An exact conversion subtracts it: v, from the upper halves of
 * y (a value of Σ y_j/q_j within k·2^-14 of a half may round either way), is one more source with the entry −Q.
 *
 * y is split as yh·2^14 + yl into signed halves, a matrix entry as B = M·2^30 and A = B·2^14 (mod p), each split at 14
 * bits; then Σ y·B = 2^14·h + l with two dot products a term. A Montgomery step of 14 bits on l, 2^-14 ≡ −4·p1, leaves
 * t = h + l·2^-14, and one of 16 bits on t the rest: |result| ≤ p/2 + 2^15.
 */
import {
  canonical, CTX_BIAS, CTX_HALF, CTX_HB, CTX_P, CTX_P14, CTX_PP, dot, mulModulo, splat, subtractOnce,
} from './modular';

/** Bytes of each limb that are converted at once: their split halves stay in the first-level cache. */
const BLOCK: usize = 512;
/**
 * What 32-bit accumulators bear: halves of y are at most 2^13, so a sum of terms may reach 2^13·Σ(|A'| + |B'|) over the
 * halves A', B' of its entries; 2^27 for the bias of h and what l carries into it, and 2^18 for the rest, come on top.
 * The entries are known, and 22 terms mostly fit; longer sums are flushed in parts. 14 terms always fit.
 */
const MAX_HALVES: u32 = (15 << 14) - 32;
const ALWAYS_FIT: u32 = 14;

/** Encodes the matrix entry M (mod p) as two words at `out`. */
export function encodeEntry(m: u32, p: u32, out: usize): void {
  const b = mulModulo(m, 1 << 30, p);
  const a = mulModulo(b, 16384, p);
  store<u32>(out, (high14(a, p) << 16) | (high14(b, p) & 0xffff));
  store<u32>(out + 4, (low14(a, p) << 16) | (low14(b, p) & 0xffff));
}

// @ts-ignore: decorator
@inline function centred(x: u32, p: u32): i32 {
  return x > p >> 1 ? <i32>(x - p) : <i32>x;
}
// @ts-ignore: decorator
@inline function low14(x: u32, p: u32): u32 {
  return <u32>((centred(x, p) << 18) >> 18);
}
// @ts-ignore: decorator
@inline function high14(x: u32, p: u32): u32 {
  const c = centred(x, p);
  return <u32>((c - ((c << 18) >> 18)) >> 14);
}

/**
 * Coefficients [from, to) (multiples of 64) of `sources` limbs → `targets` limbs.
 * `sourceList`, `targetList`: (address of the limb, address of its prime's context) pairs.
 * `matrix`: targets × terms entries of two words, terms = sources, or one more with the entries of v last. `quotients`:
 * for an exact conversion round(2^40/q_j) << 16, one word a source; else 0. `scratch`: terms·BLOCK + 4·targets bytes, this
 * thread's own.
 */
export function convertBase(
  sourceList: usize, sources: u32, targetList: usize, targets: u32, matrix: usize, quotients: usize, from: u32, to: u32,
  scratch: usize,
): void {
  const terms = sources + <u32>(quotients != 0);
  const parts = scratch + (<usize>terms) * BLOCK;
  for (let i: u32 = 0; i < targets; i++) {
    store<u32>(parts + ((<usize>i) << 2), termsAtOnce(matrix + ((<usize>(i * terms)) << 3), terms));
  }
  for (let at = (<usize>from) << 2, end = (<usize>to) << 2; at < end; at += BLOCK) {
    const groups = min<usize>(BLOCK, end - at) >> 6;
    splitBlock(sourceList, sources, terms, at, groups, scratch);
    if (quotients) addMultiples(quotients, sources, groups, scratch);
    for (let i: u32 = 0; i < targets; i++) {
      const out = <usize>load<u32>(targetList + ((<usize>i) << 3)) + at;
      const ctx = <usize>load<u32>(targetList + ((<usize>i) << 3) + 4);
      const row = matrix + ((<usize>(i * terms)) << 3);
      const part = load<u32>(parts + ((<usize>i) << 2));
      for (let done: u32 = 0; done < terms; done += part) {
        const count = min<u32>(part, terms - done);
        let y = scratch + ((<usize>done) << 6);
        for (let g: usize = 0; g < groups; g++, y += (<usize>terms) << 6) {
          accumulateGroup(out + (g << 6), y, row + ((<usize>done) << 3), count, ctx, done != 0);
        }
      }
    }
  }
}

/** Terms of a row that are summed without a flush: all, or a half, a quarter, … of them. */
function termsAtOnce(row: usize, terms: u32): u32 {
  let count = terms;
  while (count > ALWAYS_FIT && !fit(row, terms, count)) count = (count + 1) >> 1;
  return count;
}

/** Whether every run of `count` terms stays within MAX_HALVES. */
function fit(row: usize, terms: u32, count: u32): bool {
  let high: u32 = 0, low: u32 = 0;
  for (let j: u32 = 0; j < terms; j++) {
    if (j % count == 0) high = low = 0;
    const entry = row + ((<usize>j) << 3);
    high += sizeOfHalves(load<u32>(entry));
    low += sizeOfHalves(load<u32>(entry + 4));
    if (max(high, low) > MAX_HALVES) return false;
  }
  return true;
}

/** Sum of the magnitudes of two signed halves. */
// @ts-ignore: decorator
@inline function sizeOfHalves(x: u32): u32 {
  return <u32>abs(<i32>x >> 16) + <u32>abs((<i32>(x << 16)) >> 16);
}

/** Splits a block of each source into halves; the layout is groups of (terms × 16 coefficients). */
// @ts-ignore: decorator
@inline function splitBlock(
  sourceList: usize, sources: u32, terms: u32, at: usize, groups: usize, scratch: usize,
): void {
  const mask = i32x4.splat(0xffff);
  const stride = (<usize>terms) << 6;
  for (let j: u32 = 0; j < sources; j++) {
    const source = <usize>load<u32>(sourceList + ((<usize>j) << 3)) + at;
    const ctx = <usize>load<u32>(sourceList + ((<usize>j) << 3) + 4);
    const q = splat(ctx + CTX_P), half = splat(ctx + CTX_HALF);
    const out = scratch + ((<usize>j) << 6);
    for (let g: usize = 0; g < groups; g++) {
      for (let e: usize = 0; e < 64; e += 16) {
        let x = v128.load(source + (g << 6) + e);
        x = i32x4.sub(x, v128.and(q, i32x4.gt_s(x, half)));
        const low = i32x4.shr_s(i32x4.shl(x, 18), 18);
        v128.store(out + g * stride + e, v128.or(i32x4.shl(i32x4.sub(x, low), 2), v128.and(low, mask)));
      }
    }
  }
}

/** The last term of each group: v = round(Σ yh_j·2^14/q_j), a small integer in the place of a lower half. */
// @ts-ignore: decorator
@inline function addMultiples(quotients: usize, sources: u32, groups: usize, scratch: usize): void {
  const half = i32x4.splat(1 << 25), mask = i32x4.splat(0xffff);
  const end = quotients + ((<usize>sources) << 2);
  for (let g: usize = 0, y = scratch; g < groups; g++, y += 64) {
    let v0 = half, v1 = half, v2 = half, v3 = half;
    for (let c = quotients; c < end; c += 4, y += 64) {
      const q = splat(c);
      v0 = i32x4.add(v0, dot(v128.load(y), q));
      v1 = i32x4.add(v1, dot(v128.load(y + 16), q));
      v2 = i32x4.add(v2, dot(v128.load(y + 32), q));
      v3 = i32x4.add(v3, dot(v128.load(y + 48), q));
    }
    v128.store(y, v128.and(i32x4.shr_s(v0, 26), mask));
    v128.store(y + 16, v128.and(i32x4.shr_s(v1, 26), mask));
    v128.store(y + 32, v128.and(i32x4.shr_s(v2, 26), mask));
    v128.store(y + 48, v128.and(i32x4.shr_s(v3, 26), mask));
  }
}

/** Sixteen coefficients: eight accumulators, one target. They start at the roundings and biases of the two steps. */
// @ts-ignore: decorator
@inline function accumulateGroup(out: usize, from: usize, row: usize, count: u32, ctx: usize, add: bool): void {
  let h0 = splat(ctx + CTX_HB), h1 = h0, h2 = h0, h3 = h0;
  let l0 = i32x4.splat(0x2000), l1 = l0, l2 = l0, l3 = l0;
  let y = from;
  for (let c = row, end = row + ((<usize>count) << 3); c < end; c += 8, y += 64) {
    const ch = splat(c), cl = splat(c + 4);
    const y0 = v128.load(y), y1 = v128.load(y + 16), y2 = v128.load(y + 32), y3 = v128.load(y + 48);
    h0 = i32x4.add(h0, dot(y0, ch));
    l0 = i32x4.add(l0, dot(y0, cl));
    h1 = i32x4.add(h1, dot(y1, ch));
    l1 = i32x4.add(l1, dot(y1, cl));
    h2 = i32x4.add(h2, dot(y2, ch));
    l2 = i32x4.add(l2, dot(y2, cl));
    h3 = i32x4.add(h3, dot(y3, ch));
    l3 = i32x4.add(l3, dot(y3, cl));
  }
  const p = splat(ctx + CTX_P), pp = splat(ctx + CTX_PP), p14 = splat(ctx + CTX_P14), bias = splat(ctx + CTX_BIAS);
  h0 = montgomery(h0, l0, p, pp, p14, bias);
  h1 = montgomery(h1, l1, p, pp, p14, bias);
  h2 = montgomery(h2, l2, p, pp, p14, bias);
  h3 = montgomery(h3, l3, p, pp, p14, bias);
  put(out, h0, p, add);
  put(out + 16, h1, p, add);
  put(out + 32, h2, p, add);
  put(out + 48, h3, p, add);
}

/** (2^14·h + l)·2^-30 mod p in [0, p). h carries +0x8000 + 2^15·p1, l carries +2^13. */
// @ts-ignore: decorator
@inline function montgomery(h: v128, l: v128, p: v128, pp: v128, p14: v128, bias: v128): v128 {
  const low = dot(v128.and(l, i32x4.splat(0x3fff)), p14);
  const t = i32x4.add(h, i32x4.add(i32x4.shr_s(l, 14), low));
  return canonical(dot(v128.xor(t, bias), pp), p);
}

/** Adds to what is there for the later parts of a long sum. */
// @ts-ignore: decorator
@inline function put(out: usize, x: v128, p: v128, add: bool): void {
  v128.store(out, add ? subtractOnce(i32x4.add(x, v128.load(out)), p) : x);
}
