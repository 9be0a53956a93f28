/**
 * Expansion of 32-byte seeds by ChaCha20 (RFC 8439), four blocks at a time, and samplers without a branch on
 * secret values. Words of one stream are domain-separated by the 96-bit nonce.
 */
import { CTX_P } from './modular';

// @ts-ignore: decorator
@inline function rotateLeft(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits));
}

/**
 * Blocks counter … counter+3 of the stream (key, nonce): 64 words at `out`, word w of the four blocks at
 * out + 16·w (blocks side by side in lanes). The stream is defined in this order.
 */
export function chachaBlocks(out: usize, key: usize, nonce: usize, counter: u32): void {
  const k = key;
  const s4 = v128.load_splat<u32>(k), s5 = v128.load_splat<u32>(k + 4), s6 = v128.load_splat<u32>(k + 8);
  const s7 = v128.load_splat<u32>(k + 12), s8 = v128.load_splat<u32>(k + 16), s9 = v128.load_splat<u32>(k + 20);
  const s10 = v128.load_splat<u32>(k + 24), s11 = v128.load_splat<u32>(k + 28);
  const s12 = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
  const s13 = v128.load_splat<u32>(nonce), s14 = v128.load_splat<u32>(nonce + 4), s15 = v128.load_splat<u32>(nonce + 8);
  const c0 = i32x4.splat(0x61707865), c1 = i32x4.splat(0x3320646e), c2 = i32x4.splat(0x79622d32), c3 = i32x4.splat(0x6b206574);
  let x0 = c0, x1 = c1, x2 = c2, x3 = c3, x4 = s4, x5 = s5, x6 = s6, x7 = s7;
  let x8 = s8, x9 = s9, x10 = s10, x11 = s11, x12 = s12, x13 = s13, x14 = s14, x15 = s15;
  for (let round = 0; round < 10; round++) {
    x0 = i32x4.add(x0, x4); x12 = rotateLeft(v128.xor(x12, x0), 16);
    x8 = i32x4.add(x8, x12); x4 = rotateLeft(v128.xor(x4, x8), 12);
    x0 = i32x4.add(x0, x4); x12 = rotateLeft(v128.xor(x12, x0), 8);
    x8 = i32x4.add(x8, x12); x4 = rotateLeft(v128.xor(x4, x8), 7);
    x1 = i32x4.add(x1, x5); x13 = rotateLeft(v128.xor(x13, x1), 16);
    x9 = i32x4.add(x9, x13); x5 = rotateLeft(v128.xor(x5, x9), 12);
    x1 = i32x4.add(x1, x5); x13 = rotateLeft(v128.xor(x13, x1), 8);
    x9 = i32x4.add(x9, x13); x5 = rotateLeft(v128.xor(x5, x9), 7);
    x2 = i32x4.add(x2, x6); x14 = rotateLeft(v128.xor(x14, x2), 16);
    x10 = i32x4.add(x10, x14); x6 = rotateLeft(v128.xor(x6, x10), 12);
    x2 = i32x4.add(x2, x6); x14 = rotateLeft(v128.xor(x14, x2), 8);
    x10 = i32x4.add(x10, x14); x6 = rotateLeft(v128.xor(x6, x10), 7);
    x3 = i32x4.add(x3, x7); x15 = rotateLeft(v128.xor(x15, x3), 16);
    x11 = i32x4.add(x11, x15); x7 = rotateLeft(v128.xor(x7, x11), 12);
    x3 = i32x4.add(x3, x7); x15 = rotateLeft(v128.xor(x15, x3), 8);
    x11 = i32x4.add(x11, x15); x7 = rotateLeft(v128.xor(x7, x11), 7);
    x0 = i32x4.add(x0, x5); x15 = rotateLeft(v128.xor(x15, x0), 16);
    x10 = i32x4.add(x10, x15); x5 = rotateLeft(v128.xor(x5, x10), 12);
    x0 = i32x4.add(x0, x5); x15 = rotateLeft(v128.xor(x15, x0), 8);
    x10 = i32x4.add(x10, x15); x5 = rotateLeft(v128.xor(x5, x10), 7);
    x1 = i32x4.add(x1, x6); x12 = rotateLeft(v128.xor(x12, x1), 16);
    x11 = i32x4.add(x11, x12); x6 = rotateLeft(v128.xor(x6, x11), 12);
    x1 = i32x4.add(x1, x6); x12 = rotateLeft(v128.xor(x12, x1), 8);
    x11 = i32x4.add(x11, x12); x6 = rotateLeft(v128.xor(x6, x11), 7);
    x2 = i32x4.add(x2, x7); x13 = rotateLeft(v128.xor(x13, x2), 16);
    x8 = i32x4.add(x8, x13); x7 = rotateLeft(v128.xor(x7, x8), 12);
    x2 = i32x4.add(x2, x7); x13 = rotateLeft(v128.xor(x13, x2), 8);
    x8 = i32x4.add(x8, x13); x7 = rotateLeft(v128.xor(x7, x8), 7);
    x3 = i32x4.add(x3, x4); x14 = rotateLeft(v128.xor(x14, x3), 16);
    x9 = i32x4.add(x9, x14); x4 = rotateLeft(v128.xor(x4, x9), 12);
    x3 = i32x4.add(x3, x4); x14 = rotateLeft(v128.xor(x14, x3), 8);
    x9 = i32x4.add(x9, x14); x4 = rotateLeft(v128.xor(x4, x9), 7);
  }
  v128.store(out, i32x4.add(x0, c0));
  v128.store(out + 16, i32x4.add(x1, c1));
  v128.store(out + 32, i32x4.add(x2, c2));
  v128.store(out + 48, i32x4.add(x3, c3));
  v128.store(out + 64, i32x4.add(x4, s4));
  v128.store(out + 80, i32x4.add(x5, s5));
  v128.store(out + 96, i32x4.add(x6, s6));
  v128.store(out + 112, i32x4.add(x7, s7));
  v128.store(out + 128, i32x4.add(x8, s8));
  v128.store(out + 144, i32x4.add(x9, s9));
  v128.store(out + 160, i32x4.add(x10, s10));
  v128.store(out + 176, i32x4.add(x11, s11));
  v128.store(out + 192, i32x4.add(x12, s12));
  v128.store(out + 208, i32x4.add(x13, s13));
  v128.store(out + 224, i32x4.add(x14, s14));
  v128.store(out + 240, i32x4.add(x15, s15));
}

