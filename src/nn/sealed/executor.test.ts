import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { activation } from '../activations.ts';
import type { Activation, Architecture, LayerWeights, TrainingRecipe } from '../architecture.ts';
import { type BatchSource, DenseRows, shardBatches, shardRange, type TrainingData } from '../feature-rows.ts';
import { trainInTheClear } from '../twin.ts';
import { parameterArrays } from '../weights.ts';
import { trainOnClear } from './clear-run.ts';
import { planTraining } from './plan.ts';

const INPUTS = 5;

function network(...layers: readonly (readonly [number, Activation])[]): Architecture {
  const sizes = [INPUTS, ...layers.map(([units]) => units)];
  return {
    layers: layers.map(([units, phi], i) => ({
      kind: 'dense',
      inputs: sizes[i],
      units,
      activation: phi,
      useBias: true,
    })),
  };
}

function randomWeights({ layers }: Architecture): LayerWeights[] {
  const random = new SeededRandom(7);
  const draw = (length: number) => Float64Array.from({ length }, () => random.uniform(-0.5, 0.5));
  return layers.map(({ inputs, units }) => ({ kernel: draw(inputs * units), bias: draw(units) }));
}

function randomData({ layers }: Architecture, rows: number): TrainingData {
  const random = new SeededRandom(rows);
  const draw = (length: number) => Float32Array.from({ length }, () => random.uniform(-1, 1));
  return {
    features: new DenseRows(draw(rows * INPUTS), INPUTS),
    targets: draw(rows * layers[layers.length - 1].units),
  };
}

const recipe: TrainingRecipe = {
  loss: 'delta',
  learningRate: 0.2,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 0.01,
  schedule: { kind: 'linear', decaySteps: 8 },
  batch: 8,
  steps: 4,
  firstStep: 0,
  seed: 3,
};

/** The rows of all shards as one batch. */
function together(shards: readonly BatchSource[]): BatchSource {
  const [{ columns, outputs }] = shards;
  const join = (arrays: Float32Array[]) => Float32Array.from(arrays.flatMap((values) => [...values]));
  const next = (step: number) => {
    const parts = shards.map((shard) => shard.next(step));
    return {
      features: join(parts.map(({ features }) => features)),
      targets: join(parts.map(({ targets }) => targets)),
    };
  };
  return { batch: shards.reduce((sum, { batch }) => sum + batch, 0), columns, outputs, next };
}

const [linear, lin4, square] = [activation('linear'), activation('lin4'), activation('square')];
const networks: [string, Architecture][] = [
  ['logistic regression', network([1, lin4])],
  ['two layers', network([3, square], [2, linear])],
  ['three layers', network([4, linear], [3, linear], [2, lin4])],
];

describe.each(networks)('a step in shards: %s', (_, architecture) => {
  const weights = randomWeights(architecture);

  it.each([1, 2, 8])('%i of them learn what the whole batch teaches', async (shards) => {
    const data = randomData(architecture, 21);
    const sources = shardBatches(data, recipe, shards);
    const run = await trainOnClear(architecture, weights, recipe, sources[0], {
      plan: { shards, rows: 21 },
      training: { batches: sources },
    });
    const expected = parameterArrays(trainInTheClear(architecture, weights, recipe, together(sources)).weights);
    parameterArrays(run.weights).forEach((values, p) => {
      values.forEach((w, i) => expect(Math.abs(w - expected[p][i])).toBeLessThan(1e-9));
    });
    expect(run.leaked).toBe(0);
  });

  it('costs as many levels, and fewer diagonals a shard', () => {
    const options = { slots: 256, maxLevel: 20, refreshMode: 'owner' } as const;
    const [whole, part] = [1, 4].map((shards) => planTraining(architecture, recipe, { ...options, shards }));
    expect(part.levelsPerStep).toBe(whole.levelsPerStep);
    expect([whole.batch, part.batch]).toEqual([8, 2]);
    expect(part.diagonals.count * 4).toBe(whole.diagonals.count);
  });
});

describe('shards of rows', () => {
  it('are all rows once, in parts whose sizes differ by one at most', () => {
    for (const [rows, shards] of [
      [21, 4],
      [8, 8],
      [1000, 7],
    ]) {
      const ranges = Array.from({ length: shards }, (_, index) => shardRange(rows, index, shards));
      const sizes = ranges.map(({ count }) => count);
      expect(ranges.map(({ first }) => first)).toEqual(
        sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0)),
      );
      expect(sizes.reduce((a, b) => a + b)).toBe(rows);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });

  it('refuse a batch that cannot be dealt', () => {
    const options = { slots: 256, maxLevel: 20, refreshMode: 'owner', shards: 3 } as const;
    const architecture = networks[0][1];
    expect(() => planTraining(architecture, recipe, options)).toThrow(/shards of equal size/);
    expect(planTraining(architecture, { ...recipe, batch: 12 }, options).batch).toBe(4);
    const few = shardBatches.bind(undefined, randomData(architecture, 2), recipe, 4);
    expect(few).toThrow(/rows of a shard/);
  });
});
