/**
 * Attacks on integer-vector encryption that need nothing secret. The published M = [S* + E − T·A ; A] holds A, and S* is
 * zero outside a row's own block, so T solves a small noisy linear system that has thousands of equations. (Bogos, Gaspoz
 * and Vaudenay, "Cryptanalysis of a Homomorphic Encryption Scheme", 2016/775, broke the scheme first, otherwise.)
 */

import { shiftRounded } from '../base/integers.ts';
import type { VectorCiphertext } from '../schemes/vector/ciphertext.ts';
import type { OneWayKeys } from '../schemes/vector/keys.ts';
import { reduce, type VectorParameters } from '../schemes/vector/parameters.ts';
import { rowEntries } from '../schemes/vector/switching-matrix.ts';
import { fitLinear } from './linear-fit.ts';

/** S = [I | T], as an attacker has it. */
export interface RecoveredVectorKey {
  /** n rows of k. */
  readonly t: readonly (readonly bigint[])[];
}

export interface KeyRecovery {
  readonly key: RecoveredVectorKey;
  /** Every residual S* + E − (S* − T·A) lies in the range of E: the key is right. */
  readonly verified: boolean;
  /** Published columns that were used. */
  readonly columns: number;
}

/** What an attacker reads from the one-way matrix: A, and E − T·A with the public S* (the identity's) taken off. */
interface Samples {
  readonly a: readonly (readonly bigint[])[];
  /** n rows */
  readonly masked: readonly (readonly bigint[])[];
}

/** The columns of an identity's matrix, own blocks included, for there S* is public as well. */
function samplesOf({ parameters, slots, oneWay }: OneWayKeys): Samples {
  const { digits, digitBits } = parameters;
  const rows = oneWay.rows.map(rowEntries);
  const masked = rows.slice(0, slots).map((row, i) =>
    row.map((entry, column) => {
      const own = Math.floor(column / digits) === i;
      return own ? reduce(entry - (1n << BigInt((column % digits) * digitBits)), parameters) : entry;
    }),
  );
  return { a: rows.slice(slots), masked };
}

/**
 * Attack 1: the secret key from the public key alone. Without a modulus by least squares, rounded; with one, and a single
 * column of T, by guessing one entry of E. RangeError for a modulus with several columns of T, which this does not break.
 */
export function recoverVectorKey(keys: OneWayKeys): KeyRecovery {
  const { parameters } = keys;
  const samples = samplesOf(keys);
  const t = parameters.logModulus === 0 ? solveSmall(samples) : solveModular(samples, parameters);
  const verified = t.every((row, i) => isConsistent(samples, i, row, parameters, samples.a[0].length));
  return { key: { t }, verified, columns: samples.a[0].length };
}

/** −T by least squares of E − T·A on A; the intercept takes the mean of E. */
function solveSmall({ a, masked }: Samples): bigint[][] {
  const [xs, ys] = [a, masked].map((rows) => rows.map((row) => Float64Array.from(row, Number)));
  const fits = fitLinear(xs, ys);
  if (fits === undefined) throw new RangeError('the rows of A are not independent');
  return fits.map((fit) => Array.from(fit.subarray(1), (value) => BigInt(Math.round(-value))));
}

/** Equations that a guess must fulfil beside its own. */
const CHECKS = 5;

function solveModular(samples: Samples, parameters: VectorParameters): bigint[][] {
  const { columns, errorBound, logModulus } = parameters;
  if (columns !== 1) throw new RangeError(`columns: expected 1 beside a modulus, got ${columns}`);
  const at = samples.a[0].findIndex((value) => (value & 1n) === 1n);
  if (at < 0) throw new RangeError('no entry of A is invertible');
  const inverse = inverseModulo2(samples.a[0][at], logModulus);
  return samples.masked.map((row, i) => {
    for (let error = 0; error < errorBound; error++) {
      const t = reduce((BigInt(error) - row[at]) * inverse, parameters);
      if (isConsistent(samples, i, [t], parameters, CHECKS + 1)) return [t];
    }
    return [0n];
  });
}

/** a⁻¹ modulo 2^bits for odd a, by Newton's iteration, which doubles the bits that are right. */
function inverseModulo2(a: bigint, bits: number): bigint {
  let inverse = 1n;
  for (let right = 1; right < bits; right *= 2) inverse = BigInt.asUintN(bits, inverse * (2n - a * inverse));
  return inverse;
}

/** E = M − S* + T·A lies in its range, in the first `count` columns. */
function isConsistent(
  { a, masked }: Samples,
  i: number,
  t: readonly bigint[],
  parameters: VectorParameters,
  count: number,
): boolean {
  for (let column = 0; column < Math.min(count, a[0].length); column++) {
    const error = reduce(
      t.reduce((sum, value, j) => sum + value * a[j][column], masked[i][column]),
      parameters,
    );
    if (error < 0n || error >= BigInt(parameters.errorBound)) return false;
  }
  return true;
}

/** Decrypts with a recovered key: round(S·c / w). */
export function openVectorCiphertext(
  { t }: RecoveredVectorKey,
  { entries }: VectorCiphertext,
  parameters: VectorParameters,
): bigint[] {
  const { logScale, logModulus } = parameters;
  return t.map((row, i) => {
    const phase = row.reduce((sum, value, j) => sum + value * entries[t.length + j], entries[i]);
    const rounded = shiftRounded(reduce(phase, parameters), logScale);
    return logModulus === 0 ? rounded : BigInt.asIntN(logModulus - logScale, rounded);
  });
}

/** No key at all: round(c / w) is the message where masks are small, for T·r is far below w. */
export function roundWithoutKey(
  { entries }: VectorCiphertext,
  { parameters, slots }: Pick<OneWayKeys, 'parameters' | 'slots'>,
): bigint[] {
  return entries.slice(0, slots).map((entry) => shiftRounded(entry, parameters.logScale));
}

export interface OracleRecovery {
  readonly key: RecoveredVectorKey;
  readonly queries: number;
}

/**
 * Attack 2, with a decryption oracle: the decryption of w·e_j is column j of S. The first n columns are known to be the
 * identity, so k queries do.
 */
export function recoverVectorKeyFromOracle(
  oracle: (ciphertext: VectorCiphertext) => readonly bigint[],
  { parameters, slots }: Pick<OneWayKeys, 'parameters' | 'slots'>,
): OracleRecovery {
  const { columns, logScale } = parameters;
  const answers = Array.from({ length: columns }, (_, j) => {
    const entries = Array<bigint>(slots + columns).fill(0n);
    entries[slots + j] = 1n << BigInt(logScale);
    return oracle({ entries });
  });
  const t = Array.from({ length: slots }, (_, i) => answers.map((answer) => answer[i]));
  return { key: { t }, queries: columns };
}

/** How many of `draws` fresh public keys give up exactly the secret that decrypts under them. */
export function countRecovered(
  draws: number,
  draw: () => { readonly keys: OneWayKeys; readonly isSecret: (t: RecoveredVectorKey['t']) => boolean },
): number {
  let recovered = 0;
  for (let i = 0; i < draws; i++) {
    const { keys, isSecret } = draw();
    const { key, verified } = recoverVectorKey(keys);
    if (verified && isSecret(key.t)) recovered++;
  }
  return recovered;
}
