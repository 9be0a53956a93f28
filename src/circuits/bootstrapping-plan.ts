/** What a bootstrapping will compute, known from its parameters: matrices, scales, moduli of its levels, rotations. */
import type { BootstrappingParameters } from '../schemes/ckks/bootstrapping-parameters.ts';
import { type CkksParameters, canonicalScales } from '../schemes/ckks/parameters.ts';
import { type DiagonalMatrix, rotationsOf, type SlotTransformOptions } from '../schemes/ckks/slot-transform.ts';
import type { DepthChain } from './chebyshev.ts';
import { besideItsImaginaryPart, coeffsToSlotsMatrices, joinParts, slotsToCoeffsMatrices, splitLayers } from './dft.ts';
import { mod1Depth } from './mod1.ts';
import { MOD1_EVEN_62, type Mod1Fit } from './mod1-coefficients.ts';

export interface TransformStage {
  readonly matrix: DiagonalMatrix;
  readonly options: SlotTransformOptions;
}

export interface BootstrappingPlan {
  /** log2 of the slots after which the messages repeat. */
  readonly logSlots: number;
  readonly slotsToCoeffs: readonly TransformStage[];
  readonly coeffsToSlots: readonly TransformStage[];
  /**
   * Where messages repeat sooner than the slots: both halves of the coefficients stand in one ciphertext for EvalMod, and
   * this map joins them again, for one level of the application.
   */
  readonly join: TransformStage | undefined;
  /** The level that comes back. */
  readonly level: number;
  readonly fit: Mod1Fit;
  /** Levels of EvalMod; its last entry has the limbs of the application's top level. */
  readonly evalMod: DepthChain;
  /** Scale of the slots that enter EvalMod. */
  readonly evalModScale: number;
  /** Scale of the sine that leaves it: then the message has the application's scale. */
  readonly sineScale: number;
  /** q0. */
  readonly rootModulus: number;
  /** Scale of the message in coefficients modulo q0. */
  readonly rootScale: number;
  /** Slot steps that the keys must serve. */
  readonly rotations: {
    readonly slotsToCoeffs: readonly number[];
    /** With those that bring sparse slots together. */
    readonly coeffsToSlots: readonly number[];
  };
}

/** Baby steps: at few limbs all cost the same; at many a giant costs as much as four babies. */
const LOW_BABIES = 8;
const HIGH_BABIES = 8;

