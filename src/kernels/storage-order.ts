/**
 * Where the kernels keep the value of bit-reversed index i: the last two layers of the NTT leave their 4×4 tiles
 * transposed (assembly/ntt-forward.ts). An involution.
 */
export function storagePosition(i: number): number {
  return (i & ~63) | ((i & 3) << 4) | (i & 12) | ((i >> 4) & 3);
}
