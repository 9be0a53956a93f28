import { describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { activation } from './activations.ts';
import { batches, DenseRows } from './feature-rows.ts';
import { scaledNormal } from './initializers.ts';
import { dense, Sequential, sequential } from './model.ts';
import { sgd } from './optimizers.ts';
import { linearDecay } from './schedules.ts';
import { trainInTheClear } from './twin.ts';

/** A linearly separable task. */
function data(rows: number, seed: number) {
  const random = new SeededRandom(seed);
  const x = Array.from({ length: rows }, () => Array.from({ length: 10 }, () => random.normal()));
  return { features: DenseRows.from(x), targets: Float32Array.from(x, (r) => Number(r[0] - r[1] + 0.5 * r[2] > 0)) };
}

function model(): Sequential {
  return sequential([
    dense({ units: 4, inputShape: [10], kernelInitializer: scaledNormal({ scale: 0.5 }) }),
    dense({ units: 1, activation: 'lin4' }),
  ]);
}

describe('Sequential', () => {
  it('trains, predicts and evaluates', async () => {
    const net = model().build({ seed: 1 });
    net.compile({ optimizer: sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }), loss: 'delta' });
    const before = net.evaluate(data(500, 2));
    const steps: number[] = [];
    const history = await net.fit(data(1000, 1), {
      steps: 40,
      batch: 64,
      seed: 3,
      onStep: ({ step }) => steps.push(step),
    });
    const after = net.evaluate(data(500, 2));
    expect(steps).toHaveLength(40);
    expect(history.loss).toHaveLength(40);
    expect(after.rows).toBe(500);
    expect(after.accuracy).toBeGreaterThan(0.93);
    expect(after.auc).toBeGreaterThan(before.auc);
    expect(after.loss).toBeLessThan(before.loss);
    const { features, targets } = data(500, 2);
    const right = net.predict(features).filter((y, i) => y >= 0.5 === (targets[i] === 1)).length;
    expect(right / 500).toBe(after.accuracy);
  });

  it('is the twin: the same recipe gives the same bits', async () => {
    const net = model().build({ seed: 1 });
    const weights = net.getWeights();
    net.compile({ optimizer: sgd({ learningRate: 0.05, momentum: 0.5, schedule: linearDecay(12) }), loss: 'delta' });
    const source = batches(data(100, 1), { batch: 8, seed: 5 });
    const { recipe } = await net.fit(source, { steps: 12, seed: 5 });
    expect(recipe).toMatchObject({ learningRate: 0.05, batch: 8, steps: 12, seed: 5, loss: 'delta' });
    expect(net.getWeights()).toEqual(trainInTheClear(net.toArchitecture(), weights, recipe, source).weights);
  });

  it('finds a learning rate where it has none', async () => {
    const net = model().build({ seed: 1 });
    net.compile({ optimizer: sgd({ momentum: 0.9, nesterov: true }), loss: 'delta' });
    const { recipe } = await net.fit(data(1000, 1), { steps: 30, batch: 64 });
    expect(recipe.learningRate).toBeGreaterThan(0);
    expect(net.evaluate(data(500, 2)).accuracy).toBeGreaterThan(0.9);
  });

  it('has the defaults of Keras: biases, linear, Glorot uniform, squared error', () => {
    const [layer] = sequential([dense({ units: 3, inputShape: [2] })]).toArchitecture().layers;
    expect(layer).toMatchObject({ inputs: 2, units: 3, useBias: true, activation: activation('linear') });
    const kernel = sequential([dense({ units: 30, inputShape: [20] })])
      .build({ seed: 1 })
      .getWeights()[0].kernel;
    expect(Math.max(...kernel)).toBeLessThan(Math.sqrt(6 / 50));
    expect(Math.max(...kernel)).toBeGreaterThan(0.9 * Math.sqrt(6 / 50));
  });

  it('takes any function as activation, fitted', () => {
    const net = sequential([
      dense({ units: 1, inputShape: [2], activation: { fn: Math.tanh, interval: [-4, 4], degree: 3 } }),
    ]);
    expect(net.toArchitecture().layers[0].activation.coefficients[1]).toBeCloseTo(0.600375, 3);
  });

  it('prints a table', () => {
    expect(model().summary().split('\n')).toEqual([
      'Layer    Shape          Activation  Degree  Parameters',
      '──────────────────────────────────────────────────────',
      'dense 1  10 → 4 + bias  linear           1          44',
      'dense 2  4 → 1 + bias   lin4             1           5',
      '──────────────────────────────────────────────────────',
      'Parameters: 49',
    ]);
  });

  it('copies weights in and out', () => {
    const net = model().build({ seed: 4 });
    const weights = net.getWeights();
    const copy = Sequential.from(net.toArchitecture(), weights);
    weights[0].kernel.fill(0);
    expect(copy.getWeights()).toEqual(net.getWeights());
    expect(copy.toArchitecture()).toEqual(net.toArchitecture());
    expect(() => net.setWeights(weights.slice(1))).toThrow(RangeError);
  });

  it('draws another network each time unless seeded', () => {
    expect(model().build().getWeights()).not.toEqual(model().build().getWeights());
    expect(model().build({ seed: 4 }).getWeights()).toEqual(model().build({ seed: 4 }).getWeights());
  });

  it('refuses what cannot be built, and stops when told, weights unchanged', async () => {
    expect(() => sequential([])).toThrow(RangeError);
    expect(() => sequential([dense({ units: 1 })]).build()).toThrow(/inputShape/);
    expect(() => dense({ units: 0 })).toThrow(RangeError);
    expect(() => dense({ units: 1, activation: 'relu' })).toThrow(HermeticError);
    const net = model().build({ seed: 1 });
    const weights = net.getWeights();
    net.compile({ optimizer: sgd({ learningRate: 0.1 }) });
    const controller = new AbortController();
    const onStep = () => controller.abort();
    const fit = net.fit(data(50, 1), { steps: 5, batch: 8, onStep, signal: controller.signal });
    await expect(fit).rejects.toMatchObject({ code: 'ABORTED' });
    expect(net.getWeights()).toEqual(weights);
  });
});

