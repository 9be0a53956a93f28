/** Transforms of the twin by their textbook form: readable, slow, exact. */
import { mulMod, powMod, reverseBits } from './arithmetic.ts';

export function centre(x: bigint, q: number): bigint {
  return x > BigInt((q - 1) / 2) ? x - BigInt(q) : x;
}

/** Σ c_k·ψ^(k(2·brv(i)+1)) for all i: even and odd halves, decimated in the output. */
export function evaluate(coefficients: number[], psi: number, p: number): number[] {
  const n = coefficients.length;
  const values = coefficients.slice();
  const bits = Math.log2(n);
  for (let m = 1, run = n / 2; m < n; m *= 2, run /= 2) {
    for (let i = 0; i < m; i++) {
      const w = powMod(psi, reverseBits(m + i, bits), p);
      for (let j = 2 * i * run; j < (2 * i + 1) * run; j++) {
        const t = mulMod(values[j + run] as number, w, p);
        const x = values[j] as number;
        values[j] = (x + t) % p;
        values[j + run] = (x - t + p) % p;
      }
    }
  }
  return values;
}

/** N times the coefficients; psi is the inverse root. */
export function interpolate(points: number[], psi: number, p: number): number[] {
  const n = points.length;
  const values = points.slice();
  const bits = Math.log2(n);
  for (let m = n / 2, run = 1; m >= 1; m /= 2, run *= 2) {
    for (let i = 0; i < m; i++) {
      const w = powMod(psi, reverseBits(m + i, bits), p);
      for (let j = 2 * i * run; j < (2 * i + 1) * run; j++) {
        const [x, y] = [values[j] as number, values[j + run] as number];
        values[j] = (x + y) % p;
        values[j + run] = mulMod((x - y + p) % p, w, p);
      }
    }
  }
  return values;
}

export function permute(z: Float64Array, order: readonly number[]): void {
  const copy = z.slice();
  for (let i = 0; i < order.length; i++) {
    z[2 * i] = copy[2 * (order[i] as number)] as number;
    z[2 * i + 1] = copy[2 * (order[i] as number) + 1] as number;
  }
}

export function butterfly(z: Float64Array, a: number, b: number, c = 0, d = 0, forward = true): void {
  const [ar, ai, br, bi] = [z[2 * a], z[2 * a + 1], z[2 * b], z[2 * b + 1]] as [number, number, number, number];
  if (forward) {
    const [tr, ti] = [br * c + bi * -d, bi * c + br * d];
    z.set([ar + tr, ai + ti], 2 * a);
    z.set([ar - tr, ai - ti], 2 * b);
  } else {
    const [dr, di] = [ar - br, ai - bi];
    z.set([ar + br, ai + bi], 2 * a);
    z.set([dr * c - di * -d, di * c - dr * d], 2 * b);
  }
}

export function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}
