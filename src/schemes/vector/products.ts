/**
 * Products of ciphertexts before their key is switched. With S = [I | T] slot i of a product is
 *
 *   (S_i c)(S_i d) = c_i d_i + Σ_j T_ij (c_i d_(n+j) + c_(n+j) d_i) + Σ_(j ≤ j') T_ij T_ij' s_jj'
 *
 * with s_jj the product of the masks j and s_jj' = c_(n+j) d_(n+j') + c_(n+j') d_(n+j): n + n·k + k(k+1)/2 integers say
 * all of it. Weighted inner products x1ᵀ H x2 need all (n + k)² (Zhou and Wornell 2014, section 3.3).
 */

import { shiftRounded } from '../../base/integers.ts';
import type { VectorCiphertext } from './ciphertext.ts';
import { reduce, type VectorParameters } from './parameters.ts';

/** Entries of a folded product. */
export function foldedLength(slots: number, columns: number): number {
  return slots + slots * columns + (columns * (columns + 1)) / 2;
}

/**
 * round(Σ_t fold(a_t, b_t) / w): slot products, then for each slot its k cross terms, then the products of masks, row by
 * row of their upper triangle. RangeError for lists that are empty or of different lengths.
 */
export function foldedProducts(
  as: readonly VectorCiphertext[],
  bs: readonly VectorCiphertext[],
  parameters: VectorParameters,
): bigint[] {
  if (as.length === 0 || as.length !== bs.length) {
    throw new RangeError(`products: expected two lists of one length, got ${as.length} and ${bs.length}`);
  }
  const { columns: k, logScale } = parameters;
  const length = as[0].entries.length;
  const n = length - k;
  const sums = Array<bigint>(foldedLength(n, k)).fill(0n);
  as.forEach(({ entries: c }, t) => {
    const d = bs[t].entries;
    if (c.length !== length || d.length !== length)
      throw new RangeError('products: expected ciphertexts of one length');
    for (let i = 0; i < n; i++) {
      sums[i] += c[i] * d[i];
      for (let j = 0; j < k; j++) sums[n + i * k + j] += c[i] * d[n + j] + c[n + j] * d[i];
    }
    addMaskProducts(c, d, n, k, sums);
  });
  return sums.map((sum) => reduce(shiftRounded(sum, logScale), parameters));
}

function addMaskProducts(c: readonly bigint[], d: readonly bigint[], n: number, k: number, sums: bigint[]): void {
  let at = n + n * k;
  for (let j = n; j < n + k; j++) {
    sums[at++] += c[j] * d[j];
    for (let other = j + 1; other < n + k; other++) sums[at++] += c[j] * d[other] + c[other] * d[j];
  }
}

/** round(vec(a·bᵀ) / w), row by row. */
export function allProducts(a: VectorCiphertext, b: VectorCiphertext, parameters: VectorParameters): bigint[] {
  return a.entries.flatMap((x) => b.entries.map((y) => reduce(shiftRounded(x * y, parameters.logScale), parameters)));
}
