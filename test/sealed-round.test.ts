/** Owner and trainers end to end, on an insecure ring: every leg of data's journey, against the twin in the clear. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HermeticError } from '../src/base/errors.ts';
import type { TrainingRecipe } from '../src/nn/architecture.ts';
import type { TrainingData } from '../src/nn/feature-rows.ts';
import { createRefreshService } from '../src/owner/owner-refresh.ts';
import { open, rekey, seal } from '../src/owner/seal.ts';
import { httpTransport } from '../src/protocol/http-transport.ts';
import { trainingSoFar } from '../src/protocol/provenance.ts';
import type { RefreshTransport } from '../src/protocol/refresh-transport.ts';
import type { ReadSealedModel } from '../src/protocol/sealed-model.ts';
import { listen } from '../src/server/node/listener.ts';
import { createRefreshServer, hashToken } from '../src/server/refresh-server.ts';
import { fit as fitSealed } from '../src/trainer/fit.ts';
import type { FitOptions } from '../src/trainer/fit-options.ts';
import { predictSealed } from '../src/trainer/predict.ts';
import {
  largestDifference,
  mail,
  makeData,
  makeModel,
  makeParty,
  type Party,
  recipe,
  twin,
} from './fixtures/sealed-round.ts';

let a: Party;
let b: Party;
beforeAll(async () => {
  [a, b] = [await makeParty(), await makeParty()];
});
afterAll(() => {
  a.dispose();
  b.dispose();
});

/** Weights after a few steps on this ring; measured errors are below 2^-15. */
const TOLERANCE = 2 ** -12;
const data = makeData();

function ownerOf({ owner }: Party): RefreshTransport {
  const service = createRefreshService(owner);
  return (request) => service.answer('trainer', request);
}

async function train(
  sealed: ReadSealedModel,
  party: Party,
  change: Partial<TrainingRecipe> = {},
  options: Partial<FitOptions> = {},
): Promise<ReadSealedModel> {
  const result = await fitSealed(sealed, party.trainer, data, {
    recipe: { ...recipe, ...change },
    refresh: ownerOf(party),
    ...options,
  });
  return mail(result.model, party);
}

