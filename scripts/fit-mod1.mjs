// Fits the Chebyshev series of CKKS bootstrapping's EvalMod and writes src/circuits/mod1-coefficients.ts. With r double
// angles T ← 2T² − 1, p(u) ≈ cos(2π(x − 1/4)/2^r), u = (x − 1/4)/K, becomes sin(2πx) ≈ 2π(x − I) near each integer I.
//
// Double angles, and a fit near the integers alone: Han and Ki, 2019/688. Unions of intervals: Lee et al., 2020/552.
// Least squares weighted by the distribution of I: Lee et al., 2020/1549. The target is even in u: half the terms may go.
//
//   node scripts/fit-mod1.mjs            writes the module, prints what its fits reach
//   node scripts/fit-mod1.mjs --check    fails where the committed module is not what would be written
//   node scripts/fit-mod1.mjs --survey   prints the same for other degrees, angles, widths and weights
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** h: I is a sum of h + 1 uniforms on [−1/2, 1/2], rounded, for a ternary key of Hamming weight h. */
const HAMMING_WEIGHT = 32;
const MAX_OVERFLOW = 12;
/** The messages that the printed errors are measured on: |x − I| ≤ 2^−MESSAGE_BITS. */
const MESSAGE_BITS = 12;
/** Added to the diagonal of the normal equations, as a power of 2, where the heaviest weight is 1. */
const RIDGE_BITS = 90n;
const FIT_POINTS = 9;
const MEASURE_POINTS = 17;

/** step 2 keeps T_0, T_2, … alone; ε = 2^−widthBits; no weight below 2^−floorBits of the heaviest. */
const base = { doubleAngles: 1, halfRange: 12.5, widthBits: 8, floorBits: 20 };
const products = [
  { name: 'MOD1_EVEN_62', degree: 62, step: 2, ...base },
  { name: 'MOD1_FULL_63', degree: 63, step: 1, ...base },
];

/** Numbers are BigInts in units of 2^−BITS. */
const BITS = 320n;
const ONE = 1n << BITS;
const multiply = (a, b) => (a * b) >> BITS;
const divide = (a, b) => (a << BITS) / b;
const { log2 } = Math;

/** The nearest double, to one unit in its last place. */
function toNumber(a) {
  const size = a < 0n ? -a : a;
  const drop = Math.max(0, size.toString(2).length - 64);
  const value = Number(size >> BigInt(drop)) * 2 ** (drop - Number(BITS));
  return a < 0n ? -value : value;
}

/** A double of magnitude in 2^−200 … 2^60, exactly. */
function toFixed(x) {
  if (x === 0) return 0n;
  const exponent = Math.floor(Math.log2(Math.abs(x))) - 53;
  return BigInt(x * 2 ** -exponent) << (BITS + BigInt(exponent));
}

/** Machin: π = 16·atan(1/5) − 4·atan(1/239). */
const PI = 16n * arcTangentOfInverse(5n) - 4n * arcTangentOfInverse(239n);

function arcTangentOfInverse(n) {
  let sum = 0n;
  for (let power = ONE / n, k = 1n; power !== 0n; power /= -n * n, k += 2n) sum += power / k;
  return sum;
}

function cosine(angle) {
  const reduced = angle % (2n * PI);
  const square = multiply(reduced, reduced);
  let sum = 0n;
  for (let term = ONE, k = 1n; term !== 0n; k += 2n) {
    sum += term;
    term = -(term * square) / ((k * (k + 1n)) << BITS);
  }
  return sum;
}

const sine = (angle) => cosine(angle - PI / 2n);

/** T_0(u), T_step(u), …, up to the degree. */
function chebyshev(u, degree, step) {
  const values = [];
  for (let k = 0, [a, b] = [ONE, u]; k <= degree; k++, [a, b] = [b, 2n * multiply(u, b) - a]) {
    if (k % step === 0) values.push(a);
  }
  return values;
}

