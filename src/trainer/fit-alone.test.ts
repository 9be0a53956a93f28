import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootstrappingFile, makeParties, type Party, read, refusal } from '../../test/fixtures/bootstrapping-party.ts';
import { largestDifference, mail, makeData, makeModel, recipe, silent } from '../../test/fixtures/sealed-round.ts';
import type { TrainingRecipe } from '../nn/architecture.ts';
import { batches } from '../nn/feature-rows.ts';
import { planRefreshPacking } from '../nn/sealed/refresh-packing.ts';
import { trainInTheClear } from '../nn/twin.ts';
import { open, seal } from '../owner/seal.ts';
import { readCheckpoint } from '../protocol/checkpoint.ts';
import type { ReadSealedModel } from '../protocol/sealed-model.ts';
import type { Bootstrapping } from './bootstrapping.ts';
import { type CheckpointStore, memoryCheckpoints } from './checkpoint-store.ts';
import { fit as fitSealed } from './fit.ts';
import type { FitOptions } from './fit-options.ts';

let party: Party;
let other: Party;
let file: Uint8Array;
let bootstrapping: Bootstrapping;
let dispose: () => void;
beforeAll(async () => {
  ({ party, other, file, bootstrapping, dispose } = await makeParties());
});
afterAll(() => dispose());

