/** Element-wise kernels on one limb: all inputs and outputs in [0, p). Byte counts are multiples of 64. */
import {
  canonical, CTX_BIAS, CTX_CB, CTX_HALF, CTX_P, CTX_PP, CTX_R32, CTX_RC, CTX_ROUND, CTX_SIGNS, FEW_TERMS, mulOperand, reduce,
  reduceWide, splat, subtractOnce,
} from './modular';
import { permute } from './permutation';

export function add(out: usize, a: usize, b: usize, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P);
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(out + i, subtractOnce(i32x4.add(v128.load(a + i), v128.load(b + i)), p));
  }
}

/** out = a + x for one residue x. */
export function addScalar(out: usize, a: usize, x: u32, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P), y = i32x4.splat(x);
  for (let i: usize = 0; i < bytes; i += 16) v128.store(out + i, subtractOnce(i32x4.add(v128.load(a + i), y), p));
}

export function subtract(out: usize, a: usize, b: usize, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P);
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(out + i, canonical(i32x4.sub(v128.load(a + i), v128.load(b + i)), p));
  }
}

export function negate(out: usize, a: usize, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P);
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(out + i, subtractOnce(i32x4.sub(p, v128.load(a + i)), p));
  }
}

/** out = a·w for an operand w (two words). */
export function mulScalar(out: usize, a: usize, wh: u32, wl: u32, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P), pp = splat(ctx + CTX_PP), bias = splat(ctx + CTX_BIAS);
  const h = i32x4.splat(wh), l = i32x4.splat(wl);
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(out + i, canonical(mulOperand(i32x4.add(v128.load(a + i), bias), h, l, pp, bias), p));
  }
}

/** out = out + a·w. */
export function mulScalarAdd(out: usize, a: usize, wh: u32, wl: u32, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P), pp = splat(ctx + CTX_PP), bias = splat(ctx + CTX_BIAS);
  const h = i32x4.splat(wh), l = i32x4.splat(wl);
  for (let i: usize = 0; i < bytes; i += 16) {
    const t = canonical(mulOperand(i32x4.add(v128.load(a + i), bias), h, l, pp, bias), p);
    v128.store(out + i, subtractOnce(i32x4.add(v128.load(out + i), t), p));
  }
}

/** out = (a − b)·w: the end of a division by a special modulus or by a prime. */
export function subtractMulScalar(out: usize, a: usize, b: usize, wh: u32, wl: u32, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P), pp = splat(ctx + CTX_PP), bias = splat(ctx + CTX_BIAS);
  const h = i32x4.splat(wh), l = i32x4.splat(wl);
  for (let i: usize = 0; i < bytes; i += 16) {
    const d = i32x4.sub(i32x4.add(v128.load(a + i), bias), v128.load(b + i));
    v128.store(out + i, canonical(mulOperand(d, h, l, pp, bias), p));
  }
}

/** out = (a − b)·w + c. */
export function subtractMulScalarAdd(
  out: usize, a: usize, b: usize, c: usize, wh: u32, wl: u32, bytes: usize, ctx: usize,
): void {
  const p = splat(ctx + CTX_P), pp = splat(ctx + CTX_PP), bias = splat(ctx + CTX_BIAS);
  const h = i32x4.splat(wh), l = i32x4.splat(wl);
  for (let i: usize = 0; i < bytes; i += 16) {
    const d = i32x4.sub(i32x4.add(v128.load(a + i), bias), v128.load(b + i));
    const t = canonical(mulOperand(d, h, l, pp, bias), p);
    v128.store(out + i, subtractOnce(i32x4.add(t, v128.load(c + i)), p));
  }
}

/** out = Σ_t a_t·b_t·2^-32, with one operand of each product in Montgomery form; 1 ≤ count ≤ 64 pairs of addresses. */
export function innerProduct(out: usize, pairs: usize, count: u32, bytes: usize, ctx: usize): void {
  const end = pairs + ((<usize>count) << 3);
  for (let i: usize = 0; i < bytes; i += 64) sumOfProducts(out + i, pairs, end, 8, 4, i, count <= FEW_TERMS, ctx);
}

/**
 * The two halves of a product of digits with a switching key, out0 = Σ_t x_t·b_t·2^-32 and out1 = Σ_t x_t·a_t·2^-32:
 * every x is fetched once. `triples`: addresses x_t, b_t, a_t; 1 ≤ count ≤ 64.
 */
