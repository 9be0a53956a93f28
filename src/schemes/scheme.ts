/**
 * What a network needs of a homomorphic scheme. The network's code above this line does not know which scheme it
 * runs on; the schemes below it do not know each other. Encryption and decryption are the owner's, and stand in the
 * `secret/` of each scheme; renewing levels is a `Refresher` (`refresher.ts`). What a scheme is able to it declares
 * (`SchemeCapabilities`).
 *
 * Conventions
 * - A ciphertext holds n complex slots and stands at a level: the number of rescalings it still allows.
 * - Every level l has a canonical scale Δ_l, with Δ_{l−1} = Δ_l² / q_l. Fresh ciphertexts are canonical.
 * - Products are returned *before* rescaling, at the level of their operands: sum and rotate them there, where
 *   the noise of rotations is divided away, then call `rescale` once. `multiplyPlain`, `multiplyScalar` and the
 *   diagonal products choose the plaintext's scale such that the rescaled result is canonical at level − 1,
 *   whatever the operand's scale; a product of two canonical ciphertexts is canonical after `rescale` by definition.
 * - A plaintext vector is a `Float64Array` whose length divides n; it is repeated over the slots.
 */

export type { EvaluationKeyNeeds } from '../rlwe/keys.ts';

/** What a scheme is able to, as it declares it; the conformance tests hold each to its word. */
export interface SchemeCapabilities {
  /** 'real': a complex slot takes two ciphertexts, and networks keep to real ones. */
  readonly slots: 'complex' | 'real';
  /** 'exact': slots hold integers under fixed point, and nothing is lost. 'approximate': the last bits are noise. */
  readonly arithmetic: 'exact' | 'approximate';
  /** 'kept': `rescale` brings products back to the scale of fresh ciphertexts. 'growing': only a refresh does. */
  readonly scales: 'kept' | 'growing';
  /** 'owner': levels are spent and the owner renews them. 'endless': they never are. */
  readonly levels: 'owner' | 'endless';
}

export interface SlotCiphertext {
  /** Rescalings left. */
  readonly level: number;
  /** The factor between the encrypted integers and the values. */
  readonly scale: number;
}

/**
 * The rows of a plaintext batch as generalised diagonals: diagonal (chunk, r), for 0 ≤ r < count, is a vector of
 * `period` slots. See `tensor/packing.ts` for how a matrix becomes diagonals.
 */
export interface DiagonalSource {
  /** Number of diagonals of a chunk: the batch size, a power of two. */
  readonly count: number;
  /** Slots after which every diagonal repeats: the pitch D, a power of two dividing n. */
  readonly period: number;
  /** Number of chunks the features are split into; chunk j meets the j-th weight ciphertext. */
  readonly chunks: number;
  /** Writes diagonal r of a chunk into `out` (length `period`). */
  fill(chunk: number, r: number, out: Float64Array): void;
}

/** Diagonals made ready (transformed once, used by the forward product and by its transpose). */
export interface PreparedDiagonals {
  readonly count: number;
  readonly period: number;
  readonly chunks: number;
  [Symbol.dispose](): void;
}

export interface Evaluator<C extends SlotCiphertext> {
  readonly scheme: string;
  /** n, the number of complex slots. */
  readonly slots: number;
  readonly maxLevel: number;
  /** Δ_l. */
  canonicalScale(level: number): number;

  /**
   * a ± b. Operands of different levels: the higher one is brought down (`dropToLevel`). Both must have the same
   * scale to 2^-20 relative, or both be products awaiting `rescale` at the same level.
   */
  add(a: C, b: C): C;
  subtract(a: C, b: C): C;
  negate(a: C): C;
  /** a + values, at a's own level and scale. */
  addPlain(a: C, values: Float64Array): C;

  /** a ⊙ b, relinearised, not rescaled. Operands are brought to the lower of the two levels. */
  multiply(a: C, b: C): C;
  /** Σ_i a_i ⊙ b_i with a single relinearisation, not rescaled. */
  innerProduct(as: readonly C[], bs: readonly C[]): C;
  /** a ⊙ values, not rescaled; canonical after `rescale`. */
  multiplyPlain(a: C, values: Float64Array): C;
  /** factor · a, not rescaled; canonical after `rescale`. */
  multiplyScalar(a: C, factor: number): C;
  /** factor · a by declaring another scale: free, no level, but the result is no longer canonical. */
  scaleBy(a: C, factor: number): C;
  /** i · a: exact, free of levels. */
  timesI(a: C): C;
  /** Divides a product by the top prime: level − 1. Throws LEVELS_EXHAUSTED at level 0. */
  rescale(a: C): C;
  /** Same value at a lower level, canonical there. Costs nothing but precision of one rescaling. */
  dropToLevel(a: C, level: number): C;

  /** Slot i of the result is slot (i + steps) mod n of a. Negative steps rotate to the right. */
  rotate(a: C, steps: number): C;
  /** Several rotations of one ciphertext, sharing the decomposition (hoisting). */
  rotateMany(a: C, steps: readonly number[]): C[];
  conjugate(a: C): C;

  prepareDiagonals(source: DiagonalSource): PreparedDiagonals;
  /**
   * For each group g: factor · Σ_chunks Σ_r diagonal(chunk, r) ⊙ rotate(weights[g][chunk], r); not rescaled,
   * canonical after `rescale`.
   */
  multiplyDiagonals(weights: readonly (readonly C[])[], diagonals: PreparedDiagonals, factor: number): C[];
  /**
   * The transpose: result[g][chunk] = factor · Σ_r rotate(diagonal(chunk, r) ⊙ deltas[g], −r); not rescaled,
   * canonical after `rescale`.
   */
  multiplyDiagonalsTransposed(deltas: readonly C[], diagonals: PreparedDiagonals, factor: number): C[][];

  /**
   * Runs `compute` and frees every ciphertext it made, save those reachable from what it returns (through arrays
   * and plain objects). Scopes nest. Without a scope ciphertexts are freed by the garbage collector, later.
   */
  scope<T>(compute: () => T): T;
  /** Frees ciphertexts now. */
  dispose(...ciphertexts: readonly C[]): void;
}
