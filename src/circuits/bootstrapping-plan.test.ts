import { describe, expect, it } from 'vitest';
import { createEngine } from '../kernels/wasm-executor.ts';
import { BootstrappingContext } from '../schemes/ckks/bootstrapping-context.ts';
import { canonicalScales, parameterSet } from '../schemes/ckks/parameters.ts';
import { rotationsOf } from '../schemes/ckks/slot-transform.ts';
import { planBootstrapping, type TransformStage } from './bootstrapping-plan.ts';

describe('the plan of a bootstrapping', () => {
  it('RangeError for sets that do not bootstrap, and for slots that there are not', async () => {
    const levelled = await parameterSet('L13');
    expect(() => planBootstrapping(levelled)).toThrow('the set L13 does not bootstrap');
    expect(() => planBootstrapping(levelled)).toThrow(RangeError);
    const small = await parameterSet('insecure-b10-4-9');
    for (const logSlots of [-1, 0, 4, 10, 16]) {
      expect(() => planBootstrapping(small, logSlots)).toThrow(RangeError);
      expect(() => planBootstrapping(small, logSlots)).toThrow('expected 2^5..2^9');
    }
    for (const logSlots of [5, 9]) expect(planBootstrapping(small, logSlots).logSlots).toBe(logSlots);
    const engine = await createEngine({ threads: 1 });
    expect(() => new BootstrappingContext(levelled, engine)).toThrow(RangeError);
    engine.dispose();
  });

  for (const [set, logSlots] of [
    ['insecure-b10-4-9', 9],
    ['insecure-b10-4-9', 6],
    ['insecure-b9-2-7', 8],
    ['B16', 8],
  ] as const) {
    it(`${set}, 2^${logSlots} slots: stages meet, and scales are exact through all of them`, async () => {
      const parameters = await parameterSet(set);
      const { primes, rootLimbs, logRatio } = parameters.bootstrapping!;
      const plan = planBootstrapping(parameters, logSlots);
      const scales = canonicalScales(parameters);
      const { slotsToCoeffs, coeffsToSlots, evalMod, fit } = plan;
      /** What a chain of stages multiplies scales by, and the limbs that it ends with. */
      const through = (stages: readonly TransformStage[], limbs: number) => {
        let factor = 1;
        for (const { options } of stages) {
          expect(options.limbs).toBe(limbs);
          limbs -= options.drop;
          factor *= options.scale / primes.slice(limbs, limbs + options.drop).reduce((all, p) => all * p, 1);
        }
        return { factor, limbs };
      };
      const low = through(slotsToCoeffs, parameters.baseLimbs);
      expect(low.limbs).toBe(rootLimbs);
      expect((low.factor * scales[0]!) / plan.rootScale).toBeCloseTo(1, 12);
      expect(plan.rootModulus / primes[0]! / primes[1]!).toBeCloseTo(1, 14);
      expect(plan.rootModulus / plan.rootScale).toBe(2 ** logRatio);

      // Slots are then those of (m + q0·I)/(K·q0): times n of the butterflies, N/2n of the trace, 2 of the real part.
      const high = through(coeffsToSlots, primes.length);
      expect(high.limbs).toBe(evalMod.limbs[0]);
      const gain = 2 ** logSlots * 2 ** (parameters.logN - 1 - logSlots) * 2;
      expect((high.factor * gain * fit.halfRange * plan.rootModulus) / plan.evalModScale).toBeCloseTo(1, 12);

      expect(evalMod.limbs.at(-1)).toBe(parameters.baseLimbs + parameters.maxLevel);
      evalMod.divisors.forEach((divisor, depth) => {
        const [from, to] = [evalMod.limbs[depth + 1]!, evalMod.limbs[depth]!];
        expect(divisor).toBe(primes.slice(from, to).reduce((all, p) => all * p, 1));
      });
      const meanLog = evalMod.divisors.reduce((sum, q) => sum + Math.log2(q), 0) / evalMod.divisors.length;
      expect(Math.log2(plan.evalModScale)).toBeCloseTo(meanLog, 12);
      const wanted = (plan.sineScale * 2 * Math.PI) / 2 ** logRatio;
      expect(wanted / scales[parameters.maxLevel]!).toBeCloseTo(1, 12);
      for (const { options } of [...slotsToCoeffs, ...coeffsToSlots]) expect(options.scale).toBeLessThan(2 ** 52);
    });
  }

  it('names every rotation that its stages and the trace ask for, once', async () => {
    const parameters = await parameterSet('insecure-b10-4-9');
    for (const logSlots of [5, 7, 9]) {
      const { slotsToCoeffs, coeffsToSlots, rotations } = planBootstrapping(parameters, logSlots);
      const ofStages = (stages: readonly TransformStage[]) =>
        stages.flatMap(({ matrix, options }) => rotationsOf(matrix, options.babies));
      const trace = [5, 6, 7, 8].filter((log) => log >= logSlots).map((log) => 2 ** log);
      expect(new Set(rotations.slotsToCoeffs)).toEqual(new Set(ofStages(slotsToCoeffs)));
      expect(new Set(rotations.coeffsToSlots)).toEqual(new Set([...ofStages(coeffsToSlots), ...trace]));
      for (const steps of Object.values(rotations)) expect(new Set(steps).size).toBe(steps.length);
    }
  });
});
