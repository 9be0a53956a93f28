import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { ClearEvaluator } from '../../schemes/clear/clear-evaluator.ts';
import { activation, shiftedSquare } from '../activations.ts';
import type { Activation, Architecture, LayerWeights } from '../architecture.ts';
import { predictRows } from '../network.ts';
import { parameterArrays } from '../weights.ts';
import { openClear, sealClear } from './clear-run.ts';
import { ciphertextNames, collectCiphertexts, nameCiphertexts } from './layer-ciphertexts.ts';
import { layoutForBatch, planLayout } from './layout.ts';
import { predictionPlace, predictSealed, readPrediction } from './predict.ts';
import { repackForBatch } from './repack.ts';
import { predictionCost } from './step-cost.ts';

function network(...layers: readonly (readonly [number, Activation])[]): Architecture {
  const sizes = [6, ...layers.map(([units]) => units)];
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

const random = new SeededRandom(6);
const draw = (length: number) => Float64Array.from({ length }, () => random.uniform(-1, 1));
const weightsOf = ({ layers }: Architecture): LayerWeights[] =>
  layers.map(({ inputs, units }) => ({ kernel: draw(inputs * units), bias: draw(units) }));

const networks: readonly (readonly [string, Architecture])[] = [
  ['a list', network([5, shiftedSquare()], [3, activation('sigmoid3')])],
  ['blocks', network([5, activation('lin4')])],
  ['blocks after a list', network([4, activation('linear')], [3, activation('square')], [7, activation('lin4')])],
];

const both = networks.flatMap(([name, architecture]) =>
  [false, true].map((real) => [`${name}, ${real ? 'real' : 'complex'} slots`, architecture, real] as const),
);

describe('predictSealed', () => {
  it.each(both)('gives ŷ in %s, for any number of rows', (_, architecture, real) => {
    const evaluator = new ClearEvaluator({ slots: 128, levels: 9 });
    const layout = planLayout(architecture, { slots: 128, batch: 8, real });
    const weights = weightsOf(architecture);
    const { levels } = predictionCost({ architecture, layout });
    const outputs = architecture.layers.at(-1)!.units;
    for (const level of [9, levels]) {
      const sealed = sealClear(evaluator, architecture, layout, weights, level);
      for (const rows of [1, 3, 8]) {
        const features = Float32Array.from(draw(rows * 6));
        const before = evaluator.live;
        const prediction = predictSealed(evaluator, { architecture, layout }, sealed, features);
        expect(evaluator.live - before).toBe(prediction.ciphertexts.length);
        expect(prediction.ciphertexts.every((c) => c.level === 0)).toBe(true);
        const slots = prediction.ciphertexts.map((c) => evaluator.decrypt(c));
        const expected = predictRows(architecture, weights, features, rows);
        expected.forEach((y, i) => {
          const got = readPrediction(prediction.layout, slots, Math.floor(i / outputs), i % outputs);
          expect(got).toBeCloseTo(y, 9);
          if (real) expect(predictionPlace(prediction.layout, 0, i % outputs).part).toBe(0);
        });
        expect(() => predictionPlace(prediction.layout, rows, 0)).toThrow(RangeError);
        expect(() => predictionPlace(prediction.layout, 0, outputs)).toThrow(RangeError);
      }
    }
    expect(() => predictSealed(evaluator, { architecture, layout }, [], new Float32Array(9 * 6))).toThrow(RangeError);
  });
});

describe('repackForBatch', () => {
  it.each(both)('changes the batch and not the weights: %s', (_, architecture, real) => {
    const evaluator = new ClearEvaluator({ slots: 128, levels: 3 });
    const wide = planLayout(architecture, { slots: 128, batch: 8, real });
    const weights = weightsOf(architecture);
    const sealed = sealClear(evaluator, architecture, wide, weights, 3);
    const narrow = layoutForBatch(wide, 2);
    const small = repackForBatch(evaluator, { architecture, layout: wide }, sealed, 2);
    const again = repackForBatch(evaluator, { architecture, layout: narrow }, small, 8);
    const pairs = [
      [small, narrow],
      [again, wide],
    ] as const;
    for (const [layers, layout] of pairs) {
      parameterArrays(openClear(evaluator, architecture, layout, layers)).forEach((values, p) => {
        const expected = parameterArrays(weights)[p];
        values.forEach((w, i) => {
          expect(w).toBeCloseTo(expected[i], 12);
        });
      });
      const fresh = sealClear(evaluator, architecture, layout, weights, 3);
      const slots = (given: typeof fresh) =>
        given.flatMap(({ kernel }) => kernel.flat().map((c) => [...c.re, ...c.im]));
      slots([...layers]).forEach((values, c) => {
        const wanted = slots(fresh)[c];
        expect(Math.max(...values.map((v, i) => Math.abs(v - wanted[i])))).toBeLessThan(1e-12);
      });
    }
  });
});

describe('names of ciphertexts', () => {
  it('survive any order, and nothing but all of them', () => {
    const [, architecture] = networks[2];
    const layout = planLayout(architecture, { slots: 128, batch: 8 });
    const names = ciphertextNames(architecture, layout);
    const named = nameCiphertexts(architecture, layout, names);
    expect(named.every(({ name, ciphertext }) => name === ciphertext)).toBe(true);
    expect(new Set(named.map(({ name }) => name)).size).toBe(named.length);
    expect(collectCiphertexts(architecture, layout, named.toReversed())).toEqual(names);
    expect(collectCiphertexts(architecture, layout, named.slice(1))).toBeUndefined();
    expect(collectCiphertexts(architecture, layout, [...named.slice(1), named[1]])).toBeUndefined();
  });
});
