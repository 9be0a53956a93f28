/** The primes of the kernels: p = p1·2^16 + 1, 2^27 < p < 2^28, p ≡ 1 mod 2N (assembly/modular.ts). */

const MIN_LOG_PRIME = 27;
const MAX_LOG_PRIME = 28;

/** All of them for N = 2^logN, largest first: 229 for N ≤ 2^15, 124 for 2^16. */
export function dot28Primes(logN: number): number[] {
  const step = Math.max(65_536, 2 << logN);
  const primes: number[] = [];
  for (let p = 2 ** MAX_LOG_PRIME - step + 1; p > 2 ** MIN_LOG_PRIME; p -= step) if (isPrime(p)) primes.push(p);
  return primes;
}

/** Trial division: the square root is below 2^14. */
function isPrime(n: number): boolean {
  if (n % 2 === 0) return false;
  for (let d = 3; d * d <= n; d += 2) if (n % d === 0) return false;
  return true;
}
