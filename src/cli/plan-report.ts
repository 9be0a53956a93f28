/** A training plan in figures: what `simulate` prints and the reports show. */

import type { Architecture } from '../nn/architecture.ts';
import type { TrainingPlan } from '../nn/sealed/plan.ts';
import { polynomialBytes } from '../protocol/residues.ts';
import { defaultKeyNeeds } from '../schemes/ckks/default-keys.ts';
import type { CkksParameters } from '../schemes/ckks/parameters.ts';

export interface PlanSizes {
  /** The weights as they lie in a sealed model: seeded, at the top level. */
  readonly sealedModel: number;
  readonly trainerKeys: number;
  /** One refresh, to the owner and back. */
  readonly refreshUp: number;
  readonly refreshDown: number;
  /** Ciphertexts, the batch and keys in memory at the worst moment. */
  readonly memory: number;
}

/** Sizes in bytes, headers apart. */
export function planSizes(plan: TrainingPlan, parameters: CkksParameters): PlanSizes {
  const { N, primes, specialPrimes, baseLimbs, maxLevel } = parameters;
  const polynomial = (level: number): number => polynomialBytes(N, baseLimbs + level);
  const keyPolynomial = polynomialBytes(N, primes.length + specialPrimes.length);
  const digits = Math.ceil(primes.length / specialPrimes.length);
  const { rotations } = defaultKeyNeeds(parameters);
  const keys = rotations.length + 2;
  const { weights, refreshed } = plan.ciphertexts;
  const words = (limbs: number): number => 2 * limbs * N * 4;
  return {
    sealedModel: weights * polynomial(maxLevel),
    trainerKeys: polynomial(maxLevel) + keys * digits * keyPolynomial,
    refreshUp: refreshed * 2 * polynomial(0),
    refreshDown: refreshed * polynomial(plan.freshLevel),
    memory:
      plan.stepCost.peakCiphertexts * words(baseLimbs + plan.freshLevel) +
      plan.chunks * plan.batch * plan.pitch * 8 +
      keys * digits * words(primes.length + specialPrimes.length),
  };
}

/** "4000-8-1". */
export function shapeOf({ layers }: Architecture): string {
  return [layers[0].inputs, ...layers.map(({ units }) => units)].join('-');
}