describe('a round', () => {
  it.each<[string, string, Partial<TrainingRecipe>]>([
    ['a linear hidden layer', '4:linear,1:lin4', {}],
    ['a square hidden layer', '4:square,1:linear', { momentum: 0.8, nesterov: false }],
    ['one layer, plain descent', '1:lin4', { momentum: 0, nesterov: false }],
    ['three layers', '4:linear,3:linear,1:lin4', { steps: 2 }],
  ])('with %s opens to what the twin learned', async (_, layers, change) => {
    const model = makeModel(layers);
    const sealed = await mail(seal(model, a.owner, { batch: 16 }), a);
    const opened = open(await train(sealed, a, change), a.owner);
    expect(largestDifference(opened.weights, twin(model, data, change))).toBeLessThan(TOLERANCE);
    expect(largestDifference(opened.weights, model.weights)).toBeGreaterThan(10 * TOLERANCE);
  });

  it('passes from one trainer to the next under another key', async () => {
    const model = makeModel();
    const first = await train(await mail(seal(model, a.owner, { batch: 16 }), a), a);
    const second = await mail(rekey(first, a.owner, b.owner), b);
    expect(second.keyId).toBe(b.owner.keyId);
    expect(second.records.every(({ seed, level }) => seed !== undefined && level === 9)).toBe(true);
    const opened = open(await train(second, b, { firstStep: 3 }), b.owner);
    const between = { ...model, weights: twin(model, data) };
    expect(largestDifference(opened.weights, twin(between, data, { firstStep: 3 }))).toBeLessThan(TOLERANCE);
    // The second trainer cannot tell that there was a first: nothing but its own run stands in the file.
    expect(second).toMatchObject({ round: 0, provenance: seal(model, a.owner, { batch: 16 }).provenance });
    expect(trainingSoFar(opened.provenance)).toEqual({ runs: 1, steps: 3 });
    expect(opened.features).toEqual(model.features);
  });

  it('works without a refresh where the levels suffice, and says what would fit where not', async () => {
    const model = makeModel();
    const sealed = await mail(seal(model, a.owner, { batch: 16 }), a);
    const opened = open(await train(sealed, a, { steps: 2 }, { refresh: 'none' }), a.owner);
    expect(largestDifference(opened.weights, twin(model, data, { steps: 2 }))).toBeLessThan(TOLERANCE);
    await expect(train(sealed, a, { steps: 3 }, { refresh: 'none' })).rejects.toMatchObject({
      code: 'PLAN_REFUSED',
      mend: expect.stringContaining('Train 2 steps'),
    });
  });

  it('takes a smaller batch than the model was sealed for', async () => {
    const model = makeModel();
    const sealed = await mail(seal(model, a.owner, { batch: 32 }), a);
    const trained = await train(sealed, a, { batch: 8 });
    const learned = twin(model, data, { batch: 8 });
    expect(largestDifference(open(trained, a.owner).weights, learned)).toBeLessThan(TOLERANCE);
    // It is handed back as it came, and takes the larger batches again.
    expect(trained.packing).toEqual(sealed.packing);
    const more = { firstStep: 3, batch: 32, steps: 1 };
    const twice = await train(await mail(trained, a), a, more);
    expect(twice.packing).toEqual(sealed.packing);
    expect(
      largestDifference(open(twice, a.owner).weights, twin({ ...model, weights: learned }, data, more)),
    ).toBeLessThan(TOLERANCE);
  });

  it('proposes a learning rate where none is given, and says so', async () => {
    const sealed = await mail(seal(makeModel(), a.owner, { batch: 16 }), a);
    const { learningRate: _, ...open } = recipe;
    const result = await fitSealed(sealed, a.trainer, data, { recipe: { ...open, steps: 1 }, refresh: ownerOf(a) });
    expect(result.shadow?.proposed).toBe(true);
    expect(result.recipe.learningRate).toBeGreaterThan(0);
    expect(result.model.provenance.at(-1)).toMatchObject({
      kind: 'training',
      rows: 64,
      recipe: { learningRate: result.recipe.learningRate },
    });
  });

  it('goes over HTTP', async () => {
    const service = createRefreshService(a.owner);
    const app = createRefreshServer(service, { parties: [{ name: 'a', tokenHash: await hashToken('the-token') }] });
    const listener = await listen(app, { port: 0 });
    const http = (token: string) => httpTransport({ url: listener.url, token });
    const model = makeModel();
    const sealed = await mail(seal(model, a.owner, { batch: 16 }), a);
    const trained = await train(sealed, a, {}, { refresh: http('the-token') });
    expect(largestDifference(open(trained, a.owner).weights, twin(model, data))).toBeLessThan(TOLERANCE);
    expect(service.account('a')).toMatchObject({ calls: 3, runs: 1 });
    await expect(train(sealed, a, {}, { refresh: http('another') })).rejects.toMatchObject({
      code: 'POLICY_DENIED',
      mend: expect.stringContaining('--token-file'),
    });
    await listener.close();
    const away = train(sealed, a, {}, { refresh: http('the-token'), retry: { attempts: 2, retryDelayMs: 1 } });
    await expect(away).rejects.toMatchObject({ code: 'REFRESH_FAILED', message: expect.stringContaining('reached') });
  });
});