/** P(I): the density at I of a sum of n = h + 1 uniforms on [−1/2, 1/2] (Irwin 1927, Hall 1927). Sums to 1 over I. */
function probability(I) {
  const n = HAMMING_WEIGHT + 1;
  let [sum, binomial, factorial] = [0n, 1n, 1n];
  for (let k = 0; 2 * I + n - 2 * k > 0; k++) {
    sum += (k % 2 ? -binomial : binomial) * BigInt(2 * I + n - 2 * k) ** BigInt(n - 1);
    binomial = (binomial * BigInt(n - k)) / BigInt(k + 1);
  }
  for (let k = 2n; k < BigInt(n); k++) factorial *= k;
  return (sum << BITS) / (factorial << BigInt(n - 1));
}

const overflows = Array.from({ length: 2 * MAX_OVERFLOW + 1 }, (_, i) => i - MAX_OVERFLOW);
const probabilities = new Map(overflows.map((I) => [I, probability(I)]));

/** x − 1/4 for x = I + offset. */
const shifted = (I, offset) => BigInt(I) * ONE + offset - ONE / 4n;

/** cos(2π(x − 1/4)/2^r). */
const target = (x, r) => cosine(multiply(2n * PI, x) >> BigInt(r));

/** (P(I) + floor)·(d/dT of r double angles at x = I)², the heaviest being 1. */
function weights({ doubleAngles, floorBits }) {
  const floor = probabilities.get(0) >> BigInt(floorBits);
  const raw = overflows.map((I) => {
    let [value, gain] = [target(shifted(I, 0n), doubleAngles), ONE];
    for (let k = 0; k < doubleAngles; k++) {
      gain = 4n * multiply(gain, value);
      value = 2n * multiply(value, value) - ONE;
    }
    return multiply(probabilities.get(I) + floor, multiply(gain, gain));
  });
  const heaviest = raw.reduce((a, b) => (a > b ? a : b));
  return raw.map((weight) => divide(weight, heaviest));
}

/** The c_k that minimise Σ weight·(p(u) − target)² + ridge·Σ c_k² over Chebyshev points of every [I − ε, I + ε]. */
function leastSquares(spec) {
  const { degree, step, doubleAngles, halfRange, widthBits } = spec;
  const terms = Math.floor(degree / step) + 1;
  const matrix = Array.from({ length: terms }, (_, i) =>
    Array.from({ length: terms }, (_, j) => (i === j ? ONE >> RIDGE_BITS : 0n)),
  );
  const right = Array(terms).fill(0n);
  const range = toFixed(halfRange);
  const weightOf = weights(spec);
  for (const [at, I] of overflows.entries()) {
    for (let point = 0; point < FIT_POINTS; point++) {
      const node = cosine((PI * BigInt(2 * point + 1)) / BigInt(2 * FIT_POINTS));
      const x = shifted(I, node >> BigInt(widthBits));
      const values = chebyshev(divide(x, range), degree, step);
      const wanted = target(x, doubleAngles);
      for (let i = 0; i < terms; i++) {
        const scaled = multiply(weightOf[at] / BigInt(FIT_POINTS), values[i]);
        for (let j = i; j < terms; j++) matrix[i][j] += multiply(scaled, values[j]);
        right[i] += multiply(scaled, wanted);
      }
    }
  }
  const solution = solve(matrix, right);
  return Array.from({ length: degree + 1 }, (_, k) => (k % step ? 0 : toNumber(solution[k / step])));
}

/** Gauss's elimination of a positive definite matrix, of which the upper half is read and overwritten. */
function solve(matrix, right) {
  const n = right.length;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const factor = divide(matrix[i][j], matrix[i][i]);
      for (let k = j; k < n; k++) matrix[j][k] -= multiply(factor, matrix[i][k]);
      right[j] -= multiply(factor, right[i]);
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) right[i] -= multiply(matrix[i][k], right[k]);
    right[i] = divide(right[i], matrix[i][i]);
  }
  return right;
}

