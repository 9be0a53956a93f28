/**
 * Inverse of ntt-forward.ts, in place, values in [0, p) (in its order) → coefficients in [0, p), times a factor that
 * is folded with N^-1 into the last layer. Gentleman–Sande; only output 0 of each radix-4 step grows, so only it is
 * reduced: with inputs within 2p a step stays within 8p < 2^31.
 */
import { canonical, CTX_BIAS, CTX_P, CTX_PP, CTX_RC, CTX_ROUND, mulOperand, reduce, splat } from './modular';
import { headBytes } from './ntt-tables';

const BLOCK_LAYERS: i32 = 12;

/** `scale`: four words of `buildInverseScale`. */
export function nttInverse(a: usize, logN: i32, table: usize, ctx: usize, scale: usize): void {
  const n: u32 = (<u32>1) << logN;
  const tail = table + headBytes(logN);
  const odd = logN & 1;
  let layer: i32 = odd;
  while (layer < logN - 4 && logN - layer > BLOCK_LAYERS) layer += 2;
  for (let block: u32 = 0, blocks: u32 = (<u32>1) << layer; block < blocks; block++) {
    startBlock(a, logN, table, tail, ctx, scale, layer, block);
  }
  while (layer > odd) {
    layer -= 2;
    if (layer == 0) lastRadix4(a, n >> 2, table, ctx, scale);
    else radix4(a, (<u32>1) << layer, 0, (<u32>1) << layer, n >> (layer + 2), table, ctx);
  }
  if (odd) lastRadix2(a, n, ctx, scale);
}

function startBlock(a: usize, logN: i32, table: usize, tail: usize, ctx: usize, scale: usize, to: i32, block: u32): void {
  const n: u32 = (<u32>1) << logN;
  let width: u32 = (n >> 4) >> to;
  const end = block * width + width;
  for (let group = block * width; group < end; group += 256) {
    const count = min<u32>(256, width);
    firstLayers(a, group >> 2, (group + count) >> 2, tail, ctx);
    stride4(a, n >> 4, group, group + count, table, ctx);
  }
  for (let layer = logN - 4; layer > to; ) {
    layer -= 2;
    width >>= 2;
    if (layer == 0) lastRadix4(a, n >> 2, table, ctx, scale);
    else radix4(a, (<u32>1) << layer, block * width, block * width + width, n >> (layer + 2), table, ctx);
  }
}

/** (x − y)·w for unbiased x, y. */
// @ts-ignore: decorator
@inline function mulDifference(x: v128, y: v128, wh: v128, wl: v128, pp: v128, bias: v128): v128 {
  return mulOperand(i32x4.sub(i32x4.add(x, bias), y), wh, wl, pp, bias);
}

function firstLayers(a: usize, from: u32, to: u32, tail: usize, ctx: usize): void {
  const bias = splat(ctx + CTX_BIAS), pp = splat(ctx + CTX_PP);
  const p = splat(ctx + CTX_P), rc = splat(ctx + CTX_RC), round = splat(ctx + CTX_ROUND);
  let w = tail + (<usize>from) * 384;
  let q = a + ((<usize>from) << 8);
  for (const end = a + ((<usize>to) << 8); q < end; q += 192) {
    for (const row = q + 64; q < row; q += 16, w += 96) {
      const y0 = v128.load(q), y1 = v128.load(q + 64), y2 = v128.load(q + 128), y3 = v128.load(q + 192);
      const u0 = i32x4.add(y0, y1), u2 = i32x4.add(y2, y3);
      const u1 = mulDifference(y0, y1, v128.load(w + 32), v128.load(w + 48), pp, bias);
      const u3 = mulDifference(y2, y3, v128.load(w + 64), v128.load(w + 80), pp, bias);
      const wh = v128.load(w), wl = v128.load(w + 16);
      const a0 = reduce(i32x4.add(u0, u2), p, rc, round), a1 = i32x4.add(u1, u3);
      const a2 = mulDifference(u0, u2, wh, wl, pp, bias), a3 = mulDifference(u1, u3, wh, wl, pp, bias);
      const t0 = v128.shuffle<u32>(a0, a1, 0, 4, 1, 5), t1 = v128.shuffle<u32>(a2, a3, 0, 4, 1, 5);
      const t2 = v128.shuffle<u32>(a0, a1, 2, 6, 3, 7), t3 = v128.shuffle<u32>(a2, a3, 2, 6, 3, 7);
      v128.store(q, v128.shuffle<u64>(t0, t1, 0, 2));
      v128.store(q + 64, v128.shuffle<u64>(t0, t1, 1, 3));
      v128.store(q + 128, v128.shuffle<u64>(t2, t3, 0, 2));
      v128.store(q + 192, v128.shuffle<u64>(t2, t3, 1, 3));
    }
  }
}

