import { describe, expect, it } from 'vitest';
import type { TrainingRecipe } from '../nn/architecture.ts';
import { glorotUniform, scaledNormal, zeros } from '../nn/initializers.ts';
import { parseArchitecture } from '../nn/layer-spec.ts';
import { findNonJson } from './json.ts';
import {
  describeInitialization,
  describeTraining,
  forgetTraining,
  initializersOf,
  trainingSoFar,
} from './provenance.ts';

const architecture = parseArchitecture('8:square,1:lin4', 4);
const recipe: TrainingRecipe = {
  loss: 'delta',
  learningRate: 0.1,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 0,
  schedule: { kind: 'linear', decaySteps: 40 },
  batch: 32,
  steps: 20,
  firstStep: 0,
  seed: 1,
};
const training = (steps: number) => describeTraining({ steps, rows: 1000, refresh: 'owner', recipe });

describe('provenance', () => {
  it('tells how the weights were drawn', () => {
    const initializers = [scaledNormal({ scale: 0.3 }), zeros()];
    const entry = describeInitialization(initializers);
    expect(findNonJson(entry)).toBeUndefined();
    expect(initializersOf([entry, training(3)], architecture)).toEqual(initializers);
  });

  it('falls back on the default for entries that are missing, foreign or of another network', () => {
    const standard = [glorotUniform(), glorotUniform()];
    const foreign = [
      { kind: 'init', initializers: [{ kind: 'normal', mean: 0, deviation: 1e300 }, { kind: 'zeros' }] },
      { kind: 'init', initializers: [{ kind: 'telepathy' }, { kind: 'zeros' }] },
      { kind: 'init', initializers: 7 },
      describeInitialization([zeros()]),
      'a note',
      null,
    ];
    for (const entry of foreign) expect(initializersOf([entry], architecture)).toEqual(standard);
    expect(initializersOf([], architecture)).toEqual(standard);
  });

  it('hands on how the weights were drawn, as the owner wrote it, and nothing that a trainer could add', () => {
    const own = describeInitialization([scaledNormal({ scale: 0.3 }), zeros()]);
    const added = [
      { ...(own as object), smuggled: 'trainer A was here' },
      describeInitialization([zeros(), zeros()]),
      { kind: 'init', initializers: Array.from({ length: 65 }, () => ({ kind: 'zeros' })) },
      { kind: 'note', text: 'trainer A' },
      training(3),
    ];
    expect(forgetTraining([own, ...added])).toEqual([own]);
    expect(forgetTraining([added[0], ...added.slice(2)])).toEqual([]);
    expect(initializersOf([own, ...added], architecture)).toEqual([scaledNormal({ scale: 0.3 }), zeros()]);
    // A chain of rounds, each of which adds what it can, is as short at its end.
    const rounds = Array.from({ length: 20 }).reduce<readonly unknown[]>(
      (sofar) => forgetTraining([...sofar, ...added] as never),
      [own],
    );
    expect(rounds).toEqual([own]);
  });

  it('counts training runs and steps', () => {
    const entries = [describeInitialization([zeros()]), training(20), { kind: 'note' }, training(7), null];
    expect(trainingSoFar(entries)).toEqual({ runs: 2, steps: 27 });
    expect(findNonJson(training(20))).toBeUndefined();
    expect(trainingSoFar([{ kind: 'training', steps: -1 }])).toEqual({ runs: 0, steps: 0 });
  });
});
