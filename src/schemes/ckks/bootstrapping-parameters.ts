/**
 * The modulus chain of a set that bootstraps, bottom first, in limbs:
 *
 *   q0: 2 | SlotsToCoeffs: 1, 1, 1 | levels of the application: 1 each | EvalMod: 7 × 2 | CoeffsToSlots: 3 × 2 | P
 *
 * SlotsToCoeffs comes first in use: it works on the few limbs above q0. EvalMod and CoeffsToSlots rescale by pairs of
 * primes (composite scaling, Agrawal et al. 2023/1462). `docs/bootstrapping.md` has the budget.
 */
import { dot28Primes } from '../../ring/primes.ts';
import { MAX_LOG_QP } from '../../rlwe/security-table.ts';
import { orderForScales } from './scale-order.ts';

export interface BootstrappingParameters {
  /** Primes of the whole ciphertext modulus, bottom first; the application's are the lowest of them. */
  readonly primes: readonly number[];
  /** P of the keys that serve the whole modulus; the application's are the first of them. */
  readonly specialPrimes: readonly number[];
  /** Limbs of q0, the modulus that ModRaise lifts from. */
  readonly rootLimbs: number;
  /** Limbs that each stage is rescaled by, in order of use. */
  readonly slotsToCoeffs: readonly number[];
  readonly evalMod: readonly number[];
  readonly coeffsToSlots: readonly number[];
  /** log2 of q0 over the scale of the message while it stands in coefficients. */
  readonly logRatio: number;
  /** Hamming weight of the sparse secret that ModRaise happens under (encapsulation, 2022/024). */
  readonly sparseWeight: number;
}

/** Limbs of q0 and of each stage, the same in all sets. */
const ROOT_LIMBS = 2;
const SLOTS_TO_COEFFS: readonly number[] = [1, 1, 1];
const EVAL_MOD: readonly number[] = [2, 2, 2, 2, 2, 2, 2];
const COEFFS_TO_SLOTS: readonly number[] = [2, 2, 2];
const LOG_RATIO = 18;
const SPARSE_WEIGHT = 32;
/** Special primes of the keys to and from the sparse secret: they clear their digits of one limb by 27 bits. */
export const ENCAPSULATION_LIMBS = 2;

/** Limbs that the application's level 0 keeps: q0 and what SlotsToCoeffs spends. */
export const BOOTSTRAPPING_BASE_LIMBS: number = ROOT_LIMBS + sum(SLOTS_TO_COEFFS);

/**
 * Of the dot28 primes for N, a run as high as the security table admits: its largest are special, pairs of equal
 * product (small with large) serve q0, EvalMod and CoeffsToSlots, and those of middle size the application, whose scale
 * they are.
 */
export function bootstrappingChain(
  logN: number,
  levels: number,
  special: number,
): Pick<BootstrappingParameters, 'primes' | 'specialPrimes'> {
  const pairCount = (ROOT_LIMBS + sum(EVAL_MOD) + sum(COEFFS_TO_SLOTS)) / 2;
  const singleCount = levels + sum(SLOTS_TO_COEFFS);
  const run = highestRun(logN, 2 * pairCount + singleCount + special);
  const specialPrimes = run.slice(0, special);
  const rest = run.slice(special);
  const singles = rest.slice(pairCount, pairCount + singleCount);
  const pairs = Array.from({ length: pairCount }, (_, i) => [rest[rest.length - 1 - i], rest[i]] as [number, number]);
  const logPair = ([a, b]: [number, number]): number => Math.log2(a) + Math.log2(b);
  pairs.sort((a, b) => logPair(a) - logPair(b));
  const spare = pairs.length - EVAL_MOD.length;
  const evalMod = pairs.splice(spare >> 1, EVAL_MOD.length);
  const [root, ...coeffsToSlots] = pairs as [[number, number], ...[number, number][]];
  // The application takes what keeps its scales together; SlotsToCoeffs, whose plaintexts absorb any prime, the rest.
  const application = singles.toSpliced(0, SLOTS_TO_COEFFS.length);
  const slotsToCoeffs = singles.slice(0, SLOTS_TO_COEFFS.length);
  return {
    primes: [
      ...root,
      ...slotsToCoeffs,
      ...orderForScales(application, Math.log2),
      ...orderForScales(evalMod, logPair).flat(),
      ...coeffsToSlots.flat(),
    ],
    specialPrimes,
  };
}

/** The stages that go with any chain of this file. */
export const BOOTSTRAPPING_STAGES: Omit<BootstrappingParameters, 'primes' | 'specialPrimes'> = {
  rootLimbs: ROOT_LIMBS,
  slotsToCoeffs: SLOTS_TO_COEFFS,
  evalMod: EVAL_MOD,
  coeffsToSlots: COEFFS_TO_SLOTS,
  logRatio: LOG_RATIO,
  sparseWeight: SPARSE_WEIGHT,
};

/** `count` successive primes, largest first, whose product the table admits; the largest of all where it has no row. */
function highestRun(logN: number, count: number): number[] {
  const candidates = dot28Primes(logN);
  const bound = MAX_LOG_QP.get(logN) ?? Number.POSITIVE_INFINITY;
  for (let first = 0; first + count <= candidates.length; first++) {
    const run = candidates.slice(first, first + count);
    if (run.reduce((bits, p) => bits + Math.log2(p), 0) <= bound) return run;
  }
  return candidates.slice(0, count);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, x) => total + x, 0);
}
