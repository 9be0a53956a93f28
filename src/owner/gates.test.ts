import { describe, expect, it } from 'vitest';
import { makeData } from '../../test/fixtures/sealed-round.ts';
import type { LayerWeights, TrainingRecipe } from '../nn/architecture.ts';
import { batches, DenseRows, type TrainingData } from '../nn/feature-rows.ts';
import { initialWeights, scaledNormal } from '../nn/initializers.ts';
import { parseArchitecture } from '../nn/layer-spec.ts';
import { trainOnClear } from '../nn/sealed/clear-run.ts';
import { trainInTheClear } from '../nn/twin.ts';
import { copyWeights, zeroWeights } from '../nn/weights.ts';
import type { Gates } from '../protocol/service/types.ts';
import { heldOutAccuracy, heldOutFigures, heldOutLoss, passedAll, runGates } from './gates.ts';

const architecture = parseArchitecture('4:linear,1:lin4', 6);
const initial = initialWeights(
  architecture,
  architecture.layers.map(() => scaledNormal({ scale: 0.7 })),
  7,
);
const recipe: TrainingRecipe = {
  loss: 'delta',
  learningRate: 0.3,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 0,
  schedule: { kind: 'linear' },
  batch: 32,
  steps: 32,
  firstStep: 0,
  seed: 5,
};
const heldOut = makeData(200, 6, 11);
const own = makeData(512, 6, 3);

/** Every label turned round. */
const flipped = ({ features, targets }: TrainingData): TrainingData => ({
  features,
  targets: targets.map((target) => 1 - target),
});

type Trainer = (weights: readonly LayerWeights[], data: TrainingData) => Promise<LayerWeights[]>;

const inTheClear: Trainer = async (weights, data) =>
  trainInTheClear(architecture, weights, recipe, batches(data, recipe)).weights;

const sealed: Trainer = async (weights, data) =>
  (await trainOnClear(architecture, weights, recipe, batches(data, recipe))).weights;

const all: Gates = { accuracyFloor: 0.85, accuracyDrop: 0.02, lossRise: 0.2, normChange: 2, weightRange: 3 };
const named = (results: ReturnType<typeof runGates>) => Object.fromEntries(results.map((r) => [r.gate, r]));

describe.each([
  ['in the clear', inTheClear],
  ['sealed, on the clear scheme', sealed],
])('trainers %s', (_, train) => {
  it('who are honest pass, in their first round and the next', async () => {
    const first = await train(initial, own);
    const results = runGates({ architecture, before: initial, after: first, heldOut, gates: all });
    expect(results.map(({ gate }) => gate)).toEqual([
      'finite',
      'accuracyFloor',
      'accuracyDrop',
      'lossRise',
      'normChange',
      'weightRange',
    ]);
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
    expect(passedAll(results)).toBe(true);
    const second = await train(first, makeData(512, 6, 4));
    const next = runGates({ architecture, before: first, after: second, heldOut, gates: all });
    expect(next.filter(({ passed }) => !passed)).toEqual([]);
  });

  it('who turn labels round are refused by what they did on the held-out rows, and by nothing else', async () => {
    const first = await train(initial, own);
    const poisoned = await train(first, flipped(own));
    const results = runGates({
      architecture,
      before: first,
      after: poisoned,
      heldOut,
      gates: { ...all, normChange: 10, weightRange: 10 },
    });
    expect(passedAll(results)).toBe(false);
    expect(results.filter(({ passed }) => !passed).map(({ gate }) => gate)).toEqual([
      'accuracyFloor',
      'accuracyDrop',
      'lossRise',
    ]);
    expect(heldOutAccuracy(architecture, poisoned, heldOut)).toBeLessThan(0.3);
    // Each of them refuses alone.
    for (const gates of [{ accuracyDrop: 0.02 }, { accuracyFloor: 0.85 }, { lossRise: 0.2 }]) {
      expect(passedAll(runGates({ architecture, before: first, after: poisoned, heldOut, gates }))).toBe(false);
    }
  });

  it('who go too far are refused by the size of their change', async () => {
    const after = await train(initial, own);
    const { normChange } = named(runGates({ architecture, before: initial, after, gates: { normChange: 0.05 } }));
    expect(normChange.passed).toBe(false);
    expect(normChange.detail).toMatch(/changed by [\d.]+ of their norm .* at most 0.05 is allowed/);
  });
});