describe('what comes from Keras', () => {
  const features = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ];
  const targets = [0, 1, 1, 1];
  const net = () => sequential([dense({ units: 1, activation: 'lin4', inputShape: [2] })]).build({ seed: 1 });

  it('takes rows as arrays, epochs, and the losses by their names', async () => {
    const asArrays = net().compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'mse' });
    const { loss, recipe } = await asArrays.fit({ features, targets }, { epochs: 3, batch: 2 });
    expect([loss.length, recipe.loss]).toEqual([6, 'squaredError']);
    const asRows = net().compile({ optimizer: sgd({ learningRate: 0.1 }), loss: 'squaredError' });
    const rows = { features: DenseRows.from(features), targets: Float32Array.from(targets) };
    await asRows.fit(rows, { steps: 6, batch: 2 });
    expect(asArrays.getWeights()).toEqual(asRows.getWeights());
    expect([...asArrays.predict([[0, 1]])]).toEqual([...asRows.predict(DenseRows.from([[0, 1]]))]);
    expect(asArrays.evaluate({ features, targets: targets.map((y) => [y]) })).toEqual(asRows.evaluate(rows));
    for (const name of ['binary_crossentropy', 'categorical_crossentropy'] as const) net().compile({ loss: name });
  });

  it('names the right form for every other', async () => {
    const call = (...words: unknown[]) => (net().fit as (...words: unknown[]) => Promise<unknown>).apply(net(), words);
    await expect(call(features, targets, { epochs: 1 })).rejects.toThrow(/expected { features, targets }, as in/);
    await expect(call({ features, targets })).rejects.toThrow(/expected { epochs } or { steps } after the data/);
    await expect(call({ features, targets }, {})).rejects.toThrow(/either epochs or steps/);
    await expect(call({ features, targets }, { epochs: 1, batchSize: 2 })).rejects.toThrow(
      /no batchSize; here it is batch/,
    );
    await expect(call({ features: [1, 2], targets }, { epochs: 1 })).rejects.toThrow(
      /expected an array of numbers for each/,
    );
    await expect(call({ features }, { epochs: 1 })).rejects.toThrow(/targets: expected a number for each row/);
    await expect(
      call(
        batches({ features: DenseRows.from(features), targets: Float32Array.from(targets) }, { batch: 2, seed: 1 }),
        { epochs: 1 },
      ),
    ).rejects.toThrow(/give steps/);
    expect(() => net().compile({ loss: 'hinge' as 'mse' })).toThrow(/expected one of delta, .*mse, .*got 'hinge'/);
    expect(() => net().predict(5 as never)).toThrow(/expected arrays of numbers, as in/);
  });
});
