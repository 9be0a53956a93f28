/**
 * Three matrix products of a dense layer, tuned for V8: sums in float64, eight of them in registers at a time. The
 * batch is first copied, piece by piece, to a float64 tile, so that the inner loops see one type whatever the
 * input's; the pieces are of INNER_BLOCK columns, so that tile and weights stay in the first cache. All matrices are
 * row-major. The order of the sums is fixed: the same input gives the same bits on every engine.
 */

export type Matrix = Float32Array | Float64Array;

const INNER_BLOCK = 1024;

/** Copies columns [from, from + width) of `height` rows of x, from row `row` on, to the rows of the tile. */
function copyTile(
  x: Matrix,
  inner: number,
  row: number,
  height: number,
  from: number,
  width: number,
  tile: Float64Array,
): void {
  for (let r = 0; r < height; r++) {
    const start = (row + r) * inner + from;
    tile.set(x.subarray(start, start + width), r * width);
  }
}

/** out = X·W: X is rows × inner, W inner × columns, out rows × columns. */
export function multiplyInto(
  x: Matrix,
  rows: number,
  inner: number,
  w: Float64Array,
  columns: number,
  out: Float64Array,
): void {
  out.fill(0);
  for (let from = 0; from < inner; from += INNER_BLOCK) {
    const width = Math.min(INNER_BLOCK, inner - from);
    const tile = new Float64Array(2 * width);
    const block = w.subarray(from * columns, (from + width) * columns);
    for (let row = 0; row < rows; row += 2) {
      const height = Math.min(2, rows - row);
      copyTile(x, inner, row, height, from, width, tile);
      let column = 0;
      for (; column + 4 <= columns; column += 4) twoByFour(tile, width, block, columns, column, out, row, height);
      for (; column < columns; column++) twoByOne(tile, width, block, columns, column, out, row, height);
    }
  }
}

/** Adds two rows of the tile times four columns of W. */
function twoByFour(
  tile: Float64Array,
  width: number,
  w: Float64Array,
  columns: number,
  column: number,
  out: Float64Array,
  row: number,
  height: number,
): void {
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  let a3 = 0;
  let b0 = 0;
  let b1 = 0;
  let b2 = 0;
  let b3 = 0;
  for (let k = 0, at = column; k < width; k++, at += columns) {
    const x = tile[k];
    const y = tile[width + k];
    const w0 = w[at];
    const w1 = w[at + 1];
    const w2 = w[at + 2];
    const w3 = w[at + 3];
    a0 += x * w0;
    a1 += x * w1;
    a2 += x * w2;
    a3 += x * w3;
    b0 += y * w0;
    b1 += y * w1;
    b2 += y * w2;
    b3 += y * w3;
  }
  const at = row * columns + column;
  out[at] += a0;
  out[at + 1] += a1;
  out[at + 2] += a2;
  out[at + 3] += a3;
  if (height < 2) return;
  out[at + columns] += b0;
  out[at + columns + 1] += b1;
  out[at + columns + 2] += b2;
  out[at + columns + 3] += b3;
}

/** Adds two rows of the tile times one column of W. */
function twoByOne(
  tile: Float64Array,
  width: number,
  w: Float64Array,
  columns: number,
  column: number,
  out: Float64Array,
  row: number,
  height: number,
): void {
  let a = 0;
  let b = 0;
  for (let k = 0, at = column; k < width; k++, at += columns) {
    a += tile[k] * w[at];
    b += tile[width + k] * w[at];
  }
  out[row * columns + column] += a;
  if (height === 2) out[(row + 1) * columns + column] += b;
}

/** out = Xᵀ·D: X is rows × inner, D rows × columns, out inner × columns. */
export function multiplyTransposedInto(
  x: Matrix,
  rows: number,
  inner: number,
  d: Float64Array,
  columns: number,
  out: Float64Array,
): void {
  const deltas = new Float64Array(4 * columns);
  out.fill(0);
  for (let from = 0; from < inner; from += INNER_BLOCK) {
    const width = Math.min(INNER_BLOCK, inner - from);
    const tile = new Float64Array(4 * width);
    const block = out.subarray(from * columns, (from + width) * columns);
    for (let row = 0; row < rows; row += 4) {
      const height = Math.min(4, rows - row);
      if (height < 4) deltas.fill(0);
      copyTile(x, inner, row, height, from, width, tile);
      deltas.set(d.subarray(row * columns, (row + height) * columns));
      let column = 0;
      for (; column + 2 <= columns; column += 2) addOuterPair(tile, width, deltas, columns, column, block);
      if (column < columns) addOuterSingle(tile, width, deltas, columns, column, block);
    }
  }
}

/** Adds the outer products of four rows with two columns of D. */
function addOuterPair(
  tile: Float64Array,
  width: number,
  d: Float64Array,
  columns: number,
  column: number,
  out: Float64Array,
): void {
  const d0 = d[column];
  const e0 = d[column + 1];
  const d1 = d[columns + column];
  const e1 = d[columns + column + 1];
  const d2 = d[2 * columns + column];
  const e2 = d[2 * columns + column + 1];
  const d3 = d[3 * columns + column];
  const e3 = d[3 * columns + column + 1];
  const row1 = width;
  const row2 = 2 * width;
  const row3 = 3 * width;
  for (let k = 0, at = column; k < width; k++, at += columns) {
    const x0 = tile[k];
    const x1 = tile[row1 + k];
    const x2 = tile[row2 + k];
    const x3 = tile[row3 + k];
    out[at] += x0 * d0 + x1 * d1 + (x2 * d2 + x3 * d3);
    out[at + 1] += x0 * e0 + x1 * e1 + (x2 * e2 + x3 * e3);
  }
}

function addOuterSingle(
  tile: Float64Array,
  width: number,
  d: Float64Array,
  columns: number,
  column: number,
  out: Float64Array,
): void {
  const d0 = d[column];
  const d1 = d[columns + column];
  const d2 = d[2 * columns + column];
  const d3 = d[3 * columns + column];
  for (let k = 0, at = column; k < width; k++, at += columns) {
    out[at] += tile[k] * d0 + tile[width + k] * d1 + (tile[2 * width + k] * d2 + tile[3 * width + k] * d3);
  }
}

/** out = D·Wᵀ: D is rows × columns, W inner × columns, out rows × inner. */
export function multiplyByTransposeInto(
  d: Float64Array,
  rows: number,
  columns: number,
  w: Float64Array,
  inner: number,
  out: Float64Array,
): void {
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    for (let k = 0, at = 0; k < inner; k++) {
      let sum = 0;
      for (let column = 0; column < columns; column++, at++) sum += d[start + column] * w[at];
      out[row * inner + k] = sum;
    }
  }
}
