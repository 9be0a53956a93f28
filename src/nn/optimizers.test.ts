import { describe, expect, it } from 'vitest';
import type { LayerWeights } from './architecture.ts';
import { lossByName, lossValue } from './losses.ts';
import { addWeightDecay, lookahead, sgd, updateWeights } from './optimizers.ts';
import { constant, learningRateAt, linearDecay } from './schedules.ts';

const layer = (kernel: number[], bias?: number[]): LayerWeights => ({
  kernel: Float64Array.from(kernel),
  bias: bias && Float64Array.from(bias),
});

describe('Nesterov momentum', () => {
  it('follows its definition on ½·k·w², by hand', () => {
    const [stiffness, momentum, decay, rate] = [2, 0.5, 0.25, 0.1];
    const weights = [layer([1], [4])];
    const velocity = [layer([0], [0])];
    const recipe = { momentum, nesterov: true };
    const expected = [
      { w: 1, v: 0 },
      { w: 4, v: 0 },
    ];
    for (let step = 0; step < 5; step++) {
      const at = lookahead(weights, velocity, recipe);
      const gradients = [layer([stiffness * at[0].kernel[0]], [stiffness * at[0].bias![0]])];
      addWeightDecay(gradients, at, decay);
      updateWeights(weights, velocity, gradients, momentum, rate);
      for (const one of expected) {
        const y = one.w + momentum * one.v;
        one.v = momentum * one.v - rate * (stiffness * y + decay * y);
        one.w += one.v;
      }
      expect(weights[0].kernel[0]).toBeCloseTo(expected[0].w, 14);
      expect(weights[0].bias![0]).toBeCloseTo(expected[1].w, 14);
      expect(velocity[0].kernel[0]).toBeCloseTo(expected[0].v, 14);
    }
  });

  it('looks ahead without touching the weights, and only where asked', () => {
    const weights = [layer([1, 2])];
    const velocity = [layer([10, 20])];
    expect(lookahead(weights, velocity, { momentum: 0.5, nesterov: true })[0].kernel).toEqual(Float64Array.of(6, 12));
    expect(weights[0].kernel).toEqual(Float64Array.of(1, 2));
    expect(lookahead(weights, velocity, { momentum: 0.5, nesterov: false })).toBe(weights);
  });
});

describe('sgd', () => {
  it('has the defaults of Keras and checks its numbers', () => {
    expect(sgd({ learningRate: 0.1 })).toEqual({
      learningRate: 0.1,
      momentum: 0,
      nesterov: false,
      weightDecay: 0,
      schedule: { kind: 'constant' },
    });
    expect(sgd().learningRate).toBeUndefined();
    for (const bad of [{ learningRate: 0 }, { learningRate: Number.NaN }, { momentum: 1 }, { weightDecay: -1 }]) {
      expect(() => sgd(bad)).toThrow(RangeError);
    }
  });
});

describe('schedules', () => {
  const recipe = { learningRate: 0.8, schedule: linearDecay(40), firstStep: 0, steps: 20 };

  it('falls linearly, counted from the first step of all trainers', () => {
    expect(learningRateAt(recipe, 0)).toBe(0.8);
    expect(learningRateAt(recipe, 10)).toBeCloseTo(0.6, 15);
    expect(learningRateAt({ ...recipe, firstStep: 20 }, 10)).toBeCloseTo(0.2, 15);
    expect(learningRateAt({ ...recipe, firstStep: 20 }, 40)).toBe(0);
  });

  it('ends with the run unless told otherwise, and may be constant', () => {
    expect(learningRateAt({ ...recipe, schedule: linearDecay(), firstStep: 5 }, 20)).toBe(0);
    expect(learningRateAt({ ...recipe, schedule: linearDecay(), firstStep: 5 }, 0)).toBeCloseTo(0.64, 15);
    expect(learningRateAt({ ...recipe, schedule: constant() }, 39)).toBe(0.8);
  });
});

describe('losses', () => {
  it('know the names of Keras', () => {
    const of = (name: string) => lossByName(name as Parameters<typeof lossByName>[0]);
    expect(of('meanSquaredError')).toBe('squaredError');
    expect(of('binaryCrossentropy')).toBe('delta');
    expect(() => of('hinge')).toThrow(RangeError);
  });

  it('average ½·(ŷ − y)² over the rows and sum it over the outputs', () => {
    expect(lossValue(Float64Array.of(1, 2, 3, 4), Float32Array.of(0, 0, 0, 0), 2)).toBe(7.5);
  });
});
