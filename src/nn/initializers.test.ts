import { describe, expect, it } from 'vitest';
import { recordSystemRandom } from '../../test/fixtures/system-random.ts';
import { activation } from './activations.ts';
import type { Architecture } from './architecture.ts';
import {
  alternatingUniform,
  glorotNormal,
  glorotUniform,
  heNormal,
  type Initializer,
  initialWeights,
  normal,
  scaledNormal,
  uniform,
  zeros,
} from './initializers.ts';

const layer = { kind: 'dense', inputs: 100, units: 300, activation: activation('linear'), useBias: true } as const;
const one: Architecture = { layers: [layer] };

function draw(initializer: Initializer, seed = 1): Float64Array {
  return initialWeights(one, [initializer], seed)[0].kernel;
}

function deviation(values: Float64Array): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
}

describe('initialWeights', () => {
  it.each([
    ['normal', normal({ deviation: 0.2 }), 0.2],
    ['uniform', uniform({ low: -1, high: 1 }), 1 / Math.sqrt(3)],
    ['scaledNormal', scaledNormal({ scale: 0.3 }), 0.03],
    ['glorotNormal', glorotNormal(), Math.sqrt(2 / 400)],
    ['glorotUniform', glorotUniform(), Math.sqrt(2 / 400)],
    ['heNormal', heNormal(), Math.sqrt(2 / 100)],
    ['alternatingUniform', alternatingUniform(), Math.sqrt(1 / 3)],
    ['zeros', zeros(), 0],
  ] as [string, Initializer, number][])('%s has its deviation', (_, initializer, expected) => {
    const measured = deviation(draw(initializer));
    expect(Math.abs(measured - expected)).toBeLessThanOrEqual(0.02 * expected);
  });

  it('alternates signs', () => {
    expect(draw(alternatingUniform()).every((value, i) => (i % 2 === 0 ? value >= 0 : value <= 0))).toBe(true);
  });

  it('depends on the seed alone, and gives zero biases', () => {
    expect(draw(glorotUniform(), 7)).toEqual(draw(glorotUniform(), 7));
    expect(draw(glorotUniform(), 7)).not.toEqual(draw(glorotUniform(), 8));
    expect(initialWeights(one, [normal()], 1)[0].bias).toEqual(new Float64Array(300));
    expect(initialWeights({ layers: [{ ...layer, useBias: false }] }, [normal()], 1)[0].bias).toBeUndefined();
  });

  it('draws 53 fresh bits a weight from the system where no seed is given', () => {
    const drawn = recordSystemRandom();
    try {
      const { kernel } = initialWeights(one, [uniform({ low: -1, high: 1 })])[0];
      expect(drawn.explain(kernel, 1)).toBe(true);
      expect(drawn.explain(draw(uniform({ low: -1, high: 1 }), 5), 1)).toBe(false);
    } finally {
      drawn.restore();
    }
  });

  it('has the deviation without a seed, too', () => {
    const measured = deviation(initialWeights(one, [glorotNormal()])[0].kernel);
    expect(Math.abs(measured / Math.sqrt(2 / 400) - 1)).toBeLessThan(0.03);
  });

  it('wants an initializer for each layer', () => {
    expect(() => initialWeights(one, [], 1)).toThrow(RangeError);
  });
});
