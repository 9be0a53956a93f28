import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { ClearEvaluator } from '../../schemes/clear/clear-evaluator.ts';
import { blockShape } from '../../tensor/packing.ts';
import { activation, polynomial, shiftedSquare } from '../activations.ts';
import type { Activation, Architecture, LayerWeights, TrainingRecipe } from '../architecture.ts';
import { type BatchSource, batches, DenseRows } from '../feature-rows.ts';
import { trainInTheClear } from '../twin.ts';
import { parameterArrays } from '../weights.ts';
import { openClear, sealClear, trainOnClear } from './clear-run.ts';
import { flattenLayers } from './layer-ciphertexts.ts';
import { parseSealedLayout } from './layout.ts';
import { planTraining } from './plan.ts';
import { clearRefresher, noRefresher } from './refreshers.ts';
import { type SealedStepReport, trainSealed } from './training-loop.ts';
import { plainWeights } from './update.ts';

function network(
  useBias: boolean,
  inputs: number,
  ...layers: readonly (readonly [number, Activation])[]
): Architecture {
  const sizes = [inputs, ...layers.map(([units]) => units)];
  return {
    layers: layers.map(([units, phi], i) => ({ kind: 'dense', inputs: sizes[i], units, activation: phi, useBias })),
  };
}

function randomWeights(architecture: Architecture, seed: number, size = 0.5): LayerWeights[] {
  const random = new SeededRandom(seed);
  const draw = (length: number) => Float64Array.from({ length }, () => random.uniform(-size, size));
  return architecture.layers.map(({ inputs, units, useBias }) => ({
    kernel: draw(inputs * units),
    bias: useBias ? draw(units) : undefined,
  }));
}

function source(architecture: Architecture, rows: number, batch: number): BatchSource {
  const random = new SeededRandom(rows);
  const { layers } = architecture;
  const draw = (count: number) => Array.from({ length: count }, () => random.uniform(-1, 1));
  const features = DenseRows.from(Array.from({ length: rows }, () => draw(layers[0].inputs)));
  const targets = Float32Array.from(draw(rows * layers[layers.length - 1].units));
  return batches({ features, targets }, { batch, seed: 3 });
}

const base: TrainingRecipe = {
  loss: 'delta',
  learningRate: 0.2,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 0,
  schedule: { kind: 'linear', decaySteps: 8 },
  batch: 4,
  steps: 4,
  firstStep: 0,
  seed: 1,
};

function largestDifference(a: readonly LayerWeights[], b: readonly LayerWeights[]): number {
  const expected = parameterArrays(b);
  return Math.max(
    ...parameterArrays(a).flatMap((values, p) => [...values].map((w, i) => Math.abs(w - expected[p][i]))),
  );
}

const { square, sigmoid3, linear, lin4, sigmoid5, sigmoid7, tanh3 } = {
  square: activation('square'),
  sigmoid3: activation('sigmoid3'),
  linear: activation('linear'),
  lin4: activation('lin4'),
  sigmoid5: activation('sigmoid5'),
  sigmoid7: activation('sigmoid7'),
  tanh3: activation('tanh3'),
};
const general = polynomial([0.3, -0.4, 0.2, 0.1]);