describe('a run that cannot be', () => {
  it('is refused before it starts', async () => {
    const sealed = await mail(seal(makeModel(), a.owner, { batch: 16 }), a);
    const refusal = async (data: TrainingData, change: Partial<TrainingRecipe> = {}, party: Party = a) =>
      fitSealed(sealed, party.trainer, data, { recipe: { ...recipe, ...change }, refresh: ownerOf(a) }).then(
        () => 'none',
        (error: HermeticError) => error.code,
      );
    expect(await refusal(makeData(64, 7))).toBe('BAD_DATA');
    expect(await refusal({ ...data, targets: new Float32Array(128) })).toBe('BAD_DATA');
    expect(await refusal(makeData(8))).toBe('PLAN_REFUSED');
    expect(await refusal(data, { batch: 12 })).toBe('PLAN_REFUSED');
    expect(await refusal(data, { batch: 64 })).toBe('PLAN_REFUSED');
    expect(await refusal(data, {}, b)).toBe('WRONG_KEY');
  });

  it('is refused before anything is made in the shape that a model only claims', async () => {
    const sealed = await mail(seal(makeModel(), a.owner, { batch: 16 }), a);
    const [first, last] = sealed.architecture.layers;
    const { learningRate: _, ...open } = recipe;
    for (const width of [2 ** 9, 2 ** 15, 2 ** 24]) {
      const layers = [
        { ...first, units: width },
        { ...last, inputs: width },
      ];
      const claim = { ...sealed, architecture: { layers } };
      const refused = fitSealed(claim, a.trainer, data, { recipe: open, refresh: ownerOf(a) });
      await expect(refused).rejects.toMatchObject({ code: 'BAD_FILE' });
      await expect(predictSealed(claim, a.trainer, data.features)).rejects.toMatchObject({ code: 'BAD_FILE' });
    }
  });
});

describe('what leaves a trainer', () => {
  it('is the network under fresh randomness, with the run in its provenance and no data', async () => {
    const answers: string[] = [];
    const honest = ownerOf(a);
    const model = makeModel();
    const sealed = await mail(seal(model, a.owner, { batch: 16 }), a);
    const trained = await train(
      sealed,
      a,
      {},
      {
        refresh: async (request, options) => {
          const answer = await honest(request, options);
          answers.push(Buffer.from(answer).toString('latin1'));
          return answer;
        },
      },
    );
    for (const { seed, polynomials } of trained.records) {
      expect(seed).toBeUndefined();
      // Nothing of it, in particular not the uniform half, stands in what the owner sent.
      for (const polynomial of polynomials) {
        const start = Buffer.from(polynomial.buffer, polynomial.byteOffset, 64).toString('latin1');
        expect(answers.some((answer) => answer.includes(start))).toBe(false);
      }
    }
    expect(trained.round).toBe(1);
    expect(trained.provenance).toHaveLength(2);
    expect(Object.keys(trained.provenance[1] as object).toSorted()).toEqual([
      'kind',
      'recipe',
      'refresh',
      'rows',
      'steps',
    ]);
  });

  it('can be trained on by the next trainer as it is', async () => {
    const model = makeModel();
    const once = await train(await mail(seal(model, a.owner, { batch: 16 }), a), a, { steps: 1 });
    const twice = await train(once, a, { steps: 2 });
    const between = { ...model, weights: twin(model, data, { steps: 1 }) };
    expect(largestDifference(open(twice, a.owner).weights, twin(between, data, { steps: 2 }))).toBeLessThan(TOLERANCE);
  });
});

describe('memory', () => {
  it('does not grow from run to run, on neither side', async () => {
    const sealed = await mail(seal(makeModel(), a.owner, { batch: 16 }), a);
    const refresh = ownerOf(a);
    const inUse = () => [a.trainer, a.owner].map(({ context }) => context.engine.heap.bytesInUse);
    const everything = async () => {
      await train(sealed, a, {}, { refresh });
      await train(sealed, a, { batch: 8 }, { refresh });
      const failing = { refresh: async () => new Uint8Array(1), retry: { attempts: 1 } };
      await expect(train(sealed, a, {}, failing)).rejects.toThrow();
    };
    // Once for the tables that are made when they are first needed.
    await everything();
    const before = inUse();
    for (let i = 0; i < 2; i++) await everything();
    expect(inUse()).toEqual(before);
  });
});
