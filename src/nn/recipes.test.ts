import { describe, expect, it } from 'vitest';
import { batches, DenseRows } from './feature-rows.ts';
import { initialWeights } from './initializers.ts';
import { accuracy } from './metrics.ts';
import { predictRows } from './network.ts';
import { recipe, recipeNames, xorRows, xorTargets } from './recipes.ts';
import { trainInTheClear } from './twin.ts';
import { checkArchitecture } from './weights.ts';

describe('recipes', () => {
  it.each(recipeNames)('%s fits together', (name) => {
    const { architecture, initializers, training } = recipe(name);
    expect(() => checkArchitecture(architecture)).not.toThrow();
    expect(initializers).toHaveLength(architecture.layers.length);
    expect(Math.log2(training.batch) % 1).toBe(0);
  });

  it('names those there are', () => {
    expect(() => recipe('cifar' as 'xor')).toThrow(/imdb-logistic/);
  });

  it('xor: every one of 100 networks knows all four rows by step 30, half of them by step 10', () => {
    const { architecture, initializers, training } = recipe('xor');
    const features = Float32Array.from(xorRows.flat());
    const targets = Float32Array.from(xorTargets);
    const source = batches({ features: DenseRows.from(xorRows), targets }, { batch: 4, seed: 1 });
    const stepsNeeded: number[] = [];
    for (let seed = 0; seed < 100; seed++) {
      let solvedAt = Number.POSITIVE_INFINITY;
      trainInTheClear(architecture, initialWeights(architecture, initializers, seed), training, source, {
        onStep: (_, { weights, step }) => {
          const solved = accuracy(predictRows(architecture, weights, features, 4), targets, 1) === 1;
          solvedAt = solved ? Math.min(solvedAt, step) : Number.POSITIVE_INFINITY;
        },
      });
      stepsNeeded.push(solvedAt);
    }
    stepsNeeded.sort((a, b) => a - b);
    expect(stepsNeeded[99]).toBeLessThanOrEqual(30);
    expect(stepsNeeded[49]).toBeLessThanOrEqual(10);
  });
});
