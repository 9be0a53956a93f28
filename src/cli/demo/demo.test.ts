import { describe, expect, it } from 'vitest';
import { datasetBatches } from '../../data/batches.ts';
import { applyFeatures } from '../../data/features.ts';
import { loadXor, xorSettings } from '../../data/xor.ts';
import { initialWeights } from '../../nn/initializers.ts';
import { recipe } from '../../nn/recipes.ts';
import { trainInTheClear } from '../../nn/twin.ts';
import { prepareTraining, type TrainingFlags } from '../training-flags.ts';
import { largestDifference, trainTwin } from './clear-twin.ts';
import { demoSpec } from './specs.ts';

const xor = recipe('xor');
const data = applyFeatures(loadXor(), xorSettings());
const weights = initialWeights(xor.architecture, xor.initializers, 1);
const { signal } = new AbortController();

describe('the clear twin', () => {
  const first = { ...xor.training, steps: 8 };
  const second = { ...xor.training, steps: 7, firstStep: 8, seed: 2 };
  const task = { architecture: xor.architecture, weights, test: data, curveEvery: 3, signal };
  const twin = trainTwin({ ...task, rounds: [first, second].map((round) => ({ data, recipe: round })) });

  it('hands the weights from trainer to trainer, and begins momentum anew', () => {
    const batches = (seed: number) => datasetBatches(data, { batch: 4, seed });
    const a = trainInTheClear(xor.architecture, weights, first, batches(first.seed)).weights;
    const b = trainInTheClear(xor.architecture, a, second, batches(second.seed)).weights;
    expect(largestDifference(twin.weights[0], a)).toBe(0);
    expect(largestDifference(twin.weights[1], b)).toBe(0);
    expect(largestDifference(a, b)).toBeGreaterThan(0);
  });

  it('measures at the beginning, in between, and where a round ends', () => {
    expect(twin.testAccuracy.map(({ step }) => step)).toEqual([0, 3, 6, 8, 9, 12, 15]);
    expect(twin.trainingLoss.map(({ step }) => step)).toEqual(Array.from({ length: 15 }, (_, i) => i));
    expect(twin.evaluations).toHaveLength(2);
    expect(twin.testAccuracy[6].value).toBe(twin.evaluations[1].accuracy);
  });

  it('learns what the demonstration promises, in the steps that it takes', () => {
    const { steps } = demoSpec('xor');
    const run = trainTwin({ ...task, rounds: [{ data, recipe: { ...xor.training, steps: steps ?? 0 } }] });
    expect(run.evaluations[0].accuracy).toBe(1);
  });
});

describe('the demonstrations', () => {
  it.each(['xor', 'imdb', 'spam', 'mnist38', 'digits'] as const)('%s divides its steps among its trainers', (name) => {
    const spec = demoSpec(name);
    const steps = spec.steps ?? recipe(spec.recipe).training.steps;
    expect(steps % spec.trainers).toBe(0);
    expect(spec.name).toBe(name);
  });
});

describe('prepareTraining', () => {
  const none: TrainingFlags = {
    recipe: undefined,
    batch: undefined,
    steps: undefined,
    learningRate: undefined,
    momentum: undefined,
    nesterov: undefined,
    weightDecay: undefined,
    schedule: undefined,
    decaySteps: undefined,
    firstStep: undefined,
    loss: undefined,
    seed: undefined,
    shadow: true,
    privacy: undefined,
  };

  it('leaves the rate to the shadow run, falling, where none is given', () => {
    const { recipe: open, batches } = prepareTraining(none, { data });
    expect(open).toMatchObject({ learningRate: undefined, schedule: { kind: 'linear' }, momentum: 0.9, batch: 4 });
    expect(batches.batch).toBe(4);
  });

  it('keeps a given rate constant unless told otherwise', () => {
    expect(prepareTraining({ ...none, learningRate: 0.1 }, { data }).recipe.schedule).toEqual({ kind: 'constant' });
    const falling = prepareTraining({ ...none, learningRate: 0.1, decaySteps: 40 }, { data }).recipe;
    expect(falling.schedule).toEqual({ kind: 'linear', decaySteps: 40 });
  });

  it('fills what is not given from a recipe', () => {
    const { recipe: filled } = prepareTraining({ ...none, recipe: 'xor', steps: 5 }, { data });
    expect(filled).toMatchObject({
      learningRate: 0.2,
      momentum: 0.8,
      batch: 4,
      steps: 5,
      schedule: { kind: 'constant' },
    });
  });

  it('goes by the batch that the model was sealed for', () => {
    expect(prepareTraining(none, { data, sealedBatch: 2 }).recipe.batch).toBe(2);
    expect(() => prepareTraining({ ...none, batch: 8 }, { data })).toThrow(/fewer rows than a batch/);
  });
});
