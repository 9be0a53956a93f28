/** The order in which X → X^g moves the values of the NTT, block by block (assembly/permutation.ts). */
import { reverseBits } from '../kernels/arithmetic.ts';
import { storagePosition } from '../kernels/storage-order.ts';

const BLOCK = 64;

/** Words of the order for N = 2^logN: one a block, and 64 patterns of 64 bytes. */
export function automorphismOrder(g: number, logN: number): Uint32Array {
  const blocks = 2 ** logN / BLOCK;
  const moves = new Uint32Array(blocks + BLOCK * (BLOCK / 4));
  for (let to = 0; to < blocks; to++) {
    const source = (g * (2 * reverseBits(to, logN - 6) + 1)) % (2 * blocks * BLOCK);
    const from = reverseBits(((source - 1) / 2) % blocks, logN - 6);
    moves[to] = (from << 6) | Math.floor(source / (2 * blocks));
  }
  const bytes = new Uint8Array(moves.buffer, 4 * blocks);
  for (let c = 0; c < BLOCK; c++) {
    for (let r = 0; r < BLOCK; r++) bytes[BLOCK * c + place(r)] = 4 * place((g * r + c) % BLOCK);
  }
  return moves;
}

/** Where a block keeps its value at ψ^(2·brv(b) + 1 + (N/32)·r). */
function place(r: number): number {
  return storagePosition(reverseBits(r, 6));
}
