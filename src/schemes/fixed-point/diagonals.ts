/** Products of integer slots with the diagonals of a plaintext batch (see `DiagonalSource`), term by term. */

import type { IntegerEvaluator } from '../integer-scheme.ts';
import type { DiagonalSource, PreparedDiagonals } from '../scheme.ts';
import { quantize } from './quantize.ts';

export interface IntegerDiagonals extends PreparedDiagonals {
  /** [chunk][r]; undefined where all are zero. All have one scale, 2^shift. */
  readonly integers: readonly (readonly (readonly bigint[] | undefined)[])[];
  readonly shift: number;
  /** Largest magnitude. */
  readonly largest: number;
}

export function integerDiagonals({ count, period, chunks, fill }: DiagonalSource, bits: number): IntegerDiagonals {
  const all = new Float64Array(chunks * count * period);
  const at = (chunk: number, r: number) => (chunk * count + r) * period;
  for (let chunk = 0; chunk < chunks; chunk++) {
    for (let r = 0; r < count; r++) fill(chunk, r, all.subarray(at(chunk, r), at(chunk, r) + period));
  }
  const { integers, shift, largest } = quantize(all, bits);
  const diagonal = (chunk: number, r: number) => {
    const values = integers.slice(at(chunk, r), at(chunk, r) + period);
    return values.every((x) => x === 0n) ? undefined : values;
  };
  const prepared = Array.from({ length: chunks }, (_, chunk) =>
    Array.from({ length: count }, (_, r) => diagonal(chunk, r)),
  );
  return { count, period, chunks, integers: prepared, shift, largest, [Symbol.dispose]: () => {} };
}

/** max_i Σ_chunks Σ_r |diagonal(chunk, r)[i]|: how much a product may grow. */
export function productBound({ integers, period }: IntegerDiagonals): number {
  const sums = new Float64Array(period);
  for (const chunk of integers) {
    for (const diagonal of chunk) {
      diagonal?.forEach((x, i) => {
        sums[i] += Math.abs(Number(x));
      });
    }
  }
  return Math.max(...sums);
}

/** Rotations of one ciphertext that are there at a time. */
const AT_ONCE = 8;

/** Σ_chunks Σ_r diagonal(chunk, r) ⊙ rotate(weights[chunk], r); absent weights are zero. */
export function sumOfProducts<X>(
  evaluator: IntegerEvaluator<X>,
  { integers }: IntegerDiagonals,
  weights: readonly (X | undefined)[],
  cyclic: (r: number) => number,
): X {
  function* products(): Generator<X> {
    for (const [chunk, w] of weights.entries()) {
      if (w === undefined) continue;
      const terms = termsOf(integers[chunk], cyclic);
      for (let i = 0; i < terms.length; i += AT_ONCE) yield* rotatedProducts(evaluator, w, terms.slice(i, i + AT_ONCE));
    }
  }
  return sum(evaluator, weights.find((w) => w !== undefined) as X, products());
}

/** Σ_r rotate(diagonal(chunk, r) ⊙ delta, −r). */
export function sumOfRotated<X>(
  evaluator: IntegerEvaluator<X>,
  { integers }: IntegerDiagonals,
  chunk: number,
  delta: X,
  cyclic: (r: number) => number,
): X {
  function* products(): Generator<X> {
    for (const { diagonal, steps } of termsOf(integers[chunk], (r) => cyclic(-r))) {
      const product = evaluator.multiplyPlain(delta, diagonal);
      if (steps === 0) yield product;
      else {
        yield evaluator.rotate(product, steps);
        evaluator.dispose(product);
      }
    }
  }
  return sum(evaluator, delta, products());
}

interface Term {
  readonly diagonal: readonly bigint[];
  readonly steps: number;
}

function termsOf(diagonals: IntegerDiagonals['integers'][number], steps: (r: number) => number): Term[] {
  return diagonals.flatMap((diagonal, r) => (diagonal ? [{ diagonal, steps: steps(r) }] : []));
}

/** diagonal ⊙ rotate(w, steps) of each term. */
function* rotatedProducts<X>(evaluator: IntegerEvaluator<X>, w: X, terms: readonly Term[]): Generator<X> {
  const steps = terms.map((term) => term.steps);
  const moved = evaluator.rotateMany?.(w, steps) ?? steps.map((step) => evaluator.rotate(w, step));
  for (const [i, { diagonal }] of terms.entries()) {
    yield evaluator.multiplyPlain(moved[i], diagonal);
    evaluator.dispose(moved[i]);
  }
}

/** Frees the terms. Zero, in the form of `like`, where there are none. */
function sum<X>(evaluator: IntegerEvaluator<X>, like: X, terms: Iterable<X>): X {
  let total: X | undefined;
  for (const term of terms) {
    if (total === undefined) total = term;
    else {
      const longer = evaluator.add(total, term);
      evaluator.dispose(total);
      evaluator.dispose(term);
      total = longer;
    }
  }
  return total ?? evaluator.multiplyInteger(like, 0n);
}