/** (approximation of sin(2πx) − sin(2πx))/2π at x = I + offset, with the coefficients as doubles. */
function errorAt({ doubleAngles, halfRange }, coefficients, I, offset) {
  const values = chebyshev(divide(shifted(I, offset), toFixed(halfRange)), coefficients.length - 1, 1);
  let value = values.reduce((sum, v, k) => sum + multiply(toFixed(coefficients[k]), v), 0n);
  for (let k = 0; k < doubleAngles; k++) value = 2n * multiply(value, value) - ONE;
  return Math.abs(toNumber(divide(value - sine(multiply(2n * PI, offset)), 2n * PI)));
}

/**
 * log2 of errors in x over |x − I| ≤ 2^−messageBits, weighted by P(I): rms, the worst for each |I|, and the probability
 * of an error beyond each of 2^−34, 2^−30, … (at ratio 2^18, a slot's error beyond 2^−16, 2^−12, …).
 */
function measure(spec, coefficients, messageBits = MESSAGE_BITS) {
  const thresholds = [-34, -30, -28, -26, -24];
  const worst = Array(MAX_OVERFLOW + 1).fill(0);
  const beyond = thresholds.map(() => 0);
  let square = 0;
  for (const I of overflows) {
    const share = toNumber(probabilities.get(I)) / MEASURE_POINTS;
    for (let point = 0; point < MEASURE_POINTS; point++) {
      const offset =
        ((ONE * BigInt(2 * point + 1 - MEASURE_POINTS)) / BigInt(MEASURE_POINTS - 1)) >> BigInt(messageBits);
      const error = errorAt(spec, coefficients, I, offset);
      square += share * error * error;
      worst[Math.abs(I)] = Math.max(worst[Math.abs(I)], error);
      for (const [i, threshold] of thresholds.entries()) if (error > 2 ** threshold) beyond[i] += share;
    }
  }
  const largest = Math.max(...coefficients.map(Math.abs));
  return { rms: log2(Math.sqrt(square)), worst: worst.map(log2), beyond: beyond.map(log2), thresholds, largest };
}

function describe(name, { rms, worst, beyond, thresholds, largest }) {
  const bits = (values) => values.map((x) => x.toFixed(1)).join(' ');
  const chances = beyond.map((p, i) => `2^${thresholds[i]}: ${p < -200 ? 'never' : `2^${p.toFixed(1)}`}`).join(', ');
  return `${name}: log2 of the error in x: rms ${bits([rms])}; worst for |I| = 0 … ${MAX_OVERFLOW}: ${bits(worst)}
  P(error beyond) ${chances}; max |c_k| ${largest.toFixed(2)}\n`;
}

function docstring({ step, widthBits }, { rms, worst }) {
  const power = (bits) => `2^−${(-bits).toFixed(1)}`;
  const [near, all] = [worst.slice(0, 9), worst].map((bits) => power(Math.max(...bits)));
  const even =
    'Recommended: T_0, T_2, … alone, so fewer products: c_2j is the coefficient of T_j(v), v = T_2(u) = 2u² − 1.';
  return `/**
 * ${step === 2 ? even : 'All terms: what the even fit is compared with.'}
 * One double angle, fitted on |x − I| ≤ 2^−${widthBits}. Errors in x for |x − I| ≤ 2^−${MESSAGE_BITS}, as the script prints
 * them: rms ${power(rms)} over the distribution of I; worst ${near} for |I| ≤ 8, ${all} for |I| ≤ ${MAX_OVERFLOW}.
 */`;
}