export function keyProduct(out0: usize, out1: usize, triples: usize, count: u32, bytes: usize, ctx: usize): void {
  const end = triples + (<usize>count) * 12;
  for (let i: usize = 0; i < bytes; i += 64) {
    sumOfProducts(out0 + i, triples, end, 12, 4, i, count <= FEW_TERMS, ctx);
    sumOfProducts(out1 + i, triples, end, 12, 8, i, count <= FEW_TERMS, ctx);
  }
}

/**
 * `keyProduct` with `plus` added to the first half (unless its address is 0), then both permuted by `order`.
 * `scratch`: room for both halves, this thread's own.
 */
export function rotatedKeyProduct(
  out0: usize, out1: usize, triples: usize, count: u32, plus: usize, order: usize, bytes: usize, ctx: usize, scratch: usize,
): void {
  keyProduct(scratch, scratch + bytes, triples, count, bytes, ctx);
  if (plus) add(scratch, scratch, plus, bytes, ctx);
  permute(out0, scratch, order, bytes);
  permute(out1, scratch + bytes, order, bytes);
}

/**
 * Sixteen coefficients of Σ_t a_t·b_t·2^-32: a whole cache line of each limb, since limbs lie powers of two apart and
 * share few sets. The addresses of a_t and b_t stand at `list` + t·step and `second` bytes further. `few`: at most
 * FEW_TERMS products. The first of them starts the sums.
 */
// @ts-ignore: decorator
@inline function sumOfProducts(
  out: usize, list: usize, end: usize, step: usize, second: usize, at: usize, few: bool, ctx: usize,
): void {
  const c = <usize>load<u32>(list) + at, d = <usize>load<u32>(list + second) + at;
  let u = v128.load(c), v = v128.load(d);
  let l0 = i64x2.extmul_low_i32x4_u(u, v), h0 = i64x2.extmul_high_i32x4_u(u, v);
  u = v128.load(c + 16);
  v = v128.load(d + 16);
  let l1 = i64x2.extmul_low_i32x4_u(u, v), h1 = i64x2.extmul_high_i32x4_u(u, v);
  u = v128.load(c + 32);
  v = v128.load(d + 32);
  let l2 = i64x2.extmul_low_i32x4_u(u, v), h2 = i64x2.extmul_high_i32x4_u(u, v);
  u = v128.load(c + 48);
  v = v128.load(d + 48);
  let l3 = i64x2.extmul_low_i32x4_u(u, v), h3 = i64x2.extmul_high_i32x4_u(u, v);
  for (let t = list + step; t < end; t += step) {
    const a = <usize>load<u32>(t) + at, b = <usize>load<u32>(t + second) + at;
    let x = v128.load(a), y = v128.load(b);
    l0 = i64x2.add(l0, i64x2.extmul_low_i32x4_u(x, y));
    h0 = i64x2.add(h0, i64x2.extmul_high_i32x4_u(x, y));
    x = v128.load(a + 16);
    y = v128.load(b + 16);
    l1 = i64x2.add(l1, i64x2.extmul_low_i32x4_u(x, y));
    h1 = i64x2.add(h1, i64x2.extmul_high_i32x4_u(x, y));
    x = v128.load(a + 32);
    y = v128.load(b + 32);
    l2 = i64x2.add(l2, i64x2.extmul_low_i32x4_u(x, y));
    h2 = i64x2.add(h2, i64x2.extmul_high_i32x4_u(x, y));
    x = v128.load(a + 48);
    y = v128.load(b + 48);
    l3 = i64x2.add(l3, i64x2.extmul_low_i32x4_u(x, y));
    h3 = i64x2.add(h3, i64x2.extmul_high_i32x4_u(x, y));
  }
  const p = splat(ctx + CTX_P), pp = splat(ctx + CTX_PP);
  const signs = splat(ctx + CTX_SIGNS), cb = splat(ctx + CTX_CB), bias = splat(ctx + CTX_BIAS);
  l0 = reduceWide(l0, h0, pp, signs, cb, bias);
  l1 = reduceWide(l1, h1, pp, signs, cb, bias);
  l2 = reduceWide(l2, h2, pp, signs, cb, bias);
  l3 = reduceWide(l3, h3, pp, signs, cb, bias);
  if (!few) {
    const rc = splat(ctx + CTX_RC), round = splat(ctx + CTX_ROUND);
    l0 = reduce(l0, p, rc, round);
    l1 = reduce(l1, p, rc, round);
    l2 = reduce(l2, p, rc, round);
    l3 = reduce(l3, p, rc, round);
  }
  v128.store(out, canonical(l0, p));
  v128.store(out + 16, canonical(l1, p));
  v128.store(out + 32, canonical(l2, p));
  v128.store(out + 48, canonical(l3, p));
}

