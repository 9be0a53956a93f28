/** The rows of a batch as the generalised diagonals of `packing.ts`. */

import type { DiagonalSource } from '../schemes/scheme.ts';
import { chunkCount, type Packing } from './packing.ts';

export interface Rows {
  /** rows × columns, row-major. Fewer rows than the batch: the rest are zero. */
  readonly values: Float32Array;
  readonly columns: number;
  /** Appends a column of ones: the bias. */
  readonly bias: boolean;
}

/**
 * Diagonal r of a chunk holds X[i mod B][chunk's feature at position i + r] at slot i. A chunk is laid out whole the first
 * time it is asked for, by contiguous copies: slot i of the diagonals r = 0 … B − 1 is a run of B entries of one row.
 */
export function rowDiagonals(packing: Packing, rows: Rows): DiagonalSource {
  const { batch, pitch } = packing;
  const chunks = chunkCount(packing, rows.columns + (rows.bias ? 1 : 0));
  const laidOut = new Array<Float32Array | undefined>(chunks);
  return {
    count: batch,
    period: pitch,
    chunks,
    fill(chunk, r, out) {
      const diagonals = (laidOut[chunk] ??= layOut(packing, rows, chunk));
      out.set(diagonals.subarray(r * pitch, (r + 1) * pitch));
    },
  };
}

/** Diagonal-major, B × D. */
function layOut(packing: Packing, rows: Rows, chunk: number): Float32Array {
  const { batch, pitch, offset } = packing;
  const { values, columns, bias } = rows;
  const given = values.length / columns;
  const first = chunk * packing.chunk;
  const width = Math.min(packing.chunk, columns - first);
  const biasPosition = bias && columns >= first && columns < first + packing.chunk ? offset + columns - first : -1;
  const out = new Float32Array(batch * pitch);
  // Tiles of diagonals: reads run along a row, writes stay within a few cache lines.
  const tile = Math.min(16, batch);
  for (let r0 = 0; r0 < batch; r0 += tile) {
    for (let i = 0; i < pitch; i++) {
      const row = i & (batch - 1);
      const low = Math.max(r0, offset - i);
      const high = row < given ? Math.min(r0 + tile, offset + width - i) : low;
      const shift = row * columns + first - offset + i;
      for (let r = low; r < high; r++) out[r * pitch + i] = values[shift + r];
      const r = biasPosition - i;
      if (biasPosition >= 0 && r >= r0 && r < r0 + tile) out[r * pitch + i] = 1;
    }
  }
  return out;
}