const cases: readonly [string, Architecture, Partial<TrainingRecipe>, Partial<{ slots: number; maxLevel: number }>?][] =
  [
    ['XOR, 3-4-1', network(false, 3, [4, square], [1, sigmoid3]), {}],
    ['XOR with biases', network(true, 3, [4, square], [1, sigmoid3]), { momentum: 0.8 }],
    ['three layers, 5-8-3-2', network(true, 5, [8, shiftedSquare()], [3, linear], [2, lin4]), {}],
    ['four layers', network(true, 5, [6, lin4], [3, square], [5, shiftedSquare()], [2, linear]), { steps: 2 }],
    ['logistic regression', network(false, 7, [1, lin4]), { weightDecay: 0.1 }],
    ['logistic regression, sigmoid3, squared error', network(true, 7, [1, sigmoid3]), { loss: 'squaredError' }],
    ['softmax regression, 5 outputs', network(true, 7, [5, lin4]), {}],
    ['3 outputs in blocks, squared error', network(true, 7, [3, tanh3]), { loss: 'squaredError' }],
    ['40-8-1 in chunks and groups', network(false, 40, [8, linear], [1, lin4]), { batch: 8 }, { slots: 64 }],
    ['40-7-2 in groups, odd units', network(true, 40, [7, shiftedSquare()], [2, linear]), { batch: 4 }, { slots: 16 }],
    ['many outputs behind squares', network(true, 5, [5, square], [4, tanh3]), { learningRate: 0.05 }],
    ['squared error behind sigmoid3', network(true, 4, [3, sigmoid3], [2, sigmoid3]), { loss: 'squaredError' }],
    ['any cubic', network(true, 4, [3, general], [2, general]), { loss: 'squaredError' }],
    ['sigmoid5', network(true, 4, [3, sigmoid5], [2, sigmoid5]), { loss: 'squaredError' }],
    ['sigmoid7', network(true, 4, [5, sigmoid7], [1, sigmoid7]), { loss: 'squaredError' }],
    ['plain descent', network(true, 5, [4, square], [2, linear]), { momentum: 0, nesterov: false }],
    ['heavy ball', network(true, 5, [4, square], [2, linear]), { nesterov: false, weightDecay: 0.05 }],
    ['Nesterov with weight decay', network(true, 5, [4, square], [2, linear]), { weightDecay: 0.05 }],
    ['a batch of one', network(true, 5, [4, square], [2, linear]), { batch: 1, learningRate: 0.05 }],
  ];

