/** Gradients against finite differences and against an independent automatic differentiation in float64. */

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { activation, fitActivation, shiftedSquare } from './activations.ts';
import type { Activation, Architecture, DenseLayer, LayerWeights, Loss } from './architecture.ts';
import { initialWeights, scaledNormal } from './initializers.ts';
import { batchGradients, forwardNetwork, predictRows } from './network.ts';
import { copyWeights, parameterArrays } from './weights.ts';

type Jax = typeof import('@jax-js/jax');
type JaxArray = InstanceType<Jax['numpy']['Array']>;
let jax: Jax;

beforeAll(async () => {
  // jax-js names Float16Array, which Node 20 does not have, on its way to float64.
  if (!('Float16Array' in globalThis)) vi.stubGlobal('Float16Array', class {});
  jax = await import('@jax-js/jax');
  await jax.init('cpu');
  jax.defaultDevice('cpu');
});

interface Case {
  readonly architecture: Architecture;
  readonly weights: LayerWeights[];
  readonly features: Float64Array;
  readonly targets: Float64Array;
  readonly rows: number;
}

function makeCase(sizes: readonly number[], activations: readonly Activation[], useBias: boolean): Case {
  const layers: DenseLayer[] = activations.map((phi, i) => ({
    kind: 'dense',
    inputs: sizes[i],
    units: sizes[i + 1],
    activation: phi,
    useBias,
  }));
  const architecture = { layers };
  const random = new SeededRandom(11);
  const weights = initialWeights(
    architecture,
    layers.map(() => scaledNormal({ scale: 1 })),
    3,
  );
  for (const { bias } of weights) {
    for (let i = 0; i < (bias?.length ?? 0); i++) bias![i] = random.normal(0, 0.3);
  }
  const rows = 7;
  const features = Float64Array.from({ length: rows * sizes[0] }, () => random.normal());
  const targets = Float64Array.from({ length: rows * sizes.at(-1)! }, () => random.uniform(-1, 1));
  return { architecture, weights, features, targets, rows };
}

const swish = fitActivation((z) => z / (1 + Math.exp(-z)), [-4, 4], 4, 'swish4');
const cases: [string, Case][] = [
  ['square → sigmoid3', makeCase([3, 4, 1], [activation('square'), activation('sigmoid3')], false)],
  ['shifted square → linear, biases', makeCase([5, 6, 3], [shiftedSquare(), activation('linear')], true)],
  ['linear → lin4', makeCase([6, 8, 1], [activation('linear'), activation('lin4')], false)],
  ['three layers', makeCase([4, 5, 3, 2], [swish, activation('tanh3'), activation('sigmoid5')], true)],
  ['one layer', makeCase([9, 2], [activation('sigmoid7')], true)],
];

/** ½·Σ(ŷ − y)² averaged over the rows. */
function squaredError({ architecture, features, targets, rows }: Case, weights: readonly LayerWeights[]): number {
  const outputs = predictRows(architecture, weights, features, rows);
  return outputs.reduce((sum, y, i) => sum + (y - targets[i]) ** 2, 0) / (2 * rows);
}

function gradientsOf(c: Case, loss: Loss): LayerWeights[] {
  return batchGradients(c.architecture, c.weights, c.features, c.targets, c.rows, loss).gradients;
}

/** The largest difference of two lists of weights, relative to the largest entry of the second. */
function distance(actual: readonly LayerWeights[], expected: readonly LayerWeights[]): number {
  const reference = parameterArrays(expected);
  const largest = Math.max(...reference.map((values) => Math.max(...values.map(Math.abs))));
  const differences = parameterArrays(actual).map((values, p) =>
    Math.max(...values.map((value, i) => Math.abs(value - reference[p][i]))),
  );
  return Math.max(...differences) / largest;
}

/** (L(w + h) − L(w − h))/2h for every parameter. */
function finiteDifferences(c: Case, h: number): LayerWeights[] {
  const result = copyWeights(c.weights);
  parameterArrays(result).forEach((slopes, p) => {
    slopes.forEach((_, i) => {
      const at = (shift: number) => {
        const moved = copyWeights(c.weights);
        parameterArrays(moved)[p][i] += shift;
        return squaredError(c, moved);
      };
      slopes[i] = (at(h) - at(-h)) / (2 * h);
    });
  });
  return result;
}

