/**
 * Switching matrices, which only the owner can make: M = [S* + E − T·A ; A], with S* the old key times the powers of the
 * digits' base, A and E random and small (Zhou and Wornell 2014, section 2.2).
 */

import { reduce, type VectorParameters } from '../parameters.ts';
import { foldedLength } from '../products.ts';
import { matrixRow, SMALL, type SwitchingMatrix, splitRow } from '../switching-matrix.ts';
import type { RandomIntegers } from './random-integers.ts';
import type { VectorSecretKey } from './secret-key.ts';

/** A row of the old key: the coefficients of those entries that have one. */
export type KeyRow = ReadonlyMap<number, bigint>;

/** The matrix that switches vectors of `inputs` entries from the key `rows` (n of them) to S. */
function switchingMatrix(
  key: VectorSecretKey,
  inputs: number,
  rows: readonly KeyRow[],
  random: RandomIntegers,
): SwitchingMatrix {
  const { parameters, slots } = key;
  if (rows.length !== slots) throw new RangeError(`rows: expected ${slots}, got ${rows.length}`);
  const length = inputs * parameters.digits;
  if (parameters.logModulus !== 0) return modularMatrix(key, inputs, rows, random);
  const a = Array.from({ length: parameters.columns }, () =>
    new Int32Array(length).map(() => random.below(parameters.maskBound)),
  );
  const top = rows.map((row, i) => {
    const small = new Int32Array(length).map(() => random.below(parameters.errorBound));
    a.forEach((mask, j) => {
      const t = key.t[i][j];
      for (let column = 0; column < length; column++) small[column] -= t * mask[column];
    });
    const large = new Map<number, bigint>();
    for (const [column, power] of gadget(row, parameters)) {
      const entry = power + BigInt(small[column]);
      if (entry > -SMALL && entry < SMALL) small[column] = Number(entry);
      else large.set(column, entry);
    }
    return splitRow(small, large);
  });
  return { inputs, rows: [...top, ...a.map((mask) => splitRow(mask, new Map()))] };
}

/** The same with A uniform modulo q, and every entry reduced. */
function modularMatrix(
  { parameters, t }: VectorSecretKey,
  inputs: number,
  rows: readonly KeyRow[],
  random: RandomIntegers,
): SwitchingMatrix {
  const length = inputs * parameters.digits;
  const draw = (): bigint => random.signed(parameters.logModulus);
  const a = Array.from({ length: parameters.columns }, () => Array.from({ length }, draw));
  const top = rows.map((row, i) => {
    const entries = Array.from({ length }, (_, column) =>
      a.reduce((sum, mask, j) => sum - BigInt(t[i][j]) * mask[column], BigInt(random.below(parameters.errorBound))),
    );
    for (const [column, power] of gadget(row, parameters)) entries[column] += power;
    return matrixRow(entries.map((entry) => reduce(entry, parameters)));
  });
  return { inputs, rows: [...top, ...a.map(matrixRow)] };
}

/** A row of S*, ascending: the coefficients of the old key times the powers of the digits' base. */
function gadget(row: KeyRow, { digits, digitBits }: VectorParameters): [number, bigint][] {
  const inputs = [...row].toSorted(([a], [b]) => a - b);
  return inputs.flatMap(([input, coefficient]) =>
    Array.from({ length: digits }, (_, j): [number, bigint] => [
      input * digits + j,
      coefficient << BigInt(j * digitBits),
    ]),
  );
}

/** From the identity: the public key. */
export function oneWayMatrix(key: VectorSecretKey, random: RandomIntegers): SwitchingMatrix {
  const rows = key.t.map((_, i) => new Map([[i, 1n]]));
  return switchingMatrix(key, key.slots, rows, random);
}

/** From G·S to S: slot r becomes Σ_i G_ri x_i. `rows`: those of G, n by n. */
export function linearMatrix(key: VectorSecretKey, rows: readonly KeyRow[], random: RandomIntegers): SwitchingMatrix {
  const { slots, parameters, t } = key;
  const old = rows.map((row) => {
    const out = new Map(row);
    for (let j = 0; j < parameters.columns; j++) {
      let sum = 0n;
      for (const [i, coefficient] of row) sum += coefficient * BigInt(t[i][j]);
      out.set(slots + j, sum);
    }
    return out;
  });
  return switchingMatrix(key, slots + parameters.columns, old, random);
}

/** Slot i becomes slot source[i]. */
export function permutationMatrix(
  key: VectorSecretKey,
  source: readonly number[],
  random: RandomIntegers,
): SwitchingMatrix {
  return linearMatrix(
    key,
    source.map((i) => new Map([[i, 1n]])),
    random,
  );
}

/** From folded products (`products.ts`): slot r becomes Σ_i D_ri x1_i x2_i. `rows`: those of D. */
export function productMatrix(key: VectorSecretKey, rows: readonly KeyRow[], random: RandomIntegers): SwitchingMatrix {
  const { slots: n, parameters, t } = key;
  const { columns: k } = parameters;
  const old = rows.map((row) => {
    const out = new Map<number, bigint>();
    const addTo = (at: number, value: bigint): Map<number, bigint> => out.set(at, (out.get(at) ?? 0n) + value);
    for (const [i, weight] of row) {
      addTo(i, weight);
      for (let j = 0; j < k; j++) addTo(n + i * k + j, weight * BigInt(t[i][j]));
      let at = n + n * k;
      for (let j = 0; j < k; j++) {
        for (let other = j; other < k; other++) addTo(at++, weight * BigInt(t[i][j] * t[i][other]));
      }
    }
    return out;
  });
  return switchingMatrix(key, foldedLength(n, k), old, random);
}

/** D = I: slot by slot. */
export function elementwiseMatrix(key: VectorSecretKey, random: RandomIntegers): SwitchingMatrix {
  return productMatrix(
    key,
    key.t.map((_, i) => new Map([[i, 1n]])),
    random,
  );
}

/** D all ones: the inner product, in every slot. */
export function sumOfProductsMatrix(key: VectorSecretKey, random: RandomIntegers): SwitchingMatrix {
  const ones = new Map(key.t.map((_, i) => [i, 1n]));
  return productMatrix(
    key,
    key.t.map(() => ones),
    random,
  );
}

/**
 * From all products (`allProducts`) under vec(Sᵀ H_r S): slot r becomes x1ᵀ H_r x2. `forms`: n matrices H, n by n; equal
 * ones put the same value in every slot.
 */
export function weightedMatrix(
  key: VectorSecretKey,
  forms: readonly (readonly (readonly bigint[])[])[],
  random: RandomIntegers,
): SwitchingMatrix {
  const { slots: n, parameters, t } = key;
  const length = n + parameters.columns;
  const s = t.map((row, i) => Array.from({ length }, (_, c) => (c < n ? BigInt(c === i ? 1 : 0) : BigInt(row[c - n]))));
  const old = forms.map((form) => {
    const half = form.map((weights) => combine(weights, s));
    const out = new Map<number, bigint>();
    for (let a = 0; a < length; a++) {
      const weights = combine(
        s.map((row) => row[a]),
        half,
      );
      weights.forEach((value, b) => {
        if (value !== 0n) out.set(a * length + b, value);
      });
    }
    return out;
  });
  return switchingMatrix(key, length * length, old, random);
}

/** Σ_i weights_i rows_i */
function combine(weights: readonly bigint[], rows: readonly (readonly bigint[])[]): bigint[] {
  return rows[0].map((_, c) => weights.reduce((sum, weight, i) => sum + weight * rows[i][c], 0n));
}
