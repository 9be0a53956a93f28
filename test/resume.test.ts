/** Runs that are killed, stopped or fall ill, and go on: no step lost, none done twice. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainingRecipe } from '../src/nn/architecture.ts';
import { createRefreshService } from '../src/owner/owner-refresh.ts';
import { open, seal } from '../src/owner/seal.ts';
import { readCheckpoint } from '../src/protocol/checkpoint.ts';
import type { ReadSealedModel } from '../src/protocol/sealed-model.ts';
import { type CheckpointStore, memoryCheckpoints } from '../src/trainer/checkpoint-store.ts';
import { fit as fitSealed } from '../src/trainer/fit.ts';
import type { FitOptions } from '../src/trainer/fit-options.ts';
import {
  largestDifference,
  mail,
  makeData,
  makeModel,
  makeParty,
  type Party,
  recipe,
  silent,
  twin,
} from './fixtures/sealed-round.ts';

let party: Party;
let sealed: ReadSealedModel;
const model = makeModel();
const data = makeData();
beforeAll(async () => {
  party = await makeParty();
  sealed = await mail(seal(model, party.owner, { batch: 16 }), party);
});
afterAll(() => party.dispose());

const TOLERANCE = 2 ** -12;

function train(store: CheckpointStore, options: Partial<FitOptions> = {}, change: Partial<TrainingRecipe> = {}) {
  const service = createRefreshService(party.owner);
  return fitSealed(sealed, party.trainer, data, {
    recipe: { ...recipe, ...change },
    refresh: (request) => service.answer('trainer', request),
    checkpoint: store,
    ...options,
  });
}

/** The weights of a run that ends. */
async function weightsOf(run: ReturnType<typeof train>) {
  return open(await mail((await run).model, party), party.owner).weights;
}

class Killed extends Error {}

/** Dies in that phase of that step. */
function killer(step: number, phase: string): Partial<FitOptions> {
  return {
    observer: {
      phase: (at, report) => {
        if (at === step && report.phase === phase) throw new Killed();
      },
    },
  };
}

describe('a run that is killed', () => {
  it.each([
    [0, 'forward'],
    [1, 'backward'],
    [1, 'refresh'],
    [2, 'update'],
    [2, 'refresh'],
  ])('in step %i, %s, goes on from the last whole step', async (step, phase) => {
    const store = memoryCheckpoints();
    await expect(train(store, killer(step, phase))).rejects.toThrow(Killed);
    expect((await store.steps())[0] ?? 0).toBe(step);
    const steps: number[] = [];
    const observer = { step: (report: { step: number }) => steps.push(report.step) };
    const weights = await weightsOf(train(store, { observer }));
    expect(steps).toEqual([0, 1, 2].filter((s) => s >= step));
    expect(largestDifference(weights, twin(model, data))).toBeLessThan(TOLERANCE);
  });

  it('while it writes a checkpoint, goes on from the one before', async () => {
    const store = memoryCheckpoints();
    const dying: CheckpointStore = {
      ...store,
      write: (step, produce) =>
        store.write(step, async (sink) => {
          if (step < 2) return produce(sink);
          await sink.write(new Uint8Array(100));
          throw new Killed();
        }),
    };
    await expect(train(dying)).rejects.toThrow(Killed);
    expect(await store.steps()).toEqual([1]);
    expect(largestDifference(await weightsOf(train(store)), twin(model, data))).toBeLessThan(TOLERANCE);
  });

  it('and whose newest checkpoint was cut short, goes on from the one before', async () => {
    const store = memoryCheckpoints();
    await expect(train(store, killer(2, 'forward'))).rejects.toThrow(Killed);
    await store.write(2, (sink) => sink.write(new Uint8Array(500)));
    const warnings: string[] = [];
    const resumed: number[] = [];
    const observer = { warning: (text: string) => warnings.push(text), resumed: (step: number) => resumed.push(step) };
    const weights = await weightsOf(train(store, { observer }));
    expect([warnings.length, resumed]).toEqual([1, [1]]);
    expect(largestDifference(weights, twin(model, data))).toBeLessThan(TOLERANCE);
  });

  it('is bit for bit the uninterrupted run where nobody refreshes', async () => {
    const none = { refresh: 'none' as const };
    const { parameters } = party.owner;
    const stateOf = (store: CheckpointStore) =>
      store.read(2, (source) => readCheckpoint(source, { ...silent, parametersFor: () => parameters }));
    const whole = memoryCheckpoints();
    await train(whole, none, { steps: 2 });
    const resumed = memoryCheckpoints();
    await expect(train(resumed, { ...none, ...killer(1, 'loss') }, { steps: 2 })).rejects.toThrow(Killed);
    await train(resumed, none, { steps: 2 });
    const [one, two] = [await stateOf(whole), await stateOf(resumed)];
    expect(one.records).toEqual(two.records);
    expect(one.state).toEqual(two.state);
  });

  it('after its last step, has only to hand the model back', async () => {
    const store = memoryCheckpoints();
    const first = await weightsOf(train(store));
    const steps: number[] = [];
    const again = await weightsOf(train(store, { observer: { step: ({ step }) => steps.push(step) } }));
    expect(steps).toEqual([]);
    expect(largestDifference(again, first)).toBeLessThan(TOLERANCE);
  });
});