/**
 * The tensor product summed over pairs of ciphertexts, for one limb: d0 = Σ a0·b0, d1 = Σ a0·b1 + a1·b0,
 * d2 = Σ a1·b1. `quads`: four addresses a0, a1, b0, b1 a pair; count ≤ 32.
 */
export function tensorProduct(d0: usize, d1: usize, d2: usize, quads: usize, count: u32, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P), pp = splat(ctx + CTX_PP);
  const signs = splat(ctx + CTX_SIGNS), cb = splat(ctx + CTX_CB), bias = splat(ctx + CTX_BIAS);
  const rh = splat(ctx + CTX_R32), rl = splat(ctx + CTX_R32 + 4);
  const end = quads + ((<usize>count) << 4);
  for (let i: usize = 0; i < bytes; i += 16) {
    let l0 = i64x2.splat(0), h0 = l0, l1 = l0, h1 = l0, l2 = l0, h2 = l0;
    for (let t = quads; t < end; t += 16) {
      const x0 = v128.load(<usize>load<u32>(t) + i), x1 = v128.load(<usize>load<u32>(t + 4) + i);
      const y0 = v128.load(<usize>load<u32>(t + 8) + i), y1 = v128.load(<usize>load<u32>(t + 12) + i);
      l0 = i64x2.add(l0, i64x2.extmul_low_i32x4_u(x0, y0));
      h0 = i64x2.add(h0, i64x2.extmul_high_i32x4_u(x0, y0));
      l1 = i64x2.add(l1, i64x2.add(i64x2.extmul_low_i32x4_u(x0, y1), i64x2.extmul_low_i32x4_u(x1, y0)));
      h1 = i64x2.add(h1, i64x2.add(i64x2.extmul_high_i32x4_u(x0, y1), i64x2.extmul_high_i32x4_u(x1, y0)));
      l2 = i64x2.add(l2, i64x2.extmul_low_i32x4_u(x1, y1));
      h2 = i64x2.add(h2, i64x2.extmul_high_i32x4_u(x1, y1));
    }
    // The sums come out divided by 2^32: multiply it back.
    v128.store(d0 + i, canonical(mulOperand(i32x4.add(reduceWide(l0, h0, pp, signs, cb, bias), bias), rh, rl, pp, bias), p));
    v128.store(d1 + i, canonical(mulOperand(i32x4.add(reduceWide(l1, h1, pp, signs, cb, bias), bias), rh, rl, pp, bias), p));
    v128.store(d2 + i, canonical(mulOperand(i32x4.add(reduceWide(l2, h2, pp, signs, cb, bias), bias), rh, rl, pp, bias), p));
  }
}

/** out[i] = a[index[i]]: expansion of subring plaintexts. */
export function gather(out: usize, a: usize, index: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    store<u32>(out + i, load<u32>(a + ((<usize>load<u32>(index + i)) << 2)));
    store<u32>(out + i + 4, load<u32>(a + ((<usize>load<u32>(index + i + 4)) << 2)));
    store<u32>(out + i + 8, load<u32>(a + ((<usize>load<u32>(index + i + 8)) << 2)));
    store<u32>(out + i + 12, load<u32>(a + ((<usize>load<u32>(index + i + 12)) << 2)));
  }
}

/** Residues modulo another dot28 prime, centred, then reduced into [0, p): x in [0, from) → x − (x > from/2)·from mod p. */
export function switchModulus(out: usize, a: usize, fromCtx: usize, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P), rc = splat(ctx + CTX_RC), round = splat(ctx + CTX_ROUND);
  const from = splat(fromCtx + CTX_P), half = splat(fromCtx + CTX_HALF);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i);
    const centred = i32x4.sub(x, v128.and(from, i32x4.gt_s(x, half)));
    v128.store(out + i, canonical(reduce(centred, p, rc, round), p));
  }
}

/** Signed 32-bit integers, |x| < 2^31 → [0, p). */
export function reduceSigned(out: usize, a: usize, bytes: usize, ctx: usize): void {
  const p = splat(ctx + CTX_P), rc = splat(ctx + CTX_RC), round = splat(ctx + CTX_ROUND);
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(out + i, canonical(reduce(v128.load(a + i), p, rc, round), p));
  }
}
