/** A training plan in bytes: what is sent, kept on disk and held in memory. */
import { bootstrappingKeyBytes } from '../circuits/bootstrapping-keys.ts';
import { planBootstrapping } from '../circuits/bootstrapping-plan.ts';
import type { TrainingPlan } from '../nn/sealed/plan.ts';
import { polynomialBytes } from '../protocol/residues.ts';
import { defaultKeyNeeds } from '../schemes/ckks/default-keys.ts';
import type { CkksParameters } from '../schemes/ckks/parameters.ts';

export interface PlanSizes {
  /** The weights as they lie in a sealed model: seeded, at the top level. */
  readonly sealedModel: number;
  readonly trainerKeys: number;
  /** Those that serve all slots; 0 where the trainer does not bootstrap. */
  readonly bootstrappingKeys: number;
  /** One refresh, to the owner and back; 0 where there is no owner in it. */
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
  const owner = plan.refreshMode === 'owner' ? 1 : 0;
  const bootstrappingKeys = plan.refreshPacking ? bootstrappingKeyBytes(parameters, planBootstrapping(parameters)) : 0;
  const words = (limbs: number): number => 2 * limbs * N * 4;
  return {
    sealedModel: weights * polynomial(maxLevel),
    trainerKeys: polynomial(maxLevel) + keys * digits * keyPolynomial,
    bootstrappingKeys,
    refreshUp: owner * refreshed * 2 * polynomial(0),
    refreshDown: owner * refreshed * polynomial(plan.freshLevel),
    memory:
      bootstrappingMemory(bootstrappingKeys, parameters) +
      plan.stepCost.peakCiphertexts * words(baseLimbs + plan.freshLevel) +
      plan.chunks * plan.batch * plan.pitch * 8 +
      keys * digits * words(primes.length + specialPrimes.length),
  };
}

/** Matrices, tables and ciphertexts of a bootstrapping, a coefficient of the ring: some 1.5 GB at N = 2^16. */
const WORK_BYTES = 23_000;

/** Keys take twice their file in memory. */
export function bootstrappingMemory(keyFileBytes: number, { N }: Pick<CkksParameters, 'N'>): number {
  return keyFileBytes === 0 ? 0 : 2 * keyFileBytes + WORK_BYTES * N;
}