describe('the gates', () => {
  const twist = (change: (weights: LayerWeights[]) => void): LayerWeights[] => {
    const weights = copyWeights(initial);
    change(weights);
    return weights;
  };

  it('let everything finite pass where none is set', () => {
    const results = runGates({ architecture, before: initial, after: initial, gates: {} });
    expect(results).toEqual([{ gate: 'finite', passed: true, detail: 'all 33 weights are finite' }]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'refuse %d, and judge nothing by it',
    (bad) => {
      const after = twist(([, last]) => {
        last.bias![0] = bad;
      });
      const results = runGates({ architecture, before: initial, after, heldOut, gates: all });
      expect(results.every(({ passed }) => !passed)).toBe(true);
      expect(results[0].detail).toBe('1 weights of layer 2 are no finite numbers');
      expect(results).toHaveLength(6);
    },
  );

  it('do not pass what they cannot judge for want of rows', () => {
    const none = { features: new DenseRows(new Float32Array(0), 6), targets: new Float32Array(0) };
    for (const rows of [undefined, none]) {
      const round = { architecture, before: initial, after: initial, heldOut: rows };
      const results = runGates({ ...round, gates: { accuracyDrop: 1, accuracyFloor: 0, lossRise: 9 } });
      expect(results.map(({ passed }) => passed)).toEqual([true, false, false, false]);
      expect(results[1].detail).toMatch(/no rows are held out, so that accuracy cannot/);
      expect(results[3].detail).toMatch(/no rows are held out, so that loss cannot/);
      expect(heldOutFigures(architecture, initial, rows)).toBeUndefined();
      expect(passedAll(runGates({ ...round, gates: { normChange: 0.1, weightRange: 9 } }))).toBe(true);
    }
  });

  it('allow what is allowed to the row, and no row more', () => {
    // One feature decides; a weight of the other sign gets every row wrong that had been right.
    const line = parseArchitecture('1:lin4', 1, false);
    const kernel = (w: number): LayerWeights[] => [{ kernel: Float64Array.of(w), bias: undefined }];
    const rows = Array.from({ length: 50 }, (_, i) => [i < 44 ? 1 : -1]);
    const data = { features: DenseRows.from(rows), targets: new Float32Array(50).fill(1) };
    const judge = (gates: Gates) =>
      runGates({ architecture: line, before: kernel(1), after: kernel(-1), heldOut: data, gates })[1];
    expect(judge({ accuracyDrop: 0.76 }).passed).toBe(true);
    expect(judge({ accuracyDrop: 0.7599 }).passed).toBe(false);
    expect(judge({ accuracyFloor: 0.12 }).passed).toBe(true);
    expect(judge({ accuracyFloor: 0.1201 }).passed).toBe(false);
    expect(judge({ accuracyDrop: 0.02 }).detail).toBe(
      '12.0 % after 88.0 %, of 50 rows held out; at most 2 points may be lost',
    );
    expect(judge({ accuracyDrop: 0.01 }).detail).toMatch(/1 point may/);
  });

  it('let the loss rise as far as is allowed, and no further', () => {
    // One row of 1 with target 0: the loss is w²/2.
    const line = parseArchitecture('1:linear', 1, false);
    const kernel = (w: number): LayerWeights[] => [{ kernel: Float64Array.of(w), bias: undefined }];
    const data = { features: DenseRows.from([[1]]), targets: Float32Array.of(0) };
    const judge = (before: number, after: number, lossRise: number) =>
      runGates({
        architecture: line,
        before: kernel(before),
        after: kernel(after),
        heldOut: data,
        gates: { lossRise },
      })[1];
    expect(heldOutFigures(line, kernel(3), data)).toEqual({ accuracy: 0, loss: 4.5 });
    expect(judge(2, 3, 1.25)).toEqual({
      gate: 'lossRise',
      passed: true,
      detail: 'loss 4.5 after 2, on 1 rows held out; it may rise by at most 125.0 %',
    });
    expect(judge(2, 3, 1.2499).passed).toBe(false);
    expect(judge(2, 2, 0).passed).toBe(true);
    expect(judge(2, -1, 0).passed).toBe(true);
    expect(judge(0, 1e-9, 5).passed).toBe(false);
    // Beyond the doubles: no bound where it was so before, and never passed where it is so now.
    expect(judge(1e200, 2, 0).passed).toBe(true);
    expect(judge(2, 1e200, 1e300)).toMatchObject({ passed: false, detail: expect.stringContaining('loss infinity') });
    expect(judge(1e200, 1e200, 1).passed).toBe(false);
  });

  it('have no figure for a loss that is none', () => {
    const line = parseArchitecture('1:linear', 1, false);
    const data = { features: DenseRows.from([[1]]), targets: Float32Array.of(0) };
    const huge = [{ kernel: Float64Array.of(1e200), bias: undefined }];
    expect(heldOutLoss(line, huge, data)).toBe(Number.POSITIVE_INFINITY);
    expect(heldOutFigures(line, huge, data)).toEqual({ accuracy: 0, loss: undefined });
  });

  it('count rows without a finite prediction as wrong', () => {
    const steep = parseArchitecture('1:square', 1, false);
    const huge = [{ kernel: Float64Array.of(1e200), bias: undefined }];
    const data = { features: DenseRows.from([[1], [1]]), targets: Float32Array.of(0, 1) };
    expect(heldOutAccuracy(steep, huge, data)).toBe(0);
  });

  it('measure the change and the largest weight', () => {
    const after = twist(([first]) => {
      first.kernel[3] = -9;
    });
    const change = { normChange: 1e3, weightRange: 8.99 };
    const { normChange, weightRange } = named(runGates({ architecture, before: initial, after, gates: change }));
    const norm = Math.hypot(...initial.flatMap(({ kernel, bias }) => [...kernel, ...bias!]));
    const ratio = Math.abs(-9 - initial[0].kernel[3]) / norm;
    expect(normChange.passed).toBe(true);
    expect(Number(/changed by ([\d.]+)/.exec(normChange.detail)![1])).toBeCloseTo(ratio, 1);
    expect(weightRange).toMatchObject({ passed: false, detail: 'the largest weight is 9; at most 8.99 is allowed' });
    const exact = runGates({ architecture, before: initial, after, gates: { weightRange: 9 } });
    expect(passedAll(exact)).toBe(true);
  });

  it('say that a change from nothing has no measure', () => {
    const before = zeroWeights(architecture);
    const [, still] = runGates({ architecture, before, after: before, gates: { normChange: 0.1 } });
    const [, moved] = runGates({ architecture, before, after: initial, gates: { normChange: 1e6 } });
    expect([still.passed, moved.passed]).toEqual([true, false]);
    expect(moved.detail).toMatch(/all zero before/);
  });

  it('take the weights of this network and no other', () => {
    const other = initialWeights(
      parseArchitecture('3:linear,1:lin4', 6),
      [scaledNormal({ scale: 1 }), scaledNormal({ scale: 1 })],
      1,
    );
    expect(() => runGates({ architecture, before: initial, after: other, gates: {} })).toThrow(RangeError);
    expect(() => runGates({ architecture, before: other, after: initial, gates: {} })).toThrow(RangeError);
  });
});
