/**
 * Polynomial activations: all that a levelled scheme can compute. An activation is its coefficients, ascending:
 * φ(z) = Σ c_k·z^k. The named ones are those of the recipes; any other function is fitted on an interval.
 */

import { HermeticError } from '../base/errors.ts';
import type { Activation, ActivationName } from './architecture.ts';

/** Shift of the shifted square that suits images; 1.25 suits text. */
const DEFAULT_SHIFT = 0.7;

/** Degrees above this cost more levels than any parameter set has to give. */
const MAX_FITTED_DEGREE = 31;

/** The sigmoids are least-squares fits of 1/(1 + e^−z) on [−8, 8]; tanh3 of tanh on [−4, 4]. */
const NAMED: Readonly<Record<Exclude<ActivationName, 'shiftedSquare'> | 'sigmoidTaylor', readonly number[]>> = {
  linear: [0, 1],
  lin4: [0.5, 0.25],
  sigmoid3: [0.5, 0.150094, 0, -0.00159204],
  sigmoid5: [0.5, 0.19128, 0, -0.0045937, 0, 4.21897e-5],
  sigmoid7: [0.5, 0.216876, 0, -0.00819136, 0, 1.65798e-4, 0, -1.19502e-6],
  tanh3: [0, 0.600375, 0, -0.0254727],
  square: [0, 0, 1],
  // The expansion of the sigmoid at 0: the seed's. Good for |z| < 2 or so, wild beyond.
  sigmoidTaylor: [1 / 2, 1 / 4, 0, -1 / 48, 0, 1 / 480, 0, -17 / 80640],
};

/** Names that `activation` and `parseActivation` know. */
export const activationNames: readonly string[] = [...Object.keys(NAMED), 'shiftedSquare'];

/**
 * φ(z) = ((z + s)² − s² − 1) / √(4s² + 2): of zero mean and unit variance where z ~ N(0, 1).
 *
 * @param shift s; .7 for images, 1.25 for text
 */
export function shiftedSquare(shift: number = DEFAULT_SHIFT): Activation {
  if (!Number.isFinite(shift)) throw new RangeError(`shift: expected a finite number, got ${shift}`);
  const norm = Math.sqrt(4 * shift * shift + 2);
  return { name: `shiftedSquare(${shift})`, coefficients: [-1 / norm, (2 * shift) / norm, 1 / norm] };
}

/** The activation of that name. */
export function activation(name: ActivationName | 'sigmoidTaylor'): Activation {
  if (name === 'shiftedSquare') return shiftedSquare();
  const coefficients = NAMED[name];
  if (coefficients === undefined) throw new RangeError(`activation: expected one of ${activationNames}, got '${name}'`);
  return { name, coefficients };
}

/**
 * Reads `square`, `lin4`, `shiftedSquare(1.25)` or `polynomial(0.5,0.25)` (ascending coefficients). Errors with
 * BAD_ARGUMENT on anything else.
 */
export function parseActivation(text: string): Activation {
  const match = /^\s*([A-Za-z0-9]+)\s*(?:\(([^()]*)\))?\s*$/.exec(text);
  const name = match?.[1];
  const argumentText = match?.[2];
  if (name !== undefined && argumentText === undefined && activationNames.includes(name)) {
    return activation(name as ActivationName);
  }
  const numbers = argumentText?.split(',').map(readNumber) ?? [];
  if (numbers.length > 0 && numbers.every(Number.isFinite)) {
    if (name === 'shiftedSquare' && numbers.length === 1) return shiftedSquare(numbers[0]);
    if (name === 'polynomial' && numbers.length > 1) return polynomial(numbers);
  }
  throw new HermeticError('BAD_ARGUMENT', `unknown activation '${text}'`, {
    expected: `one of ${activationNames.join(', ')}, shiftedSquare(s) or polynomial(c0,c1,…)`,
  });
}

/** Σ coefficients[k]·z^k under a name of its own; trailing zeros are dropped. RangeError below degree 1. */
export function polynomial(coefficients: readonly number[], name?: string): Activation {
  const trimmed = coefficients.slice(0, coefficients.findLastIndex((c) => c !== 0) + 1);
  if (trimmed.length < 2 || !trimmed.every(Number.isFinite)) {
    throw new RangeError(`coefficients: expected finite numbers of degree at least 1, got [${coefficients}]`);
  }
  return { name: name ?? `polynomial(${trimmed.join(',')})`, coefficients: trimmed };
}

/** φ(z), by Horner's rule. */
export function evaluatePolynomial(coefficients: readonly number[], z: number): number {
  let sum = 0;
  for (let k = coefficients.length - 1; k >= 0; k--) sum = sum * z + coefficients[k];
  return sum;
}