describe('trainSealed on the clear scheme', () => {
  it.each(cases)('is the twin: %s', async (_, architecture, changes, plan = {}) => {
    const recipe = { ...base, ...changes };
    const weights = randomWeights(architecture, 5);
    const data = source(architecture, 20, recipe.batch);
    const twin = trainInTheClear(architecture, weights, recipe, data);
    const run = await trainOnClear(architecture, weights, recipe, data, { plan });
    expect(largestDifference(run.weights, twin.weights)).toBeLessThan(1e-9);
    expect(largestDifference(run.weights, weights)).toBeGreaterThan(1e-3);
    expect(run.leaked).toBe(0);
  });

  it.each(cases)(
    'is the twin in real slots, and nothing is imaginary: %s',
    async (_, architecture, changes, plan = {}) => {
      const recipe = { ...base, ...changes, steps: 2 };
      const weights = randomWeights(architecture, 5);
      const data = source(architecture, 20, recipe.batch);
      const twin = trainInTheClear(architecture, weights, recipe, data);
      const run = await trainOnClear(architecture, weights, recipe, data, { plan: { ...plan, real: true } });
      expect(largestDifference(run.weights, twin.weights)).toBeLessThan(1e-9);
      expect(flattenLayers(run.state.weights).every(({ im }) => im.every((x) => x === 0))).toBe(true);
      const { layout } = run.plan;
      expect(layout.packing.real).toBe(true);
      expect(parseSealedLayout(JSON.parse(JSON.stringify(layout)), architecture)).toEqual(layout);
    },
  );

  const architecture = network(true, 6, [4, shiftedSquare()], [3, linear]);
  const weights = randomWeights(architecture, 8);
  const data = source(architecture, 16, 4);

  it('ends each step where the plan says, under every refresh mode', async () => {
    const levels = async (refreshMode: 'none' | 'owner' | 'bootstrap', maxLevel: number) => {
      const reports: SealedStepReport[] = [];
      const training = { onStep: (report: SealedStepReport) => reports.push(report) };
      const run = await trainOnClear(architecture, weights, base, data, { plan: { refreshMode, maxLevel }, training });
      return { run, reports };
    };
    const none = await levels('none', 24);
    expect(none.run.plan).toMatchObject({ levelsPerStep: 6, freshLevel: 24, refreshes: 0, stepsPerRefresh: 4 });
    expect(none.reports.map(({ level }) => level)).toEqual([18, 12, 6, 0]);
    const owner = await levels('owner', 9);
    expect(owner.run.plan).toMatchObject({ freshLevel: 6, refreshes: 3, stepsPerRefresh: 1 });
    expect(owner.reports.map(({ level, refreshIn }) => [level, refreshIn])).toEqual(Array(4).fill([6, 0]));
    expect(owner.reports[1].phases.map(({ phase, level }) => [phase, level])).toEqual([
      ['batch', 6],
      ['prepare', 6],
      ['forward', 3],
      ['loss', 3],
      ['backward', 0],
      ['update', 0],
      ['refresh', 6],
    ]);
    const bootstrap = await levels('bootstrap', 17);
    expect(bootstrap.run.plan).toMatchObject({ freshLevel: 12, refreshes: 1, stepsPerRefresh: 2 });
    expect(bootstrap.reports.map(({ level, refreshIn }) => [level, refreshIn])).toEqual([
      [6, 1],
      [12, 0],
      [6, 1],
      [12, 0],
    ]);
    expect(largestDifference(owner.run.weights, none.run.weights)).toBeLessThan(1e-10);
  });

  it('uses the rotations and the operations of the plan, and no others', async () => {
    const rotations = new Set<number>();
    let products = 0;
    const onOperation = (operation: string, _level: number, count: number, steps?: number) => {
      if (steps !== undefined) rotations.add(steps);
      if (operation === 'multiply') products += count;
    };
    const { plan } = await trainOnClear(architecture, weights, base, data, { scheme: { onOperation } });
    expect([...rotations].toSorted((a, b) => a - b)).toEqual(plan.rotations);
    expect(plan.rotations.every((step) => Number.isInteger(Math.log2(Math.abs(step))))).toBe(true);
    const planned = plan.stepCost.operations.filter(({ operation }) => operation === 'multiply');
    expect(products).toBe(base.steps * planned.reduce((sum, { count }) => sum + count, 0));
  });

  it('hardly minds noise of the size of CKKS', async () => {
    const noise = { encryption: 2 ** -15, rescale: 2 ** -14, keySwitch: 2 ** -16, seed: 4 };
    const twin = trainInTheClear(architecture, weights, base, data);
    const run = await trainOnClear(architecture, weights, base, data, { scheme: { noise } });
    const error = largestDifference(run.weights, twin.weights);
    expect(error).toBeLessThan(2 ** -9);
    expect(error).toBeGreaterThan(2 ** -20);
  });

  it('keeps the copies of a group together, for sums over blocks reach from one into the next', async () => {
    const noise = { encryption: 2 ** -14, rescale: 2 ** -13, keySwitch: 2 ** -13, seed: 4 };
    const recipe: TrainingRecipe = { ...base, steps: 60, schedule: { kind: 'constant' }, learningRate: 0.1 };
    const {
      state,
      plan,
      weights: opened,
    } = await trainOnClear(architecture, weights, recipe, data, { scheme: { noise } });
    const [[{ re }]] = state.weights[0].kernel;
    const { period } = blockShape(plan.packing, 4);
    expect(period).toBeLessThan(plan.slots);
    const spread = re.map((value, i) => Math.abs(value - re[i % period]));
    expect(Math.max(...spread)).toBeLessThan(0.1);
    const twin = trainInTheClear(architecture, weights, recipe, data);
    expect(largestDifference(opened, twin.weights)).toBeLessThan(2 ** -7);
  });

  it('goes on from a checkpoint, to the bit', async () => {
    const plan = planTraining(architecture, base, { slots: 256, maxLevel: 24, refreshMode: 'none' });
    const evaluator = new ClearEvaluator({ slots: 256, levels: 24 });
    const sealed = sealClear(evaluator, architecture, plan.layout, weights, 24);
    const start = { weights: sealed, velocities: undefined, step: 0 };
    const common = { evaluator, plan, batches: data, refresher: noRefresher<never>() };
    const whole = await trainSealed({ ...common, state: start });
    const stop = new AbortController();
    let held: typeof whole | undefined;
    const interrupted = trainSealed({
      ...common,
      state: start,
      signal: stop.signal,
      checkpoint: async (state) => {
        const copy = <C>(layers: C): C => structuredClone(layers);
        if (state.step === 2) held = copy(state);
        if (state.step === 2) stop.abort();
      },
    });
    await expect(interrupted).rejects.toMatchObject({ code: 'ABORTED' });
    const again = (layers: (typeof whole)['weights']) =>
      layers.map(({ kernel, bias }) => ({
        kernel: kernel.map((row) => row.map((c) => evaluator.restore(c))),
        bias: bias.map((c) => evaluator.restore(c)),
      }));
    const { weights: w, velocities: v, step } = held!;
    const resumed = await trainSealed({ ...common, state: { weights: again(w), velocities: v && again(v), step } });
    const opened = (state: typeof whole) => openClear(evaluator, architecture, plan.layout, state.weights);
    expect(opened(resumed)).toEqual(opened(whole));
  });

  it('frees everything when stopped, and tells the weights of a run that stops early', async () => {
    const plan = planTraining(architecture, base, { slots: 256, maxLevel: 9, refreshMode: 'owner' });
    const evaluator = new ClearEvaluator({ slots: 256, levels: 9 });
    const sealed = sealClear(evaluator, architecture, plan.layout, weights, 9);
    const before = evaluator.live;
    const stop = new AbortController();
    let plain: LayerWeights[] = [];
    const run = trainSealed({
      evaluator,
      plan,
      state: { weights: sealed, velocities: undefined, step: 0 },
      batches: data,
      refresher: clearRefresher(evaluator),
      signal: stop.signal,
      onPhase: (step, { phase }) => {
        if (step === 2 && phase === 'forward') stop.abort();
      },
      checkpoint: async (state) => {
        plain = evaluator.scope(() =>
          openClear(evaluator, architecture, plan.layout, plainWeights(evaluator, base, state)),
        );
      },
    });
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
    expect(evaluator.live).toBe(before);
    const twin = trainInTheClear(architecture, weights, { ...base, steps: 2 }, data);
    expect(largestDifference(plain, twin.weights)).toBeLessThan(1e-10);
  });

  it('has no levels without a refresher', async () => {
    const run = trainOnClear(architecture, weights, base, data, { training: { refresher: noRefresher() } });
    await expect(run).rejects.toMatchObject({ code: 'LEVELS_EXHAUSTED' });
  });

  it('refuses a refresh that loses ciphertexts', async () => {
    const refresher = { mode: 'owner' as const, refresh: async () => [] };
    const run = trainOnClear(architecture, weights, base, data, { training: { refresher } });
    await expect(run).rejects.toMatchObject({ code: 'REFRESH_FAILED' });
  });

  it('refreshes weights and velocities in one request a step', async () => {
    const requests: [number, number][] = [];
    const evaluator = new ClearEvaluator({ slots: 256, levels: 9 });
    const plan = planTraining(architecture, base, { slots: 256, maxLevel: 9, refreshMode: 'owner' });
    const state = {
      weights: sealClear(evaluator, architecture, plan.layout, weights, 9),
      velocities: undefined,
      step: 0,
    };
    const inner = clearRefresher(evaluator);
    await trainSealed({
      evaluator,
      plan,
      state,
      batches: data,
      refresher: {
        mode: 'owner',
        refresh: (ciphertexts, request) => {
          requests.push([request.step, ciphertexts.length]);
          expect(ciphertexts.every(({ level }) => level === 0)).toBe(true);
          return inner.refresh(ciphertexts, request);
        },
      },
    });
    const count = flattenLayers(state.weights).length;
    expect(requests).toEqual([
      [1, 2 * count],
      [2, 2 * count],
      [3, 2 * count],
      [4, count],
    ]);
  });
});
