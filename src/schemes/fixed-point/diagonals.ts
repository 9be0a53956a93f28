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

/** Σ_chunks Σ_r diagonal(chunk, r) ⊙ rotate(weights[chunk], r); absent weights are zero. */
export function sumOfProducts<X>(
  evaluator: IntegerEvaluator<X>,
  { integers }: IntegerDiagonals,
  weights: readonly (X | undefined)[],
  cyclic: (r: number) => number,
): X {
  const terms = weights.flatMap((w, chunk) =>
    w === undefined ? [] : integers[chunk].flatMap((diagonal, r) => (diagonal ? [{ w, diagonal, r: cyclic(r) }] : [])),
  );
  return sumTerms(evaluator, weights.find((w) => w !== undefined) as X, terms, ({ w, diagonal, r }) =>
    rotated(evaluator, w, r, (x) => evaluator.multiplyPlain(x, diagonal)),
  );
}

/** Σ_r rotate(diagonal(chunk, r) ⊙ delta, −r). */
export function sumOfRotated<X>(
  evaluator: IntegerEvaluator<X>,
  { integers }: IntegerDiagonals,
  chunk: number,
  delta: X,
  cyclic: (r: number) => number,
): X {
  const terms = integers[chunk].flatMap((diagonal, r) => (diagonal ? [{ diagonal, r: cyclic(-r) }] : []));
  return sumTerms(evaluator, delta, terms, ({ diagonal, r }) => {
    const product = evaluator.multiplyPlain(delta, diagonal);
    if (r === 0) return product;
    const moved = evaluator.rotate(product, r);
    evaluator.dispose(product);
    return moved;
  });
}

function rotated<X>(evaluator: IntegerEvaluator<X>, x: X, r: number, use: (x: X) => X): X {
  if (r === 0) return use(x);
  const moved = evaluator.rotate(x, r);
  const result = use(moved);
  evaluator.dispose(moved);
  return result;
}

/** Zero, in the form of `like`, where there are no terms. */
function sumTerms<X, T>(evaluator: IntegerEvaluator<X>, like: X, terms: readonly T[], term: (t: T) => X): X {
  if (terms.length === 0) return evaluator.multiplyInteger(like, 0n);
  return terms.slice(1).reduce((sum, t) => {
    const next = term(t);
    const total = evaluator.add(sum, next);
    evaluator.dispose(sum);
    evaluator.dispose(next);
    return total;
  }, term(terms[0]));
}
