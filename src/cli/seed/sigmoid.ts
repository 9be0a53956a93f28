/**
 * The sigmoid as a polynomial: the first terms of its Taylor series, what an index slip in the post makes of them, and a
 * fit that holds where the review network's sums go.
 */

import { fitLinear } from '../../attacks/linear-fit.ts';
import type { SeedArithmetic } from './arithmetic.ts';

export interface SigmoidTerm {
  readonly power: 1 | 2 | 3 | 5 | 7;
  readonly numerator: number;
  readonly denominator: number;
}

/** ½ + the terms. */
export type SigmoidPolynomial = readonly SigmoidTerm[];

/** ½ + x/4 − x³/48 + x⁵/480 − 17x⁷/80640 */
export const TAYLOR: SigmoidPolynomial = [
  { power: 1, numerator: 1, denominator: 4 },
  { power: 3, numerator: -1, denominator: 48 },
  { power: 5, numerator: 1, denominator: 480 },
  { power: 7, numerator: -17, denominator: 80640 },
];

/** The post's: its powers are 1, x, x², x³, x⁵, x⁷, its coefficients those of 1, x, x³, x⁵, x⁷, and the places are one off. */
export const SLIPPED: SigmoidPolynomial = [
  { power: 1, numerator: 1, denominator: 4 },
  { power: 2, numerator: -1, denominator: 48 },
  { power: 3, numerator: 1, denominator: 480 },
  { power: 5, numerator: -17, denominator: 80640 },
];

const FIT_POINTS = 2001;
const FIT_DENOMINATOR = 10 ** 15;

/**
 * ½ + a x + b x³ + c x⁵, least squares on −range … range. Its last coefficient is positive: where x leaves the range the
 * error keeps its sign, and training leads x back. With a negative one, as TAYLOR has it, training drives x on.
 */
export function wideSigmoid(range: number): SigmoidPolynomial {
  const powers = [1, 3, 5] as const;
  const at = Float64Array.from({ length: FIT_POINTS }, (_, i) => (2 * i) / (FIT_POINTS - 1) - 1);
  const values = at.map((u) => 1 / (1 + Math.exp(-range * u)) - 0.5);
  const samples = powers.map((power) => at.map((u) => u ** power));
  const [fit] = fitLinear(samples, [values]) ?? [];
  return powers.map((power, j) => ({
    power,
    numerator: Math.round((fit[j + 1] / range ** power) * FIT_DENOMINATOR),
    denominator: FIT_DENOMINATOR,
  }));
}

/** The polynomial in every slot of x; each power is made from lower ones as the post does. */
export function evaluateSigmoid<V>(on: SeedArithmetic<V>, x: V, polynomial: SigmoidPolynomial): V {
  const degree = Math.max(...polynomial.map(({ power }) => power));
  const powers = new Map<number, V>([[1, x]]);
  const square = on.product(x, x);
  powers.set(2, square);
  let last = x;
  for (let power = 3; power <= degree; power += 2) {
    last = on.product(last, square);
    powers.set(power, last);
  }
  return polynomial.reduce((sum, { power, numerator, denominator }) => {
    return on.add(sum, on.scale(powers.get(power) as V, numerator, denominator));
  }, on.constant(0.5));
}
