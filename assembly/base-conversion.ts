/**
 * Base conversion of centred digits (Bajard, Eynard, Hasan and Zucca 2016/510, with the centring of Halevi, Polyakov
 * and Shoup 2018/117): out_i = Σ_j y_j·M_ij mod p_i, M_ij = Π_{j'≠j} q_j' mod p_i, for y_j = [x·(Q/q_j)^-1]_{q_j} centred.
 * The sum is x + v·Q with |v| ≤ k/2.
 *
 * y is split as yh·2^14 + yl into signed 16-bit halves, a matrix entry as B = M·2^16 and A = B·2^14, each split at 14
 * bits; then Σ y·B = 2^14·h + l with two dot products a term, and one Montgomery step of 16 bits removes the 2^16.
 */
import {
  canonical, CTX_BIAS, CTX_HALF, CTX_P, CTX_PP, CTX_QUARTER, CTX_RC, CTX_ROUND, dot, mulModulo, reduce, splat,
} from './modular';

/** Sources a 32-bit accumulator bears: 15·2·2^13·2^13 < 2^31; more are flushed in parts. */
const SOURCES_AT_ONCE: u32 = 15;

/** Encodes the matrix entry M (mod p) as two words at `out`. */
export function encodeEntry(m: u32, p: u32, out: usize): void {
  const b = mulModulo(m, 65536, p);
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
 * `matrix`: targets × sources entries of two words. `scratch`: sources·256 bytes, this thread's own.
 */
export function convertBase(
  sourceList: usize, sources: u32, targetList: usize, targets: u32, matrix: usize, from: u32, to: u32, scratch: usize,
): void {
  for (let at = (<usize>from) << 2, end = (<usize>to) << 2; at < end; at += 256) {
    splitBlock(sourceList, sources, at, scratch);
    for (let i: u32 = 0; i < targets; i++) {
      const out = <usize>load<u32>(targetList + ((<usize>i) << 3)) + at;
      const ctx = <usize>load<u32>(targetList + ((<usize>i) << 3) + 4);
      const row = matrix + ((<usize>(i * sources)) << 3);
      for (let done: u32 = 0; done < sources; done += SOURCES_AT_ONCE) {
        const count = min<u32>(SOURCES_AT_ONCE, sources - done);
        for (let g: usize = 0; g < 4; g++) {
          const y = scratch + g * ((<usize>sources) << 6) + ((<usize>done) << 6);
          accumulateGroup(out + (g << 6), y, row + ((<usize>done) << 3), count, ctx, done != 0);
        }
      }
    }
  }
}

/** Splits 64 coefficients of each source into halves; the layout is four groups of (sources × 16). */
// @ts-ignore: decorator
@inline function splitBlock(sourceList: usize, sources: u32, at: usize, scratch: usize): void {
  const mask = i32x4.splat(0xffff);
  const stride = (<usize>sources) << 6;
  for (let j: u32 = 0; j < sources; j++) {
    const source = <usize>load<u32>(sourceList + ((<usize>j) << 3)) + at;
    const ctx = <usize>load<u32>(sourceList + ((<usize>j) << 3) + 4);
    const q = splat(ctx + CTX_P), half = splat(ctx + CTX_HALF);
    const out = scratch + ((<usize>j) << 6);
    for (let g: usize = 0; g < 4; g++) {
      for (let e: usize = 0; e < 64; e += 16) {
        let x = v128.load(source + (g << 6) + e);
        x = i32x4.sub(x, v128.and(q, i32x4.gt_s(x, half)));
        const low = i32x4.shr_s(i32x4.shl(x, 18), 18);
        v128.store(out + g * stride + e, v128.or(i32x4.shl(i32x4.sub(x, low), 2), v128.and(low, mask)));
      }
    }
  }
}

/** Sixteen coefficients: eight accumulators, one target. */
// @ts-ignore: decorator
@inline function accumulateGroup(out: usize, from: usize, row: usize, count: u32, ctx: usize, add: bool): void {
  let h0 = i32x4.splat(0), h1 = h0, h2 = h0, h3 = h0, l0 = h0, l1 = h0, l2 = h0, l3 = h0;
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
  finish(out, h0, l0, ctx, add);
  finish(out + 16, h1, l1, ctx, add);
  finish(out + 32, h2, l2, ctx, add);
  finish(out + 48, h3, l3, ctx, add);
}

/** (2^14·h + l)·2^-16 mod p, added to what is there for the later parts of a long sum. */
// @ts-ignore: decorator
@inline function finish(out: usize, h: v128, l: v128, ctx: usize, add: bool): void {
  const p = splat(ctx + CTX_P), pp = splat(ctx + CTX_PP), bias = splat(ctx + CTX_BIAS);
  const wh = splat(ctx + CTX_QUARTER), wl = splat(ctx + CTX_QUARTER + 4);
  const y = v128.xor(i32x4.add(h, bias), bias);
  const low = v128.xor(i32x4.add(dot(y, wl), bias), bias);
  const rest = v128.xor(i32x4.add(l, bias), bias);
  let t = i32x4.add(i32x4.add(dot(y, wh), dot(low, pp)), dot(rest, pp));
  if (add) t = i32x4.add(t, v128.load(out));
  v128.store(out, canonical(reduce(t, p, splat(ctx + CTX_RC), splat(ctx + CTX_ROUND)), p));
}
