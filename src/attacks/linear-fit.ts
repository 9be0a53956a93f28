/** Least squares with an intercept, by the normal equations. */

/**
 * The coefficients β that minimise Σ_s (y_s − β_0 − Σ_j β_j x_js)², β_0 first.
 * @param xs one array of samples for each unknown
 * @param ys for each fit an array of samples
 * @returns for each fit β; undefined where the samples do not determine it
 */
export function fitLinear(xs: readonly Float64Array[], ys: readonly Float64Array[]): Float64Array[] | undefined {
  const samples = xs[0].length;
  const columns = [new Float64Array(samples).fill(1), ...xs];
  const gram = columns.map((a) => Float64Array.from(columns, (b) => dot(a, b)));
  const sides = ys.map((y) => Float64Array.from(columns, (a) => dot(a, y)));
  return eliminate(gram, sides) ? sides : undefined;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Gauss and Jordan with pivots; solves for every right side in place. False for a singular matrix. */
function eliminate(matrix: Float64Array[], sides: readonly Float64Array[]): boolean {
  const size = matrix.length;
  for (let p = 0; p < size; p++) {
    let pivot = p;
    for (let row = p + 1; row < size; row++) if (Math.abs(matrix[row][p]) > Math.abs(matrix[pivot][p])) pivot = row;
    if (Math.abs(matrix[pivot][p]) < 1e-9 * size) return false;
    [matrix[p], matrix[pivot]] = [matrix[pivot], matrix[p]];
    for (const side of sides) [side[p], side[pivot]] = [side[pivot], side[p]];
    for (let row = 0; row < size; row++) {
      if (row === p || matrix[row][p] === 0) continue;
      const factor = matrix[row][p] / matrix[p][p];
      for (let c = p; c < size; c++) matrix[row][c] -= factor * matrix[p][c];
      for (const side of sides) side[row] -= factor * side[p];
    }
  }
  for (const side of sides) for (let p = 0; p < size; p++) side[p] /= matrix[p][p];
  return true;
}
