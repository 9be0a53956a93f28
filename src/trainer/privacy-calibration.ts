/**
 * How much noise (ε, δ)-differential privacy takes: the analytic Gaussian mechanism of Balle and Wang (arXiv 1805.06530,
 * theorem 8), which is exact where the textbook's σ = Δ·√(2 ln(1.25/δ))/ε is not and holds for ε < 1 alone; randomised
 * response of labels (Warner 1965; Kairouz, Oh and Viswanath, arXiv 1407.1338, for k classes); and how ε is divided.
 */
import { checkInteger, checkNumber } from '../base/checks.ts';

/** Beyond, nothing is protected any more. */
export const MAX_EPSILON = 100;

/**
 * The least δ for which noise of σ = ratio·Δ is (ε, δ)-private (theorem 8):
 *
 *   δ(σ) = Φ(Δ/2σ − εσ/Δ) − e^ε·Φ(−Δ/2σ − εσ/Δ)
 */
export function gaussianDelta(ratio: number, epsilon: number): number {
  const half = 1 / (2 * ratio);
  return normalTail(epsilon * ratio - half) - Math.exp(epsilon) * normalTail(epsilon * ratio + half);
}

/**
 * The least σ for which x + N(0, σ²·I) is (ε, δ)-private, found by bisection from above.
 * @param sensitivity Δ: the largest L2 distance of two inputs between which nobody shall be able to tell
 */
export function gaussianDeviation(epsilon: number, delta: number, sensitivity: number): number {
  checkNumber('epsilon', epsilon, Number.MIN_VALUE, MAX_EPSILON);
  checkNumber('delta', delta, 1e-12, 0.5);
  checkNumber('sensitivity', sensitivity, Number.MIN_VALUE, 1e12);
  let [low, high] = [0, 1];
  while (gaussianDelta(high, epsilon) > delta) [low, high] = [high, 2 * high];
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (gaussianDelta(middle, epsilon) > delta) low = middle;
    else high = middle;
  }
  return high * sensitivity;
}

/** With which probability a label of k stays as it is under (ε, 0)-private randomised response: e^ε/(e^ε + k − 1). */
export function keepProbability(epsilon: number, classes: number): number {
  checkNumber('epsilon', epsilon, 0, MAX_EPSILON);
  checkInteger('classes', classes, 2, 2 ** 24);
  return 1 / (1 + (classes - 1) * Math.exp(-epsilon));
}

/** What is left of a difference between classes when labels are answered at random: keep − (1 − keep)/(k − 1). */
export function labelSignal(epsilon: number, classes: number): number {
  const keep = keepProbability(epsilon, classes);
  return keep - (1 - keep) / (classes - 1);
}

export interface EpsilonSplit {
  readonly features: number;
  readonly labels: number;
}

/**
 * ε = ε_x + ε_y, the sum being what both together give away (sequential composition). A learner that compares the means of
 * classes sees a signal ∝ labelSignal(ε_y) in noise ∝ 1/ε_x, so that ε_x·labelSignal(ε_y) is made largest: for two classes
 * ε_x = sinh ε_y. Small ε are divided in halves; of large ones the labels take ln(2ε) or so.
 */
export function splitEpsilon(epsilon: number, classes: number): EpsilonSplit {
  checkNumber('epsilon', epsilon, Number.MIN_VALUE, MAX_EPSILON);
  let [low, high] = [0, epsilon];
  for (let middle = epsilon / 2; middle > low && middle < high; middle = (low + high) / 2) {
    // The derivative of ln(ε − y) + ln labelSignal(y), which falls from +∞ to −∞.
    const rises = logSignalSlope(middle, classes) > 1 / (epsilon - middle);
    if (rises) low = middle;
    else high = middle;
  }
  return { features: epsilon - low, labels: low };
}

/** d/dy ln((e^y − 1)/(e^y + k − 1)) = k·e^y/((e^y − 1)·(e^y + k − 1)). */
function logSignalSlope(y: number, classes: number): number {
  return classes / (Math.expm1(y) * (1 + (classes - 1) * Math.exp(-y)));
}

/** P(N(0, 1) > x). */
function normalTail(x: number): number {
  return erfc(x / Math.SQRT2) / 2;
}

/** From here on the continued fraction, which converges the faster the larger x is. */
const FAR = 2;
const FRACTION_TERMS = 160;

/** Complementary error function, to 13 decimals of its own value for x ≤ 26. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  return x < FAR ? 1 - erfSeries(x) : erfcFraction(x);
}

/** erf x = 2/√π · e^(−x²) · Σ 2^n·x^(2n+1)/(1·3·5 … (2n+1)) (DLMF 7.6.2): all terms positive. */
function erfSeries(x: number): number {
  let term = x;
  let sum = 0;
  for (let n = 0; sum + term !== sum; n++) {
    sum += term;
    term *= (2 * x * x) / (2 * n + 3);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))) (DLMF 7.9.1), from its end. */
function erfcFraction(x: number): number {
  let tail = x;
  for (let n = FRACTION_TERMS; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail);
}
