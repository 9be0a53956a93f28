/**
 * Initial weights. An initializer is data, so that a recipe can carry it and a report can print it. Weights are drawn from
 * the system's generator, unless a seed is given: weights from a seed are known to whoever knows or finds it. Glorot and
 * Bengio 2010; He et al. 2015.
 */

import type { RandomNumbers } from '../base/random-numbers.ts';
import { SecretRandom } from '../base/secret-random.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Architecture, DenseLayer, LayerWeights } from './architecture.ts';

export type Initializer =
  | { readonly kind: 'normal'; readonly mean: number; readonly deviation: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  /** Uniform magnitudes in [low, high), the signs of neighbouring entries opposite: + − + − … */
  | { readonly kind: 'alternatingUniform'; readonly low: number; readonly high: number }
  /** N(0, (scale/√inputs)²). */
  | { readonly kind: 'scaledNormal'; readonly scale: number }
  /** N(0, 2/(inputs + units)). */
  | { readonly kind: 'glorotNormal' }
  /** U(−a, a), a = √(6/(inputs + units)): Keras's default. */
  | { readonly kind: 'glorotUniform' }
  /** N(0, 2/inputs). */
  | { readonly kind: 'heNormal' }
  | { readonly kind: 'zeros' };

export function normal(options: { readonly mean?: number; readonly deviation?: number } = {}): Initializer {
  return { kind: 'normal', mean: options.mean ?? 0, deviation: options.deviation ?? 0.05 };
}

export function uniform(options: { readonly low?: number; readonly high?: number } = {}): Initializer {
  return { kind: 'uniform', low: options.low ?? -0.05, high: options.high ?? 0.05 };
}

/** Magnitudes U(low, high), signs + − + − …: the hidden units start half for, half against the output. */
export function alternatingUniform(options: { readonly low?: number; readonly high?: number } = {}): Initializer {
  return { kind: 'alternatingUniform', low: options.low ?? 0, high: options.high ?? 1 };
}

/** N(0, (scale/√inputs)²): what the recipes write as N(0, scale²/d). */
export function scaledNormal(options: { readonly scale: number }): Initializer {
  return { kind: 'scaledNormal', scale: options.scale };
}

export function glorotNormal(): Initializer {
  return { kind: 'glorotNormal' };
}

export function glorotUniform(): Initializer {
  return { kind: 'glorotUniform' };
}

export function heNormal(): Initializer {
  return { kind: 'heNormal' };
}

export function zeros(): Initializer {
  return { kind: 'zeros' };
}

/**
 * One draw of all weights, layer by layer, kernels row by row; biases are zero. Secret and never the same again, but
 * for a seed.
 *
 * @param initializers of the kernels, one a layer
 * @param seed integer in [0, 2^53), for demonstrations and twins that shall repeat. Never for weights that shall be
 *   secret: the first few signs of them tell it to whoever tries all seeds.
 */
export function initialWeights(
  architecture: Architecture,
  initializers: readonly Initializer[],
  seed?: number,
): LayerWeights[] {
  if (initializers.length !== architecture.layers.length) {
    throw new RangeError(`initializers: expected ${architecture.layers.length}, got ${initializers.length}`);
  }
  const random = seed === undefined ? new SecretRandom() : new SeededRandom(seed);
  return architecture.layers.map((layer, i) => ({
    kernel: drawKernel(layer, initializers[i], random),
    bias: layer.useBias ? new Float64Array(layer.units) : undefined,
  }));
}

function drawKernel(layer: DenseLayer, initializer: Initializer, random: RandomNumbers): Float64Array {
  const kernel = new Float64Array(layer.inputs * layer.units);
  const draw = sampler(layer, initializer, random);
  for (let i = 0; i < kernel.length; i++) kernel[i] = draw(i);
  return kernel;
}

function sampler(layer: DenseLayer, initializer: Initializer, random: RandomNumbers): (index: number) => number {
  const { inputs, units } = layer;
  const gaussian = (deviation: number, mean = 0) => {
    return () => random.normal(mean, deviation);
  };
  switch (initializer.kind) {
    case 'normal':
      return gaussian(initializer.deviation, initializer.mean);
    case 'uniform':
      return () => random.uniform(initializer.low, initializer.high);
    case 'alternatingUniform':
      return (i) => (i % 2 === 0 ? 1 : -1) * random.uniform(initializer.low, initializer.high);
    case 'scaledNormal':
      return gaussian(initializer.scale / Math.sqrt(inputs));
    case 'glorotNormal':
      return gaussian(Math.sqrt(2 / (inputs + units)));
    case 'glorotUniform': {
      const bound = Math.sqrt(6 / (inputs + units));
      return () => random.uniform(-bound, bound);
    }
    case 'heNormal':
      return gaussian(Math.sqrt(2 / inputs));
    case 'zeros':
      return () => 0;
  }
}
