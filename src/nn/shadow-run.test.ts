import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { type BatchSource, batches, DenseRows } from './feature-rows.ts';
import { initialWeights } from './initializers.ts';
import { proposeLearningRate } from './learning-rate.ts';
import { forwardNetwork } from './network.ts';
import { recipe } from './recipes.ts';
import { shadowRun } from './shadow-run.ts';
import { trainInTheClear } from './twin.ts';

const { architecture, initializers, training } = recipe('mnist38');

/** Two clouds of points on the sphere ‖x‖ = √196. */
function clouds(): BatchSource {
  const random = new SeededRandom(3);
  const rows: number[][] = [];
  const targets: number[] = [];
  for (let i = 0; i < 512; i++) {
    const positive = i % 2;
    const x = Array.from({ length: 196 }, (_, k) => random.normal() + (k < 20 ? 0.8 * (2 * positive - 1) : 0));
    const norm = 14 / Math.hypot(...x);
    rows.push(x.map((value) => value * norm));
    targets.push(positive === 0 ? 0.9 : -0.1, positive === 0 ? -0.1 : 0.9);
  }
  return batches({ features: DenseRows.from(rows), targets: Float32Array.from(targets) }, { batch: 256, seed: 1 });
}

describe('shadowRun', () => {
  it('finds ranges that, with the margin, hold for other weights', () => {
    const source = clouds();
    const report = shadowRun(architecture, training, source, { initializers, seed: 100 });
    expect(report.diverged).toBe(false);
    expect(report.steps).toBe(training.steps);
    expect(report.accuracy).toBeGreaterThan(0.9);
    for (let seed = 0; seed < 4; seed++) {
      const { weights } = trainInTheClear(
        architecture,
        initialWeights(architecture, initializers, seed),
        training,
        source,
      );
      const passes = forwardNetwork(architecture, weights, source.next(0).features, 256);
      passes.forEach((pass, layer) => {
        const largest = (values: Float64Array) => Math.max(...values.map(Math.abs));
        expect(largest(pass.preactivations)).toBeLessThan(report.ranges[layer].preactivation);
        expect(largest(pass.outputs)).toBeLessThan(report.ranges[layer].output);
        expect(largest(weights[layer].kernel)).toBeLessThan(report.ranges[layer].weight);
      });
    }
  });

  it('takes the margin on what it measured, over all runs', () => {
    const short = { ...training, steps: 3 };
    const one = shadowRun(architecture, short, clouds(), { initializers, seed: 2, margin: 2 });
    expect(one.ranges[0].preactivation).toBe(2 * one.measured[0].preactivation);
    const both = shadowRun(architecture, short, clouds(), { initializers, seed: 1, runs: 2 });
    const other = shadowRun(architecture, short, clouds(), { initializers, seed: 1 });
    expect(both.measured[1].delta).toBe(Math.max(one.measured[1].delta, other.measured[1].delta));
    expect(both.loss).toBe(Math.max(one.loss, other.loss));
  });

  it('reports divergence instead of throwing', () => {
    const report = shadowRun(architecture, { ...training, learningRate: 5 }, clouds(), { initializers });
    expect(report.diverged).toBe(true);
    expect(report.steps).toBeLessThan(training.steps);
    expect(report.loss).toBe(Number.POSITIVE_INFINITY);
    expect(report.ranges[0].preactivation).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('proposeLearningRate', () => {
  it('proposes a rate that trains at least as well as the hand-picked one, a factor 2 from divergence', () => {
    const source = clouds();
    const short = { ...training, steps: 20, schedule: { kind: 'linear', decaySteps: 20 } as const };
    const { learningRate, tried } = proposeLearningRate(architecture, short, source, { initializers });
    const proposed = shadowRun(architecture, { ...short, learningRate }, source, { initializers, seed: 50 });
    const known = shadowRun(architecture, short, source, { initializers, seed: 50 });
    expect(proposed.diverged).toBe(false);
    expect(proposed.loss).toBeLessThan(1.2 * known.loss);
    const index = tried.findIndex((candidate) => candidate.learningRate === learningRate);
    expect(tried[index + 1]?.diverged ?? false).toBe(false);
  });
});