describe('fit with bootstrapping keys', () => {
  const data = makeData();
  const model = makeModel('3:linear,2:linear', 6);
  const training: TrainingRecipe = { ...recipe, steps: 5, schedule: { kind: 'constant' } };
  const target = {
    ...data,
    targets: Float32Array.from({ length: 128 }, (_, i) => Math.abs(data.targets[i >> 1] - (i & 1))),
  };

  /** Of the weights after some steps. */
  const TOLERANCE = 2 ** -16;

  async function train(
    refresh: FitOptions['refresh'],
    options: Partial<FitOptions> = {},
    change: Partial<TrainingRecipe> = {},
  ) {
    const result = await fitSealed(sealed, party.trainer, target, {
      recipe: { ...training, ...change },
      refresh,
      skipShadowRun: true,
      ...options,
    });
    return result;
  }

  let sealed: ReadSealedModel;
  beforeAll(async () => {
    sealed = await mail(seal(model, party.owner, { batch: 16 }), party);
  });

  const clearTwin = (change: Partial<TrainingRecipe> = {}) => {
    const whole = { ...training, ...change };
    return trainInTheClear(model.architecture, model.weights, whole, batches(target, whole)).weights;
  };

  /** Counts bootstrappings. */
  function counted(): { readonly refresh: Bootstrapping; readonly calls: () => number } {
    let calls = 0;
    const bootstrap: Bootstrapping['bootstrap'] = (ciphertext, onStage) => {
      calls++;
      return bootstrapping.bootstrap(ciphertext, onStage);
    };
    return { refresh: { ...bootstrapping, bootstrap }, calls: () => calls };
  }

  it.each<[string, Partial<TrainingRecipe>]>([
    ['Nesterov’s momentum', {}],
    ['plain descent', { momentum: 0, nesterov: false, steps: 3 }],
    ['a smaller batch than the model was sealed for', { batch: 8, steps: 3 }],
  ])('opens to what the twin learned: %s', async (_, change) => {
    const { refresh, calls } = counted();
    const { model: trained, plan } = await train(refresh, {}, change);
    const opened = open(await mail(trained, party), party.owner);
    expect(largestDifference(opened.weights, clearTwin(change))).toBeLessThan(TOLERANCE);
    expect(largestDifference(opened.weights, model.weights)).toBeGreaterThan(10 * TOLERANCE);
    expect(plan).toMatchObject({ refreshMode: 'bootstrap', levelsPerStep: 4, stepsPerRefresh: 2, freshLevel: 8 });
    // Between steps all parameters, after the last one the weights alone, for whoever goes on.
    const weights = planRefreshPacking(plan, 1).groups.length;
    const between = plan.refreshPacking?.groups.length ?? 0;
    expect(calls()).toBe(plan.refreshes * between + weights);
    expect(between).toBeLessThan(plan.ciphertexts.refreshed);
    expect(trained.records.every(({ level }) => level === 8)).toBe(true);
    expect(trained.provenance.at(-1)).toMatchObject({ kind: 'training', refresh: 'bootstrap' });
  });

  it('does with keys for the slots that it fills, a level lower', async () => {
    const narrow = makeModel('2:linear,1:lin4', 6);
    const change = { steps: 3, batch: 8 };
    const small = await mail(seal(narrow, party.owner, { batch: change.batch }), party);
    const few = await read(await bootstrappingFile(party, 32), party);
    const { model: trained, plan } = await fitSealed(small, party.trainer, data, {
      recipe: { ...training, ...change },
      refresh: few,
      skipShadowRun: true,
    });
    expect(plan).toMatchObject({ levelsPerStep: 4, stepsPerRefresh: 1, freshLevel: 4, refreshes: 2 });
    const opened = open(await mail(trained, party), party.owner);
    const whole = { ...training, ...change };
    const wanted = trainInTheClear(narrow.architecture, narrow.weights, whole, batches(data, whole)).weights;
    expect(largestDifference(opened.weights, wanted)).toBeLessThan(TOLERANCE);
    few.dispose();
  });

  it('can be trained on as it comes back', async () => {
    const once = await mail((await train(bootstrapping, {}, { steps: 2 })).model, party);
    const twice = await fitSealed(once, party.trainer, target, {
      recipe: { ...training, steps: 1 },
      refresh: 'none',
      skipShadowRun: true,
    });
    const between = clearTwin({ steps: 2 });
    const last = { ...training, steps: 1 };
    const wanted = trainInTheClear(model.architecture, between, last, batches(target, last)).weights;
    expect(largestDifference(open(await mail(twice.model, party), party.owner).weights, wanted)).toBeLessThan(
      TOLERANCE,
    );
  });

  it('is refused with keys for fewer slots than the network fills', async () => {
    const few = await read(await bootstrappingFile(party, 32), party);
    expect(await refusal(train(few))).toMatchObject({
      code: 'PLAN_REFUSED',
      expected: expect.stringMatching(/^(64|128) slots$/),
      got: '32',
      mend: expect.stringContaining('all slots'),
    });
    few.dispose();
  });

  it('is refused with the keys of another owner', async () => {
    const theirs = await read(await bootstrappingFile(other), other);
    expect(await refusal(train(theirs))).toMatchObject({ code: 'WRONG_KEY' });
    theirs.dispose();
  });

  class Killed extends Error {}

  it('ends bit for bit where an uninterrupted run ends, wherever it was killed', async () => {
    const { parameters } = party.owner;
    const end = (store: CheckpointStore) =>
      store.read(training.steps, (source) => readCheckpoint(source, { ...silent, parametersFor: () => parameters }));
    const whole = memoryCheckpoints();
    await train(bootstrapping, { checkpoint: whole });
    const expected = await end(whole);
    for (const [at, phase] of [
      [1, 'refresh'],
      [4, 'update'],
    ] as const) {
      const store = memoryCheckpoints();
      const killer = {
        phase: (step: number, report: { readonly phase: string }) => {
          if (step === at && report.phase === phase) throw new Killed();
        },
      };
      await expect(train(bootstrapping, { checkpoint: store, observer: killer })).rejects.toThrow(Killed);
      expect((await store.steps())[0]).toBe(at);
      // Another process, with keys read again, none of them in the kernels' memory.
      const again = await read(file, party, { residentBytes: 0 });
      await train(again, { checkpoint: store });
      const { records, state } = await end(store);
      expect(records).toEqual(expected.records);
      expect(state).toEqual(expected.state);
      again.dispose();
    }
  });

  it('leaves nothing in the trainer’s memory, not where it fails either', async () => {
    const inUse = () => party.trainer.context.engine.heap.bytesInUse;
    const fail = (): never => {
      throw new Killed();
    };
    const everything = async () => {
      await train(bootstrapping, {}, { steps: 3 });
      const failing = { ...bootstrapping, bootstrap: counting(1, fail) };
      await expect(train(failing, {}, { steps: 3 })).rejects.toThrow(Killed);
    };
    await everything();
    const before = inUse();
    await everything();
    expect(inUse()).toBe(before);
  });

  /** Bootstraps so many times, then does something else. */
  function counting(good: number, then: () => never): Bootstrapping['bootstrap'] {
    let calls = 0;
    return (ciphertext, onStage) => (++calls > good ? then() : bootstrapping.bootstrap(ciphertext, onStage));
  }
});