const HEAD = `/**
 * Generated by scripts/fit-mod1.mjs, which holds the method; do not edit. Chebyshev series for EvalMod, the reduction
 * modulo 1 of CKKS bootstrapping: with r double angles T ← 2T² − 1,
 *
 *   p(u) = Σ c_k·T_k(u) ≈ cos(2π(x − 1/4)/2^r),  u = (x − 1/4)/K,  which r double angles turn into sin(2πx) ≈ 2π(x − I)
 *
 * for x near an integer I, |I| ≤ ${MAX_OVERFLOW}, and nowhere else: beyond ${MAX_OVERFLOW} the series explodes. I is the overflow of ModRaise
 * under a ternary key of Hamming weight ${HAMMING_WEIGHT}; the fit weighs each I by its probability. The sine's own error,
 * (2π)²(x − I)³/6, is not counted in the errors below. Double angles and fits near integers: Han and Ki, 2019/688; on
 * unions of intervals: Lee et al., 2020/552; least squares weighted by the distribution of I: Lee et al., 2020/1549.
 */
export interface Mod1Fit {
  readonly degree: number;
  /** r. */
  readonly doubleAngles: number;
  /** K: u = (x − 1/4)/K, so |u| ≤ 1 for every I covered. */
  readonly halfRange: number;
  /** Largest |I| covered. */
  readonly maxOverflow: number;
  /** c_0 … c_degree, of T_k(u). */
  readonly coefficients: readonly number[];
}
`;

/** As many to a line of 120 as fit: the formatter's way with arrays of numbers. */
function filled(numbers) {
  return `${numbers.join(', ')},`.replace(/(.{1,116})(?: |$)/g, '    $1\n').trimEnd();
}

function constant(spec, coefficients, measured) {
  return `
${docstring(spec, measured)}
export const ${spec.name}: Mod1Fit = {
  degree: ${spec.degree},
  doubleAngles: ${spec.doubleAngles},
  halfRange: ${spec.halfRange},
  maxOverflow: ${MAX_OVERFLOW},
  coefficients: [
${filled(coefficients)}
  ],
};
`;
}

function survey() {
  const even = [50, 52, 54, 56, 58, 60, 62].map((degree) => ({ degree, step: 2 }));
  const weighed = [14, 20, 27, 40].flatMap((floorBits) => even.map((spec) => ({ ...spec, widthBits: 12, floorBits })));
  const ranges = [11, 12, 12.25, 13, 14].map((halfRange) => ({ degree: 62, step: 2, halfRange }));
  const widths = [6, 7, 9, 10, 12].flatMap((widthBits) =>
    [62, 63].map((degree) => ({ degree, step: 64 - degree, widthBits })),
  );
  const twice = [30, 34, 36, 40, 46, 50, 60].map((degree) => ({ degree, step: 2, doubleAngles: 2, widthBits: 10 }));
  const full31 = [14, 27, 40].map((floorBits) => ({ degree: 31, step: 1, doubleAngles: 2, widthBits: 12, floorBits }));
  const none = [{ degree: 62, step: 2, doubleAngles: 0, widthBits: 12 }];
  for (const variant of [...weighed, ...ranges, ...widths, ...twice, ...full31, ...none]) {
    const spec = { ...base, ...variant };
    const { degree, step, doubleAngles, halfRange, widthBits, floorBits } = spec;
    const kind = `${step === 2 ? 'even' : 'full'} ${degree}`;
    const name = `${kind}, r ${doubleAngles}, K ${halfRange}, ε 2^−${widthBits}, floor 2^−${floorBits}`;
    process.stdout.write(describe(name, measure(spec, leastSquares(spec))));
  }
}

async function main() {
  if (process.argv.includes('--survey')) return survey();
  let text = HEAD;
  for (const spec of products) {
    const coefficients = leastSquares(spec);
    const measured = measure(spec, coefficients);
    process.stdout.write(describe(spec.name, measured));
    process.stdout.write(describe(`${spec.name}, |x − I| ≤ 2^−8`, measure(spec, coefficients, 8)));
    text += constant(spec, coefficients, measured);
  }
  const file = resolve(dirname(fileURLToPath(import.meta.url)), '../src/circuits/mod1-coefficients.ts');
  if (!process.argv.includes('--check')) return writeFile(file, text);
  if ((await readFile(file, 'utf8')) === text) return;
  process.stderr.write(`${file} is not what scripts/fit-mod1.mjs writes: run it without --check\n`);
  process.exitCode = 1;
}

await main();
