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
 * Diagonal r of a chunk holds X[i mod B][chunk's feature at position i + r] at slot i. Reads go down the rows, a row and
 * a column further at each slot; the next diagonals find what they need in the same cache lines, so ask in order of r.
 */
export function rowDiagonals(packing: Packing, rows: Rows): DiagonalSource {
  const { batch, pitch, offset, chunk: width } = packing;
  const { values, columns, bias } = rows;
  const given = values.length / columns;
  return {
    count: batch,
    period: pitch,
    chunks: chunkCount(packing, columns + (bias ? 1 : 0)),
    fill(chunk, r, out) {
      const first = chunk * width;
      const low = offset - r;
      const high = low + Math.min(width, columns - first);
      out.fill(0);
      for (let start = 0; start < pitch; start += batch) {
        // Slots start … start + B − 1 hold the rows 0 … B − 1.
        const end = Math.min(high, start + Math.min(batch, given));
        let i = Math.max(low, start);
        let index = (i - start) * columns + first + i - low;
        for (; i < end; i++) {
          out[i] = values[index];
          index += columns + 1;
        }
      }
      const biasSlot = low + columns - first;
      const inChunk = bias && columns >= first && columns < first + width;
      if (inChunk && biasSlot >= 0) out[biasSlot] = 1;
    },
  };
}