/** `count` words uniform in [0, bound), bound ≤ 2^28, by rejection from 28-bit words. `scratch`: 256 bytes. */
export function uniformBelow(out: usize, count: u32, key: usize, nonce: usize, bound: u32, scratch: usize): void {
  let done: u32 = 0;
  for (let counter: u32 = 0; done < count; counter += 4) {
    chachaBlocks(scratch, key, nonce, counter);
    for (let i: usize = 0; i < 256 && done < count; i += 4) {
      const x = load<u32>(scratch + i) & 0x0fffffff;
      store<u32>(out + ((<usize>done) << 2), x);
      done += <u32>(x < bound); // public: a rejected word reveals nothing about those kept
    }
  }
}

export function uniformResidues(out: usize, count: u32, key: usize, nonce: usize, ctx: usize, scratch: usize): void {
  uniformBelow(out, count, key, nonce, load<u32>(ctx + CTX_P), scratch);
}

/** Uniform in {−1, 0, 1}, i32; the bias of ⌊3x/2^32⌋ is below 2^-31. count is a multiple of 64. */
export function ternary(out: usize, count: u32, key: usize, nonce: usize, scratch: usize): void {
  for (let done: u32 = 0, counter: u32 = 0; done < count; done += 64, counter += 4) {
    chachaBlocks(scratch, key, nonce, counter);
    for (let i: u32 = 0; i < 64; i++) {
      const x = <u64>load<u32>(scratch + ((<usize>i) << 2));
      store<i32>(out + ((<usize>(done + i)) << 2), <i32>((x * 3) >> 32) - 1);
    }
  }
}

/** Centred binomial of 2·21 bits, variance 10.5 (σ = 3.24 ≥ 3.2): two words a sample. count is a multiple of 32. */
export function centredBinomial(out: usize, count: u32, key: usize, nonce: usize, scratch: usize): void {
  for (let done: u32 = 0, counter: u32 = 0; done < count; done += 32, counter += 4) {
    chachaBlocks(scratch, key, nonce, counter);
    for (let i: u32 = 0; i < 32; i++) {
      const at = scratch + ((<usize>i) << 3);
      const a = popcnt<u32>(load<u32>(at) & 0x1fffff), b = popcnt<u32>(load<u32>(at + 4) & 0x1fffff);
      store<i32>(out + ((<usize>(done + i)) << 2), <i32>a - <i32>b);
    }
  }
}