function stride4(a: usize, m: u32, from: u32, to: u32, table: usize, ctx: usize): void {
  const bias = splat(ctx + CTX_BIAS), pp = splat(ctx + CTX_PP);
  const p = splat(ctx + CTX_P), rc = splat(ctx + CTX_RC), round = splat(ctx + CTX_ROUND);
  let outer = table + ((<usize>(m + from)) << 3), inner = table + ((<usize>(m + from)) << 4);
  let q = a + ((<usize>from) << 6);
  for (const end = a + ((<usize>to) << 6); q < end; q += 64, outer += 8, inner += 16) {
    const y0 = v128.load(q), y1 = v128.load(q + 16), y2 = v128.load(q + 32), y3 = v128.load(q + 48);
    const u0 = i32x4.add(y0, y1), u2 = i32x4.add(y2, y3);
    const u1 = mulDifference(y0, y1, splat(inner), splat(inner + 4), pp, bias);
    const u3 = mulDifference(y2, y3, splat(inner + 8), splat(inner + 12), pp, bias);
    const wh = splat(outer), wl = splat(outer + 4);
    v128.store(q, reduce(i32x4.add(u0, u2), p, rc, round));
    v128.store(q + 16, i32x4.add(u1, u3));
    v128.store(q + 32, mulDifference(u0, u2, wh, wl, pp, bias));
    v128.store(q + 48, mulDifference(u1, u3, wh, wl, pp, bias));
  }
}

function radix4(a: usize, m: u32, from: u32, to: u32, run: u32, table: usize, ctx: usize): void {
  const bias = splat(ctx + CTX_BIAS), pp = splat(ctx + CTX_PP);
  const p = splat(ctx + CTX_P), rc = splat(ctx + CTX_RC), round = splat(ctx + CTX_ROUND);
  const s: usize = (<usize>run) << 2;
  for (let i = from; i < to; i++) {
    const outer = table + ((<usize>(m + i)) << 3), inner = table + ((<usize>(m + i)) << 4);
    const w1h = splat(outer), w1l = splat(outer + 4);
    const w2h = splat(inner), w2l = splat(inner + 4), w3h = splat(inner + 8), w3l = splat(inner + 12);
    let q = a + (<usize>i) * (s << 2);
    for (const end = q + s; q < end; q += 16) {
      const y0 = v128.load(q), y1 = v128.load(q + s), y2 = v128.load(q + 2 * s), y3 = v128.load(q + 3 * s);
      const u0 = i32x4.add(y0, y1), u1 = mulDifference(y0, y1, w2h, w2l, pp, bias);
      const u2 = i32x4.add(y2, y3), u3 = mulDifference(y2, y3, w3h, w3l, pp, bias);
      v128.store(q, reduce(i32x4.add(u0, u2), p, rc, round));
      v128.store(q + 2 * s, mulDifference(u0, u2, w1h, w1l, pp, bias));
      v128.store(q + s, i32x4.add(u1, u3));
      v128.store(q + 3 * s, mulDifference(u1, u3, w1h, w1l, pp, bias));
    }
  }
}

function lastRadix4(a: usize, run: u32, table: usize, ctx: usize, scale: usize): void {
  const bias = splat(ctx + CTX_BIAS), pp = splat(ctx + CTX_PP), p = splat(ctx + CTX_P);
  const s: usize = (<usize>run) << 2;
  const inner = table + 16;
  const nh = splat(scale), nl = splat(scale + 4), w1h = splat(scale + 8), w1l = splat(scale + 12);
  const w2h = splat(inner), w2l = splat(inner + 4), w3h = splat(inner + 8), w3l = splat(inner + 12);
  let q = a;
  for (const end = a + s; q < end; q += 16) {
    const y0 = v128.load(q), y1 = v128.load(q + s), y2 = v128.load(q + 2 * s), y3 = v128.load(q + 3 * s);
    const u0 = i32x4.add(y0, y1), u1 = mulDifference(y0, y1, w2h, w2l, pp, bias);
    const u2 = i32x4.add(y2, y3), u3 = mulDifference(y2, y3, w3h, w3l, pp, bias);
    v128.store(q, canonical(mulOperand(i32x4.add(i32x4.add(u0, u2), bias), nh, nl, pp, bias), p));
    v128.store(q + s, canonical(mulOperand(i32x4.add(i32x4.add(u1, u3), bias), nh, nl, pp, bias), p));
    v128.store(q + 2 * s, canonical(mulDifference(u0, u2, w1h, w1l, pp, bias), p));
    v128.store(q + 3 * s, canonical(mulDifference(u1, u3, w1h, w1l, pp, bias), p));
  }
}

function lastRadix2(a: usize, n: u32, ctx: usize, scale: usize): void {
  const bias = splat(ctx + CTX_BIAS), pp = splat(ctx + CTX_PP), p = splat(ctx + CTX_P);
  const nh = splat(scale), nl = splat(scale + 4), wh = splat(scale + 8), wl = splat(scale + 12);
  const half = (<usize>n) << 1;
  let q = a;
  for (const end = a + half; q < end; q += 16) {
    const x = v128.load(q), y = v128.load(q + half);
    v128.store(q, canonical(mulOperand(i32x4.add(i32x4.add(x, y), bias), nh, nl, pp, bias), p));
    v128.store(q + half, canonical(mulDifference(x, y, wh, wl, pp, bias), p));
  }
}
