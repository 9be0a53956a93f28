/**
 * Twiddle tables of the negacyclic NTT: operands ψ^brv(i), i < N/4, for the strided layers, and for the last two
 * layers one sequential stream in the order in which `lastLayers` reads it: for each 64 coefficients and each k < 4,
 * six vectors (WH, WL of the outer twiddle, then of the two inner ones), lane l belonging to the group 16·b + 4·l + k.
 */
import { encodeOperand, mulModulo, powerModulo } from './modular';

/** Bytes of the head (N/4 operands) and of the tail (N/64 · 4 · 24 words). */
// @ts-ignore: decorator
@inline export function headBytes(logN: u32): usize {
  return (<usize>2) << logN;
}

function reverseBits(x: u32, bits: u32): u32 {
  let r: u32 = 0;
  for (let i: u32 = 0; i < bits; i++) r = (r << 1) | ((x >> i) & 1);
  return r;
}

/** Builds head and tail at `table` for the root `psi` (of order 2N); `powers` is scratch of N words. */
export function buildTables(table: usize, powers: usize, p: u32, psi: u32, logN: u32): void {
  const n: u32 = 1 << logN;
  let power: u32 = 1;
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(powers + ((<usize>reverseBits(i, logN)) << 2), power);
    power = mulModulo(power, psi, p);
  }
  const quarter = n >> 2;
  for (let i: u32 = 0; i < quarter; i++) {
    const at = table + ((<usize>i) << 3);
    encodeOperand(load<u32>(powers + ((<usize>i) << 2)), p, at, at + 4);
  }
  const tail = table + headBytes(logN);
  for (let b: u32 = 0; b < n >> 6; b++) {
    for (let k: u32 = 0; k < 4; k++) {
      const at = tail + (<usize>(b * 4 + k)) * 96;
      for (let lane: u32 = 0; lane < 4; lane++) {
        const group = 16 * b + 4 * lane + k;
        const offset = at + ((<usize>lane) << 2);
        encodeOperand(load<u32>(powers + ((<usize>(quarter + group)) << 2)), p, offset, offset + 16);
        encodeOperand(load<u32>(powers + ((<usize>(2 * (quarter + group))) << 2)), p, offset + 32, offset + 48);
        encodeOperand(load<u32>(powers + ((<usize>(2 * (quarter + group) + 1)) << 2)), p, offset + 64, offset + 80);
      }
    }
  }
}

/**
 * The final scaling of an inverse transform, four words at `out`: operand N^-1·factor and operand
 * ψ^-brv(1)·N^-1·factor, so that the last layer also multiplies by `factor`.
 */
export function buildInverseScale(out: usize, p: u32, psiInverse: u32, logN: u32, factor: u32): void {
  const scaled = mulModulo(powerModulo((<u32>1) << logN, p - 2, p), factor, p);
  encodeOperand(scaled, p, out, out + 4);
  const root = powerModulo(psiInverse, (<u32>1) << (logN - 1), p);
  encodeOperand(mulModulo(scaled, root, p), p, out + 8, out + 12);
}
