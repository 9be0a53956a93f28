/**
 * Forward negacyclic NTT modulo a dot28 prime, in place, coefficients in [0, p) → values in [0, p).
 * Cooley–Tukey with bit-reversed twiddles (Longa and Naehrig 2016/504, algorithm 1) in radix-4 passes; values grow by
 * at most 0.75p + |x|/32 a layer, so eight layers pass between reductions (bound 7.98p < 2^31).
 *
 * Order of the output: position 64b + 16j + 4k + l holds the value at ψ^(2·brv(i) + 1), i = 64b + 16l + 4k + j: the
 * last two layers work on transposed 4×4 tiles and leave them transposed.
 */
import { canonical, CTX_BIAS, CTX_P, CTX_PP, CTX_RC, CTX_ROUND, mulOperand, reduce, splat } from './modular';
import { headBytes } from './ntt-tables';

/** Strided passes run over the whole array until blocks have this many layers left; then depth first, in cache. */
const BLOCK_LAYERS: i32 = 12;
const MAX_LAZY_LAYERS: i32 = 8;

const PLAIN: i32 = 0;
const ADD_BIAS: i32 = 1;
const REDUCE: i32 = 2;

export function nttForward(a: usize, logN: i32, table: usize, ctx: usize): void {
  const n: u32 = (<u32>1) << logN;
  const tail = table + headBytes(logN);
  let layer: i32 = logN & 1;
  let lazy: i32 = layer;
  if (layer) firstRadix2(a, n, table, ctx);
  while (layer < logN - 4 && logN - layer > BLOCK_LAYERS) {
    const mode = passMode(layer, lazy);
    radix4(a, (<u32>1) << layer, 0, (<u32>1) << layer, n >> (layer + 2), table, ctx, mode);
    lazy = mode == REDUCE ? 2 : lazy + 2;
    layer += 2;
  }
  for (let block: u32 = 0, blocks: u32 = (<u32>1) << layer; block < blocks; block++) {
    finishBlock(a, logN, table, tail, ctx, layer, lazy, block);
  }
}

function finishBlock(a: usize, logN: i32, table: usize, tail: usize, ctx: usize, from: i32, lazyAt: i32, block: u32): void {
  const n: u32 = (<u32>1) << logN;
  let lazy = lazyAt;
  let width: u32 = 1;
  let layer = from;
  for (; layer < logN - 4; layer += 2, width <<= 2) {
    const mode = passMode(layer, lazy);
    radix4(a, (<u32>1) << layer, block * width, block * width + width, n >> (layer + 2), table, ctx, mode);
    lazy = mode == REDUCE ? 2 : lazy + 2;
  }
  const mode = passMode(layer, lazy + 2); // lastLayers follows without a reduction of its own
  const end = block * width + width;
  for (let group = block * width; group < end; group += 256) {
    const count = min<u32>(256, width);
    stride4(a, n >> 4, group, group + count, table, ctx, mode);
    lastLayers(a, group >> 2, (group + count) >> 2, tail, ctx);
  }
}

// @ts-ignore: decorator
@inline function passMode(layer: i32, lazy: i32): i32 {
  return layer == 0 ? ADD_BIAS : lazy + 2 > MAX_LAZY_LAYERS ? REDUCE : PLAIN;
}

function firstRadix2(a: usize, n: u32, table: usize, ctx: usize): void {
  const bias = splat(ctx + CTX_BIAS), pp = splat(ctx + CTX_PP), wh = splat(table + 8), wl = splat(table + 12);
  const half = (<usize>n) << 1;
  for (let q = a, end = a + half; q < end; q += 16) {
    const x = i32x4.add(v128.load(q), bias);
    const t = mulOperand(i32x4.add(v128.load(q + half), bias), wh, wl, pp, bias);
    v128.store(q, i32x4.add(x, t));
    v128.store(q + half, i32x4.sub(x, t));
  }
}

/** Two layers at once: groups [from, to) of four runs of `run` coefficients; m = groups of the outer layer. */
function radix4(a: usize, m: u32, from: u32, to: u32, run: u32, table: usize, ctx: usize, mode: i32): void {
  if (mode == ADD_BIAS) radix4In(a, m, from, to, run, table, ctx, ADD_BIAS);
  else if (mode == REDUCE) radix4In(a, m, from, to, run, table, ctx, REDUCE);
  else radix4In(a, m, from, to, run, table, ctx, PLAIN);
}

// @ts-ignore: decorator
@inline function radix4In(a: usize, m: u32, from: u32, to: u32, run: u32, table: usize, ctx: usize, mode: i32): void {
  const bias = splat(ctx + CTX_BIAS), pp = splat(ctx + CTX_PP);
  const p = splat(ctx + CTX_P), rc = splat(ctx + CTX_RC), round = splat(ctx + CTX_ROUND);
  const s: usize = (<usize>run) << 2;
  for (let i = from; i < to; i++) {
    const outer = table + ((<usize>(m + i)) << 3), inner = table + ((<usize>(m + i)) << 4);
    const w1h = splat(outer), w1l = splat(outer + 4);
    const w2h = splat(inner), w2l = splat(inner + 4), w3h = splat(inner + 8), w3l = splat(inner + 12);
    let q = a + (<usize>i) * (s << 2);
    for (const end = q + s; q < end; q += 16) {
      let x0 = v128.load(q), x1 = v128.load(q + s), x2 = v128.load(q + 2 * s), x3 = v128.load(q + 3 * s);
      if (mode == ADD_BIAS) {
        x0 = i32x4.add(x0, bias);
        x1 = i32x4.add(x1, bias);
        x2 = i32x4.add(x2, bias);
        x3 = i32x4.add(x3, bias);
      }
      if (mode == REDUCE) {
        x0 = reduce(x0, p, rc, round); // keeps the bias
        x1 = reduce(x1, p, rc, round); // keeps the bias
      }
      let t = mulOperand(x2, w1h, w1l, pp, bias);
      x2 = i32x4.sub(x0, t);
      x0 = i32x4.add(x0, t);
      t = mulOperand(x3, w1h, w1l, pp, bias);
      x3 = i32x4.sub(x1, t);
      x1 = i32x4.add(x1, t);
      t = mulOperand(x1, w2h, w2l, pp, bias);
      v128.store(q + s, i32x4.sub(x0, t));
      v128.store(q, i32x4.add(x0, t));
      t = mulOperand(x3, w3h, w3l, pp, bias);
      v128.store(q + 3 * s, i32x4.sub(x2, t));
      v128.store(q + 2 * s, i32x4.add(x2, t));
    }
  }
}

