/** Between doubles and residues. */
import { CTX_P } from './modular';

/**
 * out[i] = round(x[i]·scale) mod p in [0, p), for `count` doubles with |x·scale| < 2^52; read at x + i·stride.
 * The quotient is exact to ±1 and its product with p below 2^53, hence exact.
 */
export function roundReduce(out: usize, x: usize, stride: usize, count: u32, scale: f64, ctx: usize): void {
  const prime = <f64>load<u32>(ctx + CTX_P);
  const p = f64x2.splat(prime), inverse = f64x2.splat(1.0 / prime), s = f64x2.splat(scale);
  for (let i: u32 = 0; i < count; i += 2) {
    const a = x + (<usize>i) * stride;
    let v = f64x2.replace_lane(f64x2.splat(load<f64>(a)), 1, load<f64>(a + stride));
    v = f64x2.nearest(f64x2.mul(v, s));
    v = f64x2.sub(v, f64x2.mul(f64x2.nearest(f64x2.mul(v, inverse)), p));
    v = f64x2.add(v, v128.and(p, f64x2.lt(v, f64x2.splat(0))));
    v128.store64_lane(out + ((<usize>i) << 2), i32x4.trunc_sat_f64x2_s_zero(v), 0);
  }
}

/** The same from 32-bit floats, contiguous. */
export function roundReduceFloat32(out: usize, x: usize, count: u32, scale: f64, ctx: usize): void {
  const prime = <f64>load<u32>(ctx + CTX_P);
  const p = f64x2.splat(prime), inverse = f64x2.splat(1.0 / prime), s = f64x2.splat(scale);
  for (let i: u32 = 0; i < count; i += 2) {
    let v = f64x2.promote_low_f32x4(v128.load64_zero(x + ((<usize>i) << 2)));
    v = f64x2.nearest(f64x2.mul(v, s));
    v = f64x2.sub(v, f64x2.mul(f64x2.nearest(f64x2.mul(v, inverse)), p));
    v = f64x2.add(v, v128.and(p, f64x2.lt(v, f64x2.splat(0))));
    v128.store64_lane(out + ((<usize>i) << 2), i32x4.trunc_sat_f64x2_s_zero(v), 0);
  }
}

/** (re, im) pairs of f64 → f32: real parts to out[0..n), imaginary parts to out[n..2n). */
export function splitToFloat32(out: usize, data: usize, n: u32): void {
  const imaginary = out + ((<usize>n) << 2);
  for (let i: u32 = 0; i < n; i++) {
    const at = data + ((<usize>i) << 4);
    store<f32>(out + ((<usize>i) << 2), <f32>load<f64>(at));
    store<f32>(imaginary + ((<usize>i) << 2), <f32>load<f64>(at + 8));
  }
}