/** Coefficients of φ', ascending; [0] for a constant. */
export function derivative(coefficients: readonly number[]): number[] {
  return coefficients.length < 2 ? [0] : coefficients.slice(1).map((c, k) => (k + 1) * c);
}

/** Degree of φ, leading zeros ignored. */
export function degree(activation: Activation): number {
  return activation.coefficients.findLastIndex((c) => c !== 0);
}

/**
 * The polynomial p of the given degree that minimises ∫ (p − fn)² over [low, high], every point weighing the same.
 * The integrals of fn against the Legendre polynomials are taken at 16·(degree + 1), at least 256, Chebyshev nodes
 * with the weights of Fejér's first rule. Coefficients that rounding left behind (below 1e-13 of the largest term
 * on the interval) become zero, so that an odd function stays odd.
 */
export function fitActivation(
  fn: (z: number) => number,
  [low, high]: readonly [number, number],
  degree: number,
  name?: string,
): Activation {
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) {
    throw new RangeError(`interval: expected low < high, got [${low}, ${high}]`);
  }
  if (!Number.isInteger(degree) || degree < 1 || degree > MAX_FITTED_DEGREE) {
    throw new RangeError(`degree: expected an integer from 1 to ${MAX_FITTED_DEGREE}, got ${degree}`);
  }
  const centre = (low + high) / 2;
  const halfWidth = (high - low) / 2;
  const projections = legendreProjections((t) => fn(centre + halfWidth * t), degree);
  if (!projections.every(Number.isFinite)) throw new RangeError('fn: expected finite values on the whole interval');
  const inT = dropRounding(legendreToPowers(projections));
  return polynomial(substitute(inT, centre, halfWidth), name ?? `fitted(${fn.name || 'fn'},${low},${high},${degree})`);
}

function readNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

/** a_k = (2k+1)/2 · ∫ f·P_k over [−1, 1] for k = 0 … degree. */
function legendreProjections(f: (t: number) => number, degree: number): number[] {
  const nodes = Math.max(256, 16 * (degree + 1));
  const sums = new Array<number>(degree + 1).fill(0);
  for (let j = 0; j < nodes; j++) {
    const theta = ((2 * j + 1) * Math.PI) / (2 * nodes);
    const t = Math.cos(theta);
    const weighted = fejerWeight(theta, nodes) * f(t);
    let previous = 0;
    let current = 1;
    for (let k = 0; k <= degree; k++) {
      sums[k] += weighted * current;
      [previous, current] = [current, ((2 * k + 1) * t * current - k * previous) / (k + 1)];
    }
  }
  return sums.map((sum, k) => (sum * (2 * k + 1)) / 2);
}

/** Weight of the node cos θ in Fejér's first quadrature rule of `nodes` points, nodes even. */
function fejerWeight(theta: number, nodes: number): number {
  let sum = 1;
  for (let m = 1; 2 * m < nodes; m++) sum -= (2 * Math.cos(2 * m * theta)) / (4 * m * m - 1);
  return (2 * sum) / nodes;
}

/** Coefficients of Σ a_k·P_k(t) in powers of t. */
function legendreToPowers(a: readonly number[]): number[] {
  const result = new Array<number>(a.length).fill(0);
  let previous: number[] = [];
  let current = [1];
  for (let k = 0; k < a.length; k++) {
    for (let i = 0; i < current.length; i++) result[i] += a[k] * current[i];
    const next = new Array<number>(k + 2).fill(0);
    for (let i = 0; i <= k; i++) next[i + 1] += ((2 * k + 1) * current[i]) / (k + 1);
    for (let i = 0; i < previous.length; i++) next[i] -= (k * previous[i]) / (k + 1);
    [previous, current] = [current, next];
  }
  return result;
}

function dropRounding(coefficients: readonly number[]): number[] {
  const largest = Math.max(...coefficients.map(Math.abs));
  return coefficients.map((c) => (Math.abs(c) < 1e-13 * largest ? 0 : c));
}

/** Coefficients of p((z − centre)/halfWidth) in powers of z. */
function substitute(coefficients: readonly number[], centre: number, halfWidth: number): number[] {
  let result: number[] = [0];
  for (let k = coefficients.length - 1; k >= 0; k--) {
    const next = new Array<number>(result.length + 1).fill(0);
    for (let i = 0; i < result.length; i++) {
      next[i] -= (result[i] * centre) / halfWidth;
      next[i + 1] += result[i] / halfWidth;
    }
    next[0] += coefficients[k];
    result = next;
  }
  return result.slice(0, coefficients.length);
}
