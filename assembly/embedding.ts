/**
 * The canonical embedding of CKKS (Cheon, Kim, Kim and Song 2016/421, section 3.2) in doubles: the transform between
 * slots z_j = m(ζ^(5^j)), ζ a primitive root of order 4n, and the n complex numbers u_k = m_k + i·m_(k+n) that hold a
 * real polynomial of 2n coefficients. Data: n pairs (re, im) of f64, in place.
 *
 * `roots`: for each stage of half length h = 1, 2, 4, …, n/2 in turn, h pairs ζ_(8h)^(5^j), j < h (h − 1 + j is the index).
 * `order`: bit reversal of n indices, u32.
 */

// @ts-ignore: decorator
@inline function permute(data: usize, n: u32, order: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const j = load<u32>(order + ((<usize>i) << 2));
    if (i < j) {
      const a = data + ((<usize>i) << 4), b = data + ((<usize>j) << 4);
      const t = v128.load(a);
      v128.store(a, v128.load(b));
      v128.store(b, t);
    }
  }
}

/** (re, im) · (c, d) with x = (re, im), wr = (c, c), wi = (−d, d). */
// @ts-ignore: decorator
@inline function complexProduct(x: v128, wr: v128, wi: v128): v128 {
  return f64x2.add(f64x2.mul(x, wr), f64x2.mul(v128.shuffle<u64>(x, x, 1, 0), wi));
}

/** u → z. */
export function embedForward(data: usize, n: u32, roots: usize, order: usize): void {
  permute(data, n, order);
  const sign = i64x2(-9223372036854775808, 0);
  for (let h: u32 = 1; h < n; h <<= 1) {
    const stage = roots + ((<usize>(h - 1)) << 4);
    const half = (<usize>h) << 4;
    for (let block = data, end = data + ((<usize>n) << 4); block < end; block += half << 1) {
      for (let j: usize = 0; j < half; j += 16) {
        const root = v128.load(stage + j);
        const wr = v128.shuffle<u64>(root, root, 0, 0);
        const wi = v128.xor(v128.shuffle<u64>(root, root, 1, 1), sign);
        const x = v128.load(block + j), y = complexProduct(v128.load(block + half + j), wr, wi);
        v128.store(block + j, f64x2.add(x, y));
        v128.store(block + half + j, f64x2.sub(x, y));
      }
    }
  }
}

/** z → u, with the factor 1/n. */
export function embedInverse(data: usize, n: u32, roots: usize, order: usize): void {
  const sign = i64x2(-9223372036854775808, 0);
  for (let h: u32 = n >> 1; h >= 1; h >>= 1) {
    const stage = roots + ((<usize>(h - 1)) << 4);
    const half = (<usize>h) << 4;
    for (let block = data, end = data + ((<usize>n) << 4); block < end; block += half << 1) {
      for (let j: usize = 0; j < half; j += 16) {
        const root = v128.load(stage + j);
        const wr = v128.shuffle<u64>(root, root, 0, 0);
        const wi = v128.xor(v128.shuffle<u64>(root, root, 1, 1), sign);
        const x = v128.load(block + j), y = v128.load(block + half + j);
        v128.store(block + j, f64x2.add(x, y));
        // multiplication by the conjugate: −(−d, d) = (d, −d)
        const d = f64x2.sub(x, y);
        v128.store(
          block + half + j,
          f64x2.sub(f64x2.mul(d, wr), f64x2.mul(v128.shuffle<u64>(d, d, 1, 0), wi)),
        );
      }
    }
  }
  permute(data, n, order);
  const scale = f64x2.splat(1.0 / <f64>n);
  for (let at = data, end = data + ((<usize>n) << 4); at < end; at += 16) v128.store(at, f64x2.mul(v128.load(at), scale));
}