/** Gradients by jax-js, of ½·Σ(ŷ − y)² or of Σ z·stop_gradient(ŷ − y), whose slope in z is ŷ − y; over the rows. */
function automaticDifferentiation(c: Case, loss: Loss): LayerWeights[] {
  const { numpy: np, grad, lax } = jax;
  const { layers } = c.architecture;
  const array = (values: Float64Array, shape: number[]) => np.array(values).reshape(shape);
  const polynomial = (coefficients: readonly number[], z: JaxArray) => {
    let sum = np.zerosLike(z.ref).add(coefficients.at(-1)!);
    for (let k = coefficients.length - 2; k >= 0; k--) sum = sum.mul(z.ref).add(coefficients[k]);
    z.dispose();
    return sum;
  };
  const total = (parameters: JaxArray[]) => {
    let h = array(c.features, [c.rows, layers[0].inputs]);
    let z = h;
    let next = 0;
    for (const layer of layers) {
      z = np.matmul(h, parameters[next++]);
      if (layer.useBias) z = z.add(parameters[next++]);
      h = polynomial(layer.activation.coefficients, z.ref);
    }
    const difference = h.sub(array(c.targets, [c.rows, layers.at(-1)!.units]));
    const sum =
      loss === 'delta' ? np.sum(z.mul(lax.stopGradient(difference))) : np.sum(difference.ref.mul(difference)).mul(0.5);
    return sum.mul(1 / c.rows);
  };
  const parameters = c.weights.flatMap(({ kernel, bias }, i) => {
    const { inputs, units } = layers[i];
    return [array(kernel, [inputs, units]), ...(bias === undefined ? [] : [array(bias, [units])])];
  });
  const slopes = grad(total)(parameters).map((slope) => Float64Array.from(slope.dataSync() as Float64Array));
  return c.weights.map(({ bias }) => ({
    kernel: slopes.shift()!,
    bias: bias === undefined ? undefined : slopes.shift(),
  }));
}

describe('gradients', () => {
  it.each(cases)('of the squared error agree with finite differences: %s', (_, c) => {
    const gradients = gradientsOf(c, 'squaredError');
    const coarse = distance(finiteDifferences(c, 1e-2), gradients);
    const fine = distance(finiteDifferences(c, 1e-4), gradients);
    expect(fine).toBeLessThan(1e-6);
    // The error of a central difference falls with h²: a wrong gradient would not.
    expect(fine).toBeLessThan(Math.max(coarse / 100, 1e-9));
  });

  it.each(cases)('of the squared error agree with automatic differentiation: %s', (_, c) => {
    expect(distance(gradientsOf(c, 'squaredError'), automaticDifferentiation(c, 'squaredError'))).toBeLessThan(1e-12);
  });

  it.each(cases)("of 'delta' agree with automatic differentiation: %s", (_, c) => {
    expect(distance(gradientsOf(c, 'delta'), automaticDifferentiation(c, 'delta'))).toBeLessThan(1e-12);
  });

  it('of the two losses differ by the slope for affine outputs: a quarter for lin4', () => {
    const c = cases[2][1];
    const quarter = gradientsOf(c, 'delta').map((layer) => ({ ...layer, kernel: layer.kernel.map((g) => g / 4) }));
    expect(distance(gradientsOf(c, 'squaredError'), quarter)).toBeLessThan(1e-14);
  });

  it('are means over the rows: a batch twice over changes nothing', () => {
    const c = cases[1][1];
    const twice = (values: Float64Array) => Float64Array.of(...values, ...values);
    const doubled = { ...c, features: twice(c.features), targets: twice(c.targets), rows: 2 * c.rows };
    expect(distance(gradientsOf(doubled, 'delta'), gradientsOf(c, 'delta'))).toBeLessThan(1e-14);
  });
});

describe('forwardNetwork', () => {
  it('lets observers change values before they are used', () => {
    const c = cases[2][1];
    const zero = { outputs: (layer: number, values: Float64Array) => void (layer === 0 && values.fill(0)) };
    const passes = forwardNetwork(c.architecture, c.weights, c.features, c.rows, zero);
    expect(passes[1].outputs).toEqual(new Float64Array(c.rows).fill(0.5));
  });
});
