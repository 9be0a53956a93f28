/** Rotations and diagonal products of slots in the clear, term by term. */

import type { ClearCiphertext } from './clear-ciphertext.ts';

/** out[i] = values[i + shift], cyclic; 0 ≤ shift. */
export function rotateInto(values: Float64Array, shift: number, out: Float64Array): void {
  if (values.length === 0) return;
  out.set(values.subarray(shift), 0);
  out.set(values.subarray(0, shift), values.length - shift);
}

/** out[i] += factor · diagonal[i] · w[i + r] */
export function accumulateForward(
  out: ClearCiphertext,
  w: ClearCiphertext,
  diagonal: Float64Array,
  r: number,
  factor: number,
): void {
  const mask = out.re.length - 1;
  const periodMask = diagonal.length - 1;
  for (let i = 0; i <= mask; i++) {
    const x = factor * diagonal[i & periodMask];
    if (x === 0) continue;
    out.re[i] += x * w.re[(i + r) & mask];
    out.im[i] += x * w.im[(i + r) & mask];
  }
}

/** out[i + r] += factor · diagonal[i] · delta[i] */
export function accumulateTransposed(
  out: ClearCiphertext,
  delta: ClearCiphertext,
  diagonal: Float64Array,
  r: number,
  factor: number,
): void {
  const mask = out.re.length - 1;
  const periodMask = diagonal.length - 1;
  for (let i = 0; i <= mask; i++) {
    const x = factor * diagonal[i & periodMask];
    if (x === 0) continue;
    out.re[(i + r) & mask] += x * delta.re[i];
    out.im[(i + r) & mask] += x * delta.im[i];
  }
}