/** RangeError for sets that do not bootstrap, and for more slots than there are. */
export function planBootstrapping(
  parameters: CkksParameters,
  logSlots: number = Math.log2(parameters.slots),
): BootstrappingPlan {
  const { bootstrapping, baseLimbs, maxLevel, logN } = parameters;
  if (bootstrapping === undefined) throw new RangeError(`the set ${parameters.set} does not bootstrap`);
  if (logSlots < 5 || logSlots > logN - 1)
    throw new RangeError(`slots: expected 2^5..2^${logN - 1}, got 2^${logSlots}`);
  const { primes, rootLimbs } = bootstrapping;
  const fit = MOD1_EVEN_62;
  const rootModulus = productOf(primes, 0, rootLimbs);
  const rootScale = rootModulus / 2 ** bootstrapping.logRatio;
  const scales = canonicalScales(parameters);
  const top = baseLimbs + maxLevel;
  const evalMod = chainOf(bootstrapping, top);
  const evalModScale = 2 ** (evalMod.divisors.reduce((sum, q) => sum + Math.log2(q), 0) / evalMod.divisors.length);
  if (evalMod.divisors.length !== mod1Depth(fit)) throw new RangeError('EvalMod has other levels than its series');
  // Unnormalised butterflies multiply by the slots, taking real parts by 2, bringing sparse slots together by the rest.
  const gain = 2 ** logN * fit.halfRange * rootModulus;
  const slotsToCoeffs = stagesOf(slotsToCoeffsMatrices(logSlots, splitLayers(logSlots, 3)), {
    primes,
    drops: bootstrapping.slotsToCoeffs,
    limbs: baseLimbs,
    factor: rootScale / (scales[0] as number),
    babies: LOW_BABIES,
  });
  const sparse = logSlots < logN - 1;
  const matrices = coeffsToSlotsMatrices(logSlots, splitLayers(logSlots, 3));
  const last = matrices.pop() as DiagonalMatrix;
  matrices.push(sparse ? besideItsImaginaryPart(last, 2 ** logSlots) : last);
  const coeffsToSlots = stagesOf(matrices, {
    primes,
    drops: bootstrapping.coeffsToSlots,
    limbs: primes.length,
    factor: evalModScale / gain,
    babies: HIGH_BABIES,
  });
  const doublings = Array.from({ length: logN - 1 - logSlots }, (_, i) => 2 ** (logSlots + i));
  const join = sparse ? joinStage(parameters, scales, logSlots) : undefined;
  return {
    logSlots,
    slotsToCoeffs,
    coeffsToSlots,
    join,
    level: maxLevel - (sparse ? 1 : 0),
    fit,
    evalMod,
    evalModScale,
    sineScale: ((scales[maxLevel] as number) * rootModulus) / (2 * Math.PI * rootScale),
    rootModulus,
    rootScale,
    rotations: {
      slotsToCoeffs: rotationsOfAll(slotsToCoeffs),
      coeffsToSlots: [...new Set([...rotationsOfAll(coeffsToSlots), ...doublings])],
    },
  };
}

function rotationsOfAll(stages: readonly TransformStage[]): number[] {
  return [...new Set(stages.flatMap(({ matrix, options }) => rotationsOf(matrix, options.babies)))];
}

interface StageShape {
  readonly primes: readonly number[];
  readonly drops: readonly number[];
  /** Of the first stage. */
  readonly limbs: number;
  /** Scale after all stages over the scale before. */
  readonly factor: number;
  readonly babies: number;
}

/** At the top of the application, canonical before and after. */
function joinStage(
  { baseLimbs, maxLevel, primes }: CkksParameters,
  scales: readonly number[],
  logSlots: number,
): TransformStage {
  const limbs = baseLimbs + maxLevel;
  const [from, to] = [scales[maxLevel] as number, scales[maxLevel - 1] as number];
  const scale = ((primes[limbs - 1] as number) * to) / from;
  return { matrix: joinParts(2 ** logSlots), options: { babies: 2, limbs, drop: 1, scale } };
}

/** The plaintexts of all stages have one scale: together they absorb what the rescalings divide. */
function stagesOf(matrices: readonly DiagonalMatrix[], shape: StageShape): TransformStage[] {
  const { primes, drops, factor, babies } = shape;
  const total = drops.reduce((sum, drop) => sum + drop, 0);
  let divided = factor;
  for (let i = shape.limbs - total; i < shape.limbs; i++) divided *= primes[i] as number;
  const scale = divided ** (1 / matrices.length);
  let limbs = shape.limbs;
  return matrices.map((matrix, i) => {
    const drop = drops[i] as number;
    const stage = { matrix, options: { babies: Math.min(babies, matrix.diagonals.size), limbs, drop, scale } };
    limbs -= drop;
    return stage;
  });
}

/** Depth 0 … 7 of EvalMod above `top` limbs. */
function chainOf({ primes, evalMod }: BootstrappingParameters, top: number): DepthChain {
  let at = top + evalMod.reduce((sum, drop) => sum + drop, 0);
  const limbs = [at];
  const divisors: number[] = [];
  for (const drop of evalMod) {
    divisors.push(productOf(primes, at - drop, at));
    at -= drop;
    limbs.push(at);
  }
  return { limbs, divisors };
}

function productOf(primes: readonly number[], from: number, to: number): number {
  return primes.slice(from, to).reduce((product, p) => product * p, 1);
}