describe('a run that is stopped', () => {
  it('finishes the step, keeps it, and says how to go on', async () => {
    const store = memoryCheckpoints();
    const controller = new AbortController();
    const observer = { phase: (step: number) => (step === 1 ? controller.abort() : undefined) };
    await expect(train(store, { signal: controller.signal, observer })).rejects.toMatchObject({
      code: 'ABORTED',
      mend: expect.stringContaining('goes on'),
    });
    expect(await store.steps()).toEqual([2, 1]);
    expect(largestDifference(await weightsOf(train(store)), twin(model, data))).toBeLessThan(TOLERANCE);
  });

  it('in its last step, is complete', async () => {
    const controller = new AbortController();
    const observer = { phase: (step: number) => (step === 2 ? controller.abort() : undefined) };
    const weights = await weightsOf(train(memoryCheckpoints(), { signal: controller.signal, observer }));
    expect(largestDifference(weights, twin(model, data))).toBeLessThan(TOLERANCE);
  });

  it('before its first step, has cost nothing', async () => {
    const store = memoryCheckpoints();
    await expect(train(store, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await store.steps()).toEqual([]);
  });
});

describe('a run whose owner goes away', () => {
  it('fails with the mend, and goes on when the owner is back', async () => {
    const store = memoryCheckpoints();
    const service = createRefreshService(party.owner);
    let calls = 0;
    const failing = train(store, {
      refresh: async (request) => {
        if (++calls > 2) throw new TypeError('fetch failed');
        return service.answer('trainer', request);
      },
      retry: { attempts: 2, retryDelayMs: 1 },
    });
    await expect(failing).rejects.toMatchObject({
      code: 'REFRESH_FAILED',
      mend: expect.stringContaining('checkpoint'),
    });
    expect(await store.steps()).toEqual([2, 1]);
    expect(largestDifference(await weightsOf(train(store)), twin(model, data))).toBeLessThan(TOLERANCE);
  });

  it('keeps its name in the books of the owner after a resume', async () => {
    const store = memoryCheckpoints();
    const runs: string[] = [];
    const service = createRefreshService(party.owner, { onCall: ({ run }) => runs.push(run) });
    const refresh = (request: Uint8Array) => service.answer('trainer', request);
    await expect(train(store, { refresh, ...killer(1, 'forward') })).rejects.toThrow(Killed);
    await train(store, { refresh });
    expect([runs.length, new Set(runs).size]).toEqual([3, 1]);
  });
});

describe('a checkpoint of another run', () => {
  const store = memoryCheckpoints();
  beforeAll(async () => {
    await expect(train(store, killer(1, 'forward'))).rejects.toThrow(Killed);
  });

  it.each<[string, Partial<TrainingRecipe>]>([
    ['the learning rate', { learningRate: 0.3 }],
    ['the number of steps', { steps: 4 }],
    ['the seed', { seed: 6 }],
    ['the batch', { batch: 8 }],
    ['the momentum', { momentum: 0.5 }],
    ['the schedule', { schedule: { kind: 'constant' } }],
  ])('is refused where %s differs', async (words, change) => {
    await expect(train(store, {}, change)).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining(words),
      mend: expect.stringContaining('another checkpoint folder'),
    });
  });

  it('is refused where the data differ', async () => {
    const service = createRefreshService(party.owner);
    const refresh = (request: Uint8Array) => service.answer('trainer', request);
    const others = [
      [makeData(64, 6, 4), 'the data'],
      [makeData(65), 'the number of rows'],
    ] as const;
    for (const [other, words] of others) {
      await expect(
        fitSealed(sealed, party.trainer, other, { recipe, refresh, checkpoint: store }),
      ).rejects.toMatchObject({ code: 'BAD_ARGUMENT', message: expect.stringContaining(words) });
    }
  });

  it('is refused where the model differs', async () => {
    const other = await mail(seal(model, party.owner, { batch: 16 }), party);
    const service = createRefreshService(party.owner);
    const refresh = (request: Uint8Array) => service.answer('trainer', request);
    await expect(fitSealed(other, party.trainer, data, { recipe, refresh, checkpoint: store })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining('another sealed model'),
    });
  });

  it('is taken where the learning rate is left open', async () => {
    const { learningRate: _, ...rest } = recipe;
    const service = createRefreshService(party.owner);
    const refresh = (request: Uint8Array) => service.answer('trainer', request);
    const result = await fitSealed(sealed, party.trainer, data, { recipe: rest, refresh, checkpoint: store });
    expect(result.recipe).toEqual(recipe);
    expect(result.shadow).toBeUndefined();
  });
});
