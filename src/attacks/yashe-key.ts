/**
 * The key of a small YASHE (Bos, Lauter, Loftus and Naehrig 2013/075) out of its public key h = t·g/f mod q, where
 * f = t·f' + 1 and f', g are short. With u = h/t mod q the equation f·u = g reads
 *
 *   f'·h + u = g  (mod q):
 *
 * f' is short and f'·h falls next to −u, a close-vector problem in the lattice of all (x, x·h mod q). Nobody needs all
 * bits of q for it: scaled to a modulus Q of 20 bits the distance is that of the rounding, and numbers stay small
 * (Coppersmith and Shamir, EUROCRYPT 1997; Albrecht, Bai and Ducas 2016/127 on how large moduli make this easy).
 */
import { nearestPlane, reduceBasis } from './lattice.ts';

const LOG_Q = 20;
const Q = 2 ** LOG_Q;
/** Larger coefficients of g are no key's. */
const MAX_COEFFICIENT = 64n;

/**
 * f with f·h = t·g (mod q) for a short g, or undefined where none was found. Ring Z_q[X]/(X^n + 1), n = h.length a power
 * of two up to 64 or so, coefficients in [0, q), q prime to t and well above 2^20.
 */
export function recoverYasheKey(h: readonly bigint[], q: bigint, t: bigint): bigint[] | undefined {
  const n = h.length;
  const inverse = inverseModulo(t, q);
  if (inverse === undefined) return undefined;
  const u = h.map((x) => modulo(x * inverse, q));
  const basis = reduceBasis(quotientLattice(scaled(h, q)));
  const target = new Float64Array(2 * n);
  target.set(
    scaled(u, q).map((x) => -x),
    n,
  );
  const near = nearestPlane(basis, target);
  const f = Array.from(near.subarray(0, n), (x, i) => t * BigInt(x) + (i === 0 ? 1n : 0n));
  return fitsYasheKey(f, h, q, t) ? f : undefined;
}

/** How the attacker knows: f·h mod q, centred, is t times a short polynomial. */
export function fitsYasheKey(f: readonly bigint[], h: readonly bigint[], q: bigint, t: bigint): boolean {
  return multiplyNegacyclic(f, h).every((coefficient) => {
    const centred = centre(coefficient, q);
    return centred % t === 0n && centred / t <= MAX_COEFFICIENT && centred / t >= -MAX_COEFFICIENT;
  });
}

/** Rows (0, Q·e_i), then (e_i, X^i·h): all (x, x·h mod Q). */
function quotientLattice(h: Float64Array): Float64Array[] {
  const n = h.length;
  const moduli = Array.from({ length: n }, (_, i) => {
    const row = new Float64Array(2 * n);
    row[n + i] = Q;
    return row;
  });
  const products = Array.from({ length: n }, (_, i) => {
    const row = new Float64Array(2 * n);
    row[i] = 1;
    for (let j = 0; j < n; j++) row[n + ((i + j) % n)] = i + j < n ? h[j] : -h[j];
    return row;
  });
  return [...moduli, ...products];
}

/** round(x·Q/q). */
function scaled(polynomial: readonly bigint[], q: bigint): Float64Array {
  return Float64Array.from(polynomial, (x) => Number(((x << BigInt(LOG_Q + 1)) / q + 1n) >> 1n));
}

/** a·b modulo X^n + 1. */
function multiplyNegacyclic(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  const n = a.length;
  const product = new Array<bigint>(n).fill(0n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const term = a[i] * b[j];
      product[(i + j) % n] += i + j < n ? term : -term;
    }
  }
  return product;
}

function modulo(x: bigint, q: bigint): bigint {
  const rest = x % q;
  return rest < 0n ? rest + q : rest;
}

function centre(x: bigint, q: bigint): bigint {
  const rest = modulo(x, q);
  return 2n * rest > q ? rest - q : rest;
}

/** By Euclid's algorithm; undefined where x and q have a factor in common. */
function inverseModulo(x: bigint, q: bigint): bigint | undefined {
  let [a, b, s, r] = [modulo(x, q), q, 1n, 0n];
  while (b !== 0n) [a, b, s, r] = [b, a % b, r, s - (a / b) * r];
  return a === 1n ? modulo(s, q) : undefined;
}
