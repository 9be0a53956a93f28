/**
 * Products of many periodic plaintexts with rotated ciphertexts, for one limb and a range of 64-coefficient blocks.
 *
 * A plaintext that repeats in the slots lies in a subring: in NTT order its values are constant over runs of
 * coefficients, so a block of 64 needs only V ∈ {1, 4, 16} distinct vectors ("pattern form").
 * With the transposed order of ntt-forward.ts, vector 4j + k of a block meets pattern vector 0 (V = 1), k (V = 4) or
 * 4j + k (V = 16).
 */
import {
  canonical, CTX_BIAS, CTX_CB, CTX_P, CTX_PP, CTX_RC, CTX_ROUND, CTX_SIGNS, FEW_TERMS, reduce, reduceWide, splat,
  subtractOnce,
} from './modular';

/** Terms that 64-bit lanes bear before `reduceWide`: 64·2^56 = 2^62. */
const TERMS_AT_ONCE: u32 = 64;
/** Bytes of each ciphertext limb from which all sums are taken before the next: they stay in cache. */
const TILE: usize = 2048;

/**
 * For each sum s < sums: out_s[i] = Σ_t plain_{s,t}[pattern(i)]·cipher_t[i]·2^-32 over blocks [from, to).
 * `ciphers`: `terms` limb addresses. `plains`: address of the plaintext (s = 0, t = 0); plaintext (s, t) lies
 * (s·terms + t)·plainBytes further. `outs`: `sums` limb addresses.
 */
export function multiplyDiagonals(
  ciphers: usize, terms: u32, plains: usize, plainBytes: u32, outs: usize, sums: u32, patterns: u32, from: u32, to: u32,
  ctx: usize,
): void {
  const end = (<usize>to) << 8;
  for (let at = (<usize>from) << 8; at < end; at += TILE) {
    const bytes = min<usize>(TILE, end - at);
    for (let done: u32 = 0; done < terms; done += TERMS_AT_ONCE) {
      const count = min<u32>(TERMS_AT_ONCE, terms - done);
      const list = ciphers + ((<usize>done) << 2);
      for (let s: u32 = 0; s < sums; s++) {
        const out = <usize>load<u32>(outs + ((<usize>s) << 2));
        const plain = plains + (<usize>(s * terms + done)) * (<usize>plainBytes);
        sumTile(out, list, count, plain, plainBytes, patterns, at, bytes, ctx, done != 0);
      }
    }
  }
}

/** One sum over a tile. */
function sumTile(
  out: usize, list: usize, count: u32, plain: usize, plainBytes: u32, patterns: u32, at: usize, bytes: usize, ctx: usize,
  more: bool,
): void {
  const end = at + bytes;
  if (patterns == 16) {
    for (let i = at, w = plain + at; i < end; i += 64, w += 64) row(out + i, list, i, count, w, plainBytes, ctx, more);
    return;
  }
  const step: usize = patterns == 4 ? 16 : 0;
  for (let i = at; i < end; i += 256) {
    let w = plain + (i >> 8) * ((<usize>patterns) << 4);
    for (let k = i; k < i + 64; k += 16, w += step) column(out + k, list, k, count, w, plainBytes, ctx, more);
  }
}

/** Four vectors that lie together, and as many of each plaintext. */
// @ts-ignore: decorator
@inline function row(
  out: usize, list: usize, at: usize, count: u32, plain: usize, plainBytes: u32, ctx: usize, more: bool,
): void {
  let l0 = i64x2.splat(0), h0 = l0, l1 = l0, h1 = l0, l2 = l0, h2 = l0, l3 = l0, h3 = l0;
  let w = plain;
  for (let t = list, end = list + ((<usize>count) << 2); t < end; t += 4, w += <usize>plainBytes) {
    const c = <usize>load<u32>(t) + at;
    let x = v128.load(c), y = v128.load(w);
    l0 = i64x2.add(l0, i64x2.extmul_low_i32x4_u(x, y));
    h0 = i64x2.add(h0, i64x2.extmul_high_i32x4_u(x, y));
    x = v128.load(c + 16);
    y = v128.load(w + 16);
    l1 = i64x2.add(l1, i64x2.extmul_low_i32x4_u(x, y));
    h1 = i64x2.add(h1, i64x2.extmul_high_i32x4_u(x, y));
    x = v128.load(c + 32);
    y = v128.load(w + 32);
    l2 = i64x2.add(l2, i64x2.extmul_low_i32x4_u(x, y));
    h2 = i64x2.add(h2, i64x2.extmul_high_i32x4_u(x, y));
    x = v128.load(c + 48);
    y = v128.load(w + 48);
    l3 = i64x2.add(l3, i64x2.extmul_low_i32x4_u(x, y));
    h3 = i64x2.add(h3, i64x2.extmul_high_i32x4_u(x, y));
  }
  const few = count <= FEW_TERMS;
  put(out, l0, h0, ctx, few, more);
  put(out + 16, l1, h1, ctx, few, more);
  put(out + 32, l2, h2, ctx, few, more);
  put(out + 48, l3, h3, ctx, few, more);
}

/** Vectors k, 4 + k, 8 + k, 12 + k of a block, which meet the same vector of each plaintext. */
// @ts-ignore: decorator
@inline function column(
  out: usize, list: usize, at: usize, count: u32, plain: usize, plainBytes: u32, ctx: usize, more: bool,
): void {
  let l0 = i64x2.splat(0), h0 = l0, l1 = l0, h1 = l0, l2 = l0, h2 = l0, l3 = l0, h3 = l0;
  let w = plain;
  for (let t = list, end = list + ((<usize>count) << 2); t < end; t += 4, w += <usize>plainBytes) {
    const c = <usize>load<u32>(t) + at;
    const y = v128.load(w);
    let x = v128.load(c);
    l0 = i64x2.add(l0, i64x2.extmul_low_i32x4_u(x, y));
    h0 = i64x2.add(h0, i64x2.extmul_high_i32x4_u(x, y));
    x = v128.load(c + 64);
    l1 = i64x2.add(l1, i64x2.extmul_low_i32x4_u(x, y));
    h1 = i64x2.add(h1, i64x2.extmul_high_i32x4_u(x, y));
    x = v128.load(c + 128);
    l2 = i64x2.add(l2, i64x2.extmul_low_i32x4_u(x, y));
    h2 = i64x2.add(h2, i64x2.extmul_high_i32x4_u(x, y));
    x = v128.load(c + 192);
    l3 = i64x2.add(l3, i64x2.extmul_low_i32x4_u(x, y));
    h3 = i64x2.add(h3, i64x2.extmul_high_i32x4_u(x, y));
  }
  const few = count <= FEW_TERMS;
  put(out, l0, h0, ctx, few, more);
  put(out + 64, l1, h1, ctx, few, more);
  put(out + 128, l2, h2, ctx, few, more);
  put(out + 192, l3, h3, ctx, few, more);
}

// @ts-ignore: decorator
@inline function put(out: usize, low: v128, high: v128, ctx: usize, few: bool, more: bool): void {
  const p = splat(ctx + CTX_P), pp = splat(ctx + CTX_PP);
  const signs = splat(ctx + CTX_SIGNS), cb = splat(ctx + CTX_CB), bias = splat(ctx + CTX_BIAS);
  let r = reduceWide(low, high, pp, signs, cb, bias);
  if (!few) r = reduce(r, p, splat(ctx + CTX_RC), splat(ctx + CTX_ROUND));
  r = canonical(r, p);
  if (more) r = subtractOnce(i32x4.add(r, v128.load(out)), p);
  v128.store(out, r);
}
