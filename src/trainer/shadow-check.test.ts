import { describe, expect, it } from 'vitest';
import { makeData } from '../../test/fixtures/sealed-round.ts';
import { activation, shiftedSquare } from '../nn/activations.ts';
import { batches } from '../nn/feature-rows.ts';
import { scaledNormal } from '../nn/initializers.ts';
import { parseArchitecture } from '../nn/layer-spec.ts';
import type { OpenRecipe } from './run-settings.ts';
import { checkInTheClear, turningPoint } from './shadow-check.ts';

const recipe: OpenRecipe = {
  loss: 'delta',
  learningRate: 0.2,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 0,
  schedule: { kind: 'constant' },
  batch: 16,
  steps: 8,
  firstStep: 0,
  seed: 5,
};

function check(layers: string, change: Partial<OpenRecipe> = {}, scale: number = 0.7) {
  const architecture = parseArchitecture(layers, 6);
  const initializers = architecture.layers.map(() => scaledNormal({ scale }));
  const whole = { ...recipe, ...change };
  return checkInTheClear(architecture, whole, batches(makeData(), whole), initializers);
}

describe('the look in the clear', () => {
  it('takes the learning rate that is given, and is content', () => {
    const { recipe: complete, proposed, report, warnings } = check('4:linear,1:lin4');
    expect([complete.learningRate, proposed, report.diverged, warnings]).toEqual([0.2, false, false, []]);
  });

  it('proposes a learning rate that works where none is given', () => {
    const { recipe: complete, proposed, report } = check('4:square,1:lin4', { learningRate: undefined });
    expect(proposed).toBe(true);
    expect(complete.learningRate).toBeGreaterThan(0);
    expect(report.diverged).toBe(false);
  });

  it('warns where the recipe diverges, and names a learning rate that works', () => {
    const { report, warnings } = check('4:square,1:linear', { learningRate: 50 });
    expect(report.diverged).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/diverges at learning rate 50: [\d.e-]+ works/)]);
  });

  it('warns where an activation is used beyond its range', () => {
    const { warnings } = check('4:sigmoid3,1:lin4', { steps: 1 }, 20);
    expect(warnings).toEqual([expect.stringMatching(/layer 1: \|z\| may reach [\d.]+, but sigmoid3 turns at 5\.6/)]);
  });
});

describe('the turning point', () => {
  it('is where a bounded function stops rising', () => {
    expect(turningPoint(activation('sigmoid3'))).toBeCloseTo(5.61, 1);
    expect(turningPoint(activation('tanh3'))).toBeCloseTo(Math.sqrt(0.600375 / (3 * 0.0254727)), 1);
  });

  it('is nowhere for lines, squares and what rises for ever', () => {
    for (const phi of [activation('linear'), activation('lin4'), activation('square'), shiftedSquare(0.7)]) {
      expect(turningPoint(phi)).toBeUndefined();
    }
    expect(turningPoint({ name: 'cube', coefficients: [0, 1, 0, 1] })).toBeUndefined();
  });
});
