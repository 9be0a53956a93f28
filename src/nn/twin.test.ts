import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { activation, shiftedSquare } from './activations.ts';
import type { Architecture, TrainingRecipe } from './architecture.ts';
import { type BatchSource, batches, DenseRows } from './feature-rows.ts';
import { initialWeights, scaledNormal } from './initializers.ts';
import { batchGradients } from './network.ts';
import { trainInTheClear } from './twin.ts';

const architecture: Architecture = {
  layers: [
    { kind: 'dense', inputs: 6, units: 5, activation: shiftedSquare(), useBias: true },
    { kind: 'dense', inputs: 5, units: 1, activation: activation('lin4'), useBias: true },
  ],
};
const weights = initialWeights(architecture, [scaledNormal({ scale: 0.7 }), scaledNormal({ scale: 0.3 })], 5);
const recipe: TrainingRecipe = {
  loss: 'delta',
  learningRate: 0.1,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 1e-3,
  schedule: { kind: 'linear', decaySteps: 30 },
  batch: 16,
  steps: 30,
  firstStep: 0,
  seed: 2,
};

/** Labels from the sign of a quadratic form. */
function source(): BatchSource {
  const random = new SeededRandom(9);
  const rows = Array.from({ length: 100 }, () => Array.from({ length: 6 }, () => random.normal()));
  const targets = Float32Array.from(rows, (x) => Number(x[0] * x[1] + x[2] > 0));
  return batches({ features: DenseRows.from(rows), targets }, { batch: 16, seed: recipe.seed });
}

describe('trainInTheClear', () => {
  it('gives the same bits each time, and leaves the given weights alone', () => {
    const before = structuredClone(weights);
    const run = trainInTheClear(architecture, weights, recipe, source());
    expect(trainInTheClear(architecture, weights, recipe, source())).toEqual(run);
    expect(weights).toEqual(before);
    expect(run.weights).not.toEqual(weights);
  });

  it('resumes bit for bit, noise included', () => {
    const noise = { weightNoise: 1e-3, activationNoise: 1e-3, seed: 4 };
    const whole = trainInTheClear(architecture, weights, recipe, source(), { noise });
    const first = trainInTheClear(architecture, weights, { ...recipe, steps: 13 }, source(), { noise });
    const rest = trainInTheClear(architecture, first.weights, recipe, source(), {
      noise,
      velocity: first.velocity,
      startStep: 13,
    });
    expect(rest.weights).toEqual(whole.weights);
    expect([...first.curves.loss, ...rest.curves.loss]).toEqual(whole.curves.loss);
  });

  it('takes the step of the recipe', () => {
    const batch = source().next(0);
    const { gradients } = batchGradients(architecture, weights, batch.features, batch.targets, 16, 'delta');
    const run = trainInTheClear(architecture, weights, { ...recipe, steps: 1 }, source());
    run.weights[0].kernel.forEach((w, i) => {
      const before = weights[0].kernel[i];
      expect(w).toBeCloseTo(before - 0.1 * (gradients[0].kernel[i] + 1e-3 * before), 14);
    });
  });

  it('learns, and reports every step', () => {
    const steps: number[] = [];
    const run = trainInTheClear(architecture, weights, recipe, source(), {
      onStep: (report, state) => {
        steps.push(report.step);
        expect(state.step).toBe(report.step + 1);
      },
    });
    expect(steps).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(run.curves.loss.at(-1)!).toBeLessThan(0.8 * run.curves.loss[0]);
    expect(run.curves.learningRate[15]).toBeCloseTo(0.05, 15);
  });

  it('adds noise of the size asked for', () => {
    const quiet = trainInTheClear(architecture, weights, { ...recipe, steps: 1 }, source());
    const noise = { weightNoise: 0.01, activationNoise: 0, seed: 1 };
    const many = Array.from({ length: 40 }, (_, seed) =>
      trainInTheClear(architecture, weights, { ...recipe, steps: 1 }, source(), { noise: { ...noise, seed } }),
    );
    const squares = many.flatMap((run) =>
      [...run.weights[0].kernel].map((w, i) => (w - quiet.weights[0].kernel[i]) ** 2),
    );
    const deviation = Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length);
    expect(Math.abs(deviation / 0.01 - 1)).toBeLessThan(0.1);
    const inside = { weightNoise: 0, activationNoise: 0.01, seed: 1 };
    const disturbed = trainInTheClear(architecture, weights, { ...recipe, steps: 1 }, source(), { noise: inside });
    expect(disturbed.curves.loss[0]).not.toBe(quiet.curves.loss[0]);
  });

  it('says that it diverged, and stops when told', () => {
    const wild = { ...recipe, learningRate: 1e4, steps: 200, schedule: { kind: 'constant' } as const };
    expect(() => trainInTheClear(architecture, weights, wild, source())).toThrow(/diverged.*learning rate/s);
    const stopped = () => trainInTheClear(architecture, weights, recipe, source(), { signal: AbortSignal.abort() });
    expect(stopped).toThrow(HermeticError);
  });

  it('refuses data and weights of other shapes', () => {
    const wrong = batches({ features: DenseRows.from([[1, 2]]), targets: Float32Array.of(1) }, { batch: 1, seed: 0 });
    expect(() => trainInTheClear(architecture, weights, recipe, wrong)).toThrow(RangeError);
    expect(() => trainInTheClear(architecture, weights.slice(1), recipe, source())).toThrow(RangeError);
  });
});
