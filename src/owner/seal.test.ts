import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { largestDifference, mail, makeModel, SET } from '../../test/fixtures/sealed-round.ts';
import { dense, sequential } from '../nn/model.ts';
import { describeTraining, initializersOf } from '../protocol/provenance.ts';
import type { SealedModel } from '../protocol/sealed-model.ts';
import { type CreatedKeys, createKeys } from './owner-keys.ts';
import { plainModel } from './plain-model.ts';
import { open, rekey, seal } from './seal.ts';

const needs = { rotations: [], conjugation: false, relinearization: false };
let keys: CreatedKeys;
let others: CreatedKeys;
let larger: CreatedKeys;
beforeAll(async () => {
  const make = (set: string) => createKeys({ set, threads: 1, needs });
  [keys, others, larger] = [await make(SET), await make(SET), await make('insecure-10-9-3')];
});
afterAll(() => {
  for (const each of [keys, others, larger]) each.dispose();
});

describe('sealing', () => {
  it('stores seeded ciphertexts at the top level, for the batch asked for', () => {
    const sealed = seal(makeModel(), keys, { batch: 32 });
    expect(sealed).toMatchObject({ keyId: keys.keyId, round: 0, demonstration: false });
    expect(sealed.packing).toMatchObject({ version: 1, packing: { batch: 32, slots: 256 } });
    for (const { level, seed, polynomials } of sealed.records) {
      expect([level, seed?.length, polynomials.length]).toEqual([9, 32, 1]);
    }
  });

  it('opens to the same weights, biases and features', async () => {
    for (const layers of ['4:linear,1:lin4', '5:square,3:linear', '1:lin4', '4:linear,3:square,2:linear']) {
      const model = makeModel(layers);
      const opened = open(await mail(seal(model, keys, { batch: 16 }), { owner: keys } as never), keys);
      expect(largestDifference(opened.weights, model.weights)).toBeLessThan(2 ** -14);
      expect({ ...opened, weights: [] }).toEqual({ ...model, weights: [], opened: { keyId: keys.keyId } });
    }
  });

  it('takes a network as `sequential` makes it', () => {
    const network = sequential([dense({ units: 4, inputShape: [6] }), dense({ units: 1, activation: 'lin4' })]);
    const sealed = seal(network.build({ seed: 1 }), keys, { batch: 16 });
    expect(initializersOf(sealed.provenance, sealed.architecture)).toEqual(network.initializers);
    expect(largestDifference(open(sealed, keys).weights, network.getWeights())).toBeLessThan(2 ** -14);
    expect(plainModel(network, { kind: 'ready' }).features).toEqual({ kind: 'ready' });
  });

  it('counts the rounds that a reopened model has behind it', () => {
    const recipe = { steps: 3 } as Parameters<typeof describeTraining>[0]['recipe'];
    const entry = describeTraining({
      steps: 3,
      rows: 9,
      refresh: 'owner',
      recipe: { ...recipe, schedule: { kind: 'constant' } },
    });
    const model = makeModel();
    expect(seal({ ...model, provenance: [...model.provenance, entry] }, keys, { batch: 16 }).round).toBe(1);
  });

  it('never makes the same ciphertext twice', () => {
    const model = makeModel();
    const [one, two] = [seal(model, keys, { batch: 16 }), seal(model, keys, { batch: 16 })];
    one.records.forEach((record, i) => {
      expect(record.seed).not.toEqual(two.records[i].seed);
      expect(record.polynomials[0]).not.toEqual(two.records[i].polynomials[0]);
    });
  });

  it('refuses batches that do not fit', () => {
    for (const batch of [48, 256]) {
      expect(() => seal(makeModel(), keys, { batch })).toThrow(expect.objectContaining({ code: 'PLAN_REFUSED' }));
    }
  });
});

describe('opening', () => {
  it('refuses the models of another owner', () => {
    const sealed = seal(makeModel(), keys, { batch: 16 });
    expect(() => open(sealed, others)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
  });

  it('finds out ciphertexts that were made under another key all the same', () => {
    const sealed = { ...seal(makeModel(), keys, { batch: 16 }), keyId: others.keyId };
    expect(() => open(sealed, others)).toThrow(expect.objectContaining({ code: 'DIVERGED' }));
  });

  it('refuses ciphertexts that are not those of the architecture', () => {
    const sealed = seal(makeModel(), keys, { batch: 16 });
    const [first, ...rest] = sealed.records;
    // A few kilobytes that claim weights without measure.
    const [{ activation, ...like }] = sealed.architecture.layers;
    const claiming = (...units: number[]) => ({
      layers: [...units, 1].map((n, i) => ({ ...like, activation, inputs: [6, ...units][i], units: n })),
    });
    const threeScales = { ...(sealed.packing as object), weightScales: [1, 1, 1], biasScales: [1, 1, 1] };
    const wrong: Partial<SealedModel>[] = [
      { records: rest },
      { records: [...sealed.records, { ...first, name: 'more' }] },
      { records: [{ ...first, name: 'other' }, ...rest] },
      { architecture: makeModel('5:linear,1:lin4').architecture, records: rest },
      { packing: { version: 1 } },
      { packing: null },
      { architecture: claiming(2 ** 24, 2 ** 24), packing: threeScales },
      { architecture: claiming(4, 2 ** 24), packing: threeScales },
    ];
    for (const change of wrong) {
      expect(() => open({ ...sealed, ...change }, keys)).toThrow(expect.objectContaining({ code: 'BAD_FILE' }));
    }
  });
});

describe('rekeying', () => {
  it('gives the network another key, new seeds and nothing else', () => {
    const model = makeModel();
    const sealed = seal(model, keys, { batch: 16, demonstration: true });
    const next = rekey(sealed, keys, others);
    expect({ ...next, records: [], keyId: '' }).toEqual({ ...sealed, records: [], keyId: '' });
    expect(next.keyId).toBe(others.keyId);
    expect(largestDifference(open(next, others).weights, model.weights)).toBeLessThan(2 ** -14);
    expect(() => open(next, keys)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
  });

  it('refuses the wrong key, and one of another size', () => {
    const sealed = seal(makeModel(), keys, { batch: 16 });
    expect(() => rekey(sealed, others, keys)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
    expect(() => rekey(sealed, keys, larger)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
  });
});