/** The two layers before the last two: runs of four coefficients, one vector each. */
function stride4(a: usize, m: u32, from: u32, to: u32, table: usize, ctx: usize, mode: i32): void {
  if (mode == REDUCE) stride4In(a, m, from, to, table, ctx, REDUCE);
  else stride4In(a, m, from, to, table, ctx, PLAIN);
}

// @ts-ignore: decorator
@inline function stride4In(a: usize, m: u32, from: u32, to: u32, table: usize, ctx: usize, mode: i32): void {
  const bias = splat(ctx + CTX_BIAS), pp = splat(ctx + CTX_PP);
  const p = splat(ctx + CTX_P), rc = splat(ctx + CTX_RC), round = splat(ctx + CTX_ROUND);
  let outer = table + ((<usize>(m + from)) << 3), inner = table + ((<usize>(m + from)) << 4);
  let q = a + ((<usize>from) << 6);
  for (const end = a + ((<usize>to) << 6); q < end; q += 64, outer += 8, inner += 16) {
    let x0 = v128.load(q), x1 = v128.load(q + 16), x2 = v128.load(q + 32), x3 = v128.load(q + 48);
    if (mode == REDUCE) {
      x0 = reduce(x0, p, rc, round); // keeps the bias
      x1 = reduce(x1, p, rc, round); // keeps the bias
    }
    const wh = splat(outer), wl = splat(outer + 4);
    let t = mulOperand(x2, wh, wl, pp, bias);
    x2 = i32x4.sub(x0, t);
    x0 = i32x4.add(x0, t);
    t = mulOperand(x3, wh, wl, pp, bias);
    x3 = i32x4.sub(x1, t);
    x1 = i32x4.add(x1, t);
    t = mulOperand(x1, splat(inner), splat(inner + 4), pp, bias);
    v128.store(q, i32x4.add(x0, t));
    v128.store(q + 16, i32x4.sub(x0, t));
    t = mulOperand(x3, splat(inner + 8), splat(inner + 12), pp, bias);
    v128.store(q + 32, i32x4.add(x2, t));
    v128.store(q + 48, i32x4.sub(x2, t));
  }
}

/** The last two layers on 4×4 tiles, with twiddles a lane; stored transposed, reduced to [0, p). */
function lastLayers(a: usize, from: u32, to: u32, tail: usize, ctx: usize): void {
  const bias = splat(ctx + CTX_BIAS), pp = splat(ctx + CTX_PP);
  const p = splat(ctx + CTX_P), rc = splat(ctx + CTX_RC), round = splat(ctx + CTX_ROUND);
  let w = tail + (<usize>from) * 384;
  let q = a + ((<usize>from) << 8);
  for (const end = a + ((<usize>to) << 8); q < end; q += 192) {
    for (const row = q + 64; q < row; q += 16, w += 96) {
      const a0 = v128.load(q), a1 = v128.load(q + 64), a2 = v128.load(q + 128), a3 = v128.load(q + 192);
      const t0 = v128.shuffle<u32>(a0, a1, 0, 4, 1, 5), t1 = v128.shuffle<u32>(a2, a3, 0, 4, 1, 5);
      const t2 = v128.shuffle<u32>(a0, a1, 2, 6, 3, 7), t3 = v128.shuffle<u32>(a2, a3, 2, 6, 3, 7);
      let x0 = i32x4.sub(v128.shuffle<u64>(t0, t1, 0, 2), bias), x1 = v128.shuffle<u64>(t0, t1, 1, 3);
      let x2 = v128.shuffle<u64>(t2, t3, 0, 2), x3 = v128.shuffle<u64>(t2, t3, 1, 3);
      const wh = v128.load(w), wl = v128.load(w + 16);
      let t = mulOperand(x2, wh, wl, pp, bias);
      x2 = i32x4.sub(x0, t);
      x0 = i32x4.add(x0, t);
      t = mulOperand(x3, wh, wl, pp, bias);
      x3 = i32x4.sub(x1, t);
      x1 = i32x4.add(x1, t);
      t = mulOperand(x1, v128.load(w + 32), v128.load(w + 48), pp, bias);
      v128.store(q, canonical(reduce(i32x4.add(x0, t), p, rc, round), p));
      v128.store(q + 64, canonical(reduce(i32x4.sub(x0, t), p, rc, round), p));
      t = mulOperand(x3, v128.load(w + 64), v128.load(w + 80), pp, bias);
      v128.store(q + 128, canonical(reduce(i32x4.add(x2, t), p, rc, round), p));
      v128.store(q + 192, canonical(reduce(i32x4.sub(x2, t), p, rc, round), p));
    }
  }
}
