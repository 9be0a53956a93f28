/**
 * The most bits Q·P may have for 128-bit security: "Security Guidelines for Implementing Homomorphic Encryption"
 * (Bossuat et al., 2024/463), table 5.2, uniform ternary secret, σ = 3.2, classical. Nothing is interpolated.
 */
import { HermeticError } from '../base/errors.ts';

export const MAX_LOG_QP: ReadonlyMap<number, number> = new Map([
  [12, 106],
  [13, 214],
  [14, 430],
  [15, 868],
  [16, 1747],
  [17, 3523],
]);

/** Exact Σ log2 p; what a key's own modulus is held against. */
export function logModulus(primes: readonly number[]): number {
  return primes.reduce((sum, p) => sum + Math.log2(p), 0);
}

/** Throws INSECURE_PARAMETERS where the modulus exceeds the table's. */
export function checkSecurity(logN: number, primes: readonly number[]): void {
  const bound = MAX_LOG_QP.get(logN);
  const bits = logModulus(primes);
  if (bound !== undefined && bits <= bound) return;
  throw new HermeticError('INSECURE_PARAMETERS', 'these parameters are below 128-bit security', {
    expected: bound === undefined ? 'N from 2^12 to 2^17' : `log2(QP) ≤ ${bound} at N = 2^${logN}`,
    got: `N = 2^${logN}, log2(QP) = ${bits.toFixed(1)}`,
    mend: 'Take fewer levels or a larger N; for tests, `insecureParameters` says what it is',
  });
}

/**
 * The most bits that the modulus of a key under a sparse ternary secret may have, by its Hamming weight: the keys of
 * sparse-secret encapsulation (Bossuat, Troncoso-Pastoriza and Hubaux 2022/024), N = 2^16. Nothing is interpolated.
 */
const MAX_LOG_ENCAPSULATION: ReadonlyMap<string, number> = new Map([['16:32', 120]]);

/** Throws INSECURE_PARAMETERS for a key of another weight, another N, or a larger modulus. */
export function checkEncapsulation(logN: number, weight: number, primes: readonly number[]): void {
  const bound = MAX_LOG_ENCAPSULATION.get(`${logN}:${weight}`);
  const bits = logModulus(primes);
  if (bound !== undefined && bits <= bound) return;
  throw new HermeticError('INSECURE_PARAMETERS', 'the key of the sparse secret is below 128-bit security', {
    expected: bound === undefined ? 'weight 32 at N = 2^16' : `log2 of its own modulus ≤ ${bound}`,
    got: `weight ${weight}, N = 2^${logN}, ${bits.toFixed(1)} bits`,
    mend: 'Take q0 and the special modulus of that key shorter',
  });
}
