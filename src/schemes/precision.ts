/** How exact decrypted slots are, in bits: −log2 of the absolute error. */

export interface PrecisionBits {
  /** −log2 of the root mean square of the errors. */
  readonly rms: number;
  /** −log2 of the largest error. */
  readonly worst: number;
  /** −log2 of the median error. */
  readonly median: number;
}

/** Infinity where nothing differs. RangeError for vectors of different lengths, or of none. */
export function precisionBits(got: ArrayLike<number>, wanted: ArrayLike<number>): PrecisionBits {
  if (got.length !== wanted.length || got.length === 0) {
    throw new RangeError(`precision: expected two vectors of one length, got ${got.length} and ${wanted.length}`);
  }
  const errors = Float64Array.from(got, (x, i) => Math.abs(x - (wanted[i] as number))).sort();
  const meanSquare = errors.reduce((sum, e) => sum + e * e, 0) / errors.length;
  return {
    rms: -Math.log2(Math.sqrt(meanSquare)),
    worst: -Math.log2(errors.at(-1) as number),
    median: -Math.log2(errors[errors.length >> 1] as number),
  };
}
