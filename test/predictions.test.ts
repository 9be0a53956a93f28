/** Sealed predictions: made without the key, unlocked a label or a few bits at a time. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HermeticError } from '../src/base/errors.ts';
import { DenseRows, type FeatureRows } from '../src/nn/feature-rows.ts';
import { Sequential } from '../src/nn/model.ts';
import { createRefreshService } from '../src/owner/owner-refresh.ts';
import type { Release } from '../src/owner/release.ts';
import { open, seal } from '../src/owner/seal.ts';
import { type UnlockedRow, unlockPredictions } from '../src/owner/unlock.ts';
import { UnlockLedger, unlockLimit } from '../src/owner/unlock-ledger.ts';
import { memorySink, memorySource } from '../src/protocol/byte-source.ts';
import { fromRecord } from '../src/protocol/ckks-codec.ts';
import type { PlainModel } from '../src/protocol/model-file.ts';
import {
  type ReadSealedPredictions,
  readSealedPredictions,
  type SealedPredictions,
  writeSealedPredictions,
} from '../src/protocol/sealed-predictions.ts';
import { fit as fitSealed } from '../src/trainer/fit.ts';
import { predictSealed } from '../src/trainer/predict.ts';
import { mail, makeData, makeModel, makeParty, type Party, recipe } from './fixtures/sealed-round.ts';

let party: Party;
let stranger: Party;
beforeAll(async () => {
  [party, stranger] = [await makeParty(), await makeParty()];
});
afterAll(() => {
  party.dispose();
  stranger.dispose();
});

const { features } = makeData(40);

async function sealedPredictions(
  model: PlainModel,
  rows: FeatureRows = features,
  batch: number = 16,
): Promise<ReadSealedPredictions> {
  const sealed = await mail(seal(model, party.owner, { batch }), party);
  return mailPredictions(await predictSealed(sealed, party.trainer, rows));
}

async function mailPredictions(predictions: SealedPredictions): Promise<ReadSealedPredictions> {
  const sink = memorySink();
  await writeSealedPredictions(sink, predictions, party.trainer.parameters);
  return readSealedPredictions(memorySource(sink.bytes()), {
    onWarning: () => {},
    parametersFor: () => party.owner.parameters,
  });
}

function inTheClear({ architecture, weights }: PlainModel, rows: FeatureRows = features): Float64Array {
  return Sequential.from(architecture, weights).predict(rows);
}

function withId(predictions: ReadSealedPredictions, predictionsId: string): ReadSealedPredictions {
  return { ...predictions, predictionsId };
}

/** For nobody's eyes but the owner's. */
function unlockAll(predictions: SealedPredictions, release: Release = { kind: 'label' }): Promise<UnlockedRow[]> {
  return unlockPredictions(predictions, party.owner, { ledger: 'private', release });
}

const STEP = 2 ** -12;

describe('sealed predictions', () => {
  it.each([
    ['two layers', '4:linear,1:lin4'],
    ['one layer', '1:lin4'],
    ['a square layer', '4:square,1:lin4'],
    ['three layers', '4:linear,3:square,1:lin4'],
  ])('of %s agree with those in the clear, to the bits that are released', async (_, layers) => {
    const model = makeModel(layers);
    const predictions = await sealedPredictions(model);
    const range = [-2, 2] as const;
    const unlocked = await unlockAll(predictions, { kind: 'rounded', bits: 12, range });
    expect(unlocked.map(({ row }) => row)).toEqual(Array.from({ length: 40 }, (_, row) => row));
    inTheClear(model).forEach((expected, row) => {
      expect(Math.abs(unlocked[row].outputs![0] - expected)).toBeLessThan(4 * STEP);
    });
  });

  it.each([
    ['list', '4:linear,3:linear'],
    ['blocks', '5:linear'],
  ])('of several classes are unlocked as labels (%s)', async (form, layers) => {
    const model = makeModel(layers);
    const predictions = await sealedPredictions(model);
    expect(predictions.packing).toMatchObject({ form });
    const classes = predictions.classes;
    const clear = inTheClear(model);
    const unlocked = await unlockAll(predictions);
    for (const { row, label, outputs } of unlocked) {
      const values = [...clear.subarray(row * classes, (row + 1) * classes)];
      expect(values[label]).toBeGreaterThan(Math.max(...values) - STEP);
      expect(outputs).toBeUndefined();
    }
  });

  it('are unlocked a row at a time, in any order', async () => {
    const predictions = await sealedPredictions(makeModel());
    const all = await unlockAll(predictions);
    const ledger = new UnlockLedger();
    for (const rows of [[39], [17, 2, 17], []]) {
      expect(await unlockPredictions(predictions, party.owner, { ledger, rows })).toEqual(rows.map((row) => all[row]));
    }
    await expect(unlockPredictions(predictions, party.owner, { ledger, rows: [40] })).rejects.toThrow(/no row 40/);
  });

  it('cost little for a single row', async () => {
    const model = makeModel();
    const one = DenseRows.from([[0.5, -0.2, 0.1, 0, 0.3, -0.9]]);
    const predictions = await sealedPredictions(model, one);
    expect(predictions.records).toHaveLength(1);
    const [{ outputs }] = await unlockAll(predictions, { kind: 'rounded', bits: 12 });
    expect(Math.abs(outputs![0] - inTheClear(model, one)[0])).toBeLessThan(2 * STEP);
  });

  it('hold nothing beside the outputs: partial sums over the features drown in noise', async () => {
    const { owner } = party;
    for (const layers of ['5:linear', '4:linear,1:lin4']) {
      const { records } = await sealedPredictions(makeModel(layers), DenseRows.from([[1, 1, 1, 1, 1, 1]]));
      for (const record of records) {
        const slots = owner.scheme.decrypt(fromRecord(owner.context, record));
        const all = [...slots.re, ...slots.im].map(Math.abs);
        // Every other number is uniform in ±2^24: one below 2^10 turns up once in 16,000.
        expect(all.filter((value) => value < 2 ** 10).length).toBeLessThan(9);
      }
    }
  });

  it('leave at the last level, unseeded, different each time', async () => {
    const sealed = await mail(seal(makeModel(), party.owner, { batch: 16 }), party);
    const [one, two] = [0, 1].map(() => predictSealed(sealed, party.trainer, features));
    const [a, b] = [await one, await two];
    a.records.forEach((record, i) => {
      expect(record).toMatchObject({ level: 0, limbs: 3 });
      expect(record.seed).toBeUndefined();
      expect(record.polynomials[1]).not.toEqual(b.records[i].polynomials[1]);
    });
  });

  it('come from a trained model as well', async () => {
    const data = makeData(40);
    const sealed = await mail(seal(makeModel(), party.owner, { batch: 16 }), party);
    const service = createRefreshService(party.owner);
    const trained = await fitSealed(sealed, party.trainer, data, {
      recipe: { ...recipe, steps: 1 },
      refresh: (request) => service.answer('trainer', request),
    });
    const model = await mail(trained.model, party);
    const predictions = await mailPredictions(await predictSealed(model, party.trainer, features));
    const clear = inTheClear(open(model, party.owner));
    (await unlockAll(predictions)).forEach(({ row, label }) => {
      if (Math.abs(clear[row] - 0.5) > STEP) expect(label).toBe(Number(clear[row] > 0.5));
    });
  });
});

describe('unlocking', () => {
  it('never releases more than 12 bits a row', async () => {
    const predictions = await sealedPredictions(makeModel('4:linear,3:linear'));
    const release = async (bits?: number): Promise<readonly number[]> =>
      (await unlockAll(predictions, { kind: 'rounded', ...(bits !== undefined && { bits }) }))[0].outputs!;
    await expect(release(13)).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    await expect(release(2)).rejects.toThrow(RangeError);
    for (const output of await release(12)) expect(Number.isInteger(output * 16 - 0.5)).toBe(true);
    // Eight bits are meant where none are named: two for each of three outputs.
    expect(await release()).toEqual(await release(8));
    for (const output of await release()) expect(Number.isInteger(output * 4 - 0.5)).toBe(true);
  });

  it('is for the owner of the key alone', async () => {
    const predictions = await sealedPredictions(makeModel());
    await expect(unlockPredictions(predictions, stranger.owner, { ledger: 'private' })).rejects.toMatchObject({
      code: 'WRONG_KEY',
    });
  });

  it('refuses files that were put together wrongly', async () => {
    const predictions = await sealedPredictions(makeModel());
    const layout = predictions.packing as Record<string, number>;
    const [first, ...rest] = predictions.records;
    const wrong: Partial<ReadSealedPredictions>[] = [
      { packing: null },
      { packing: { ...layout, slots: 2 * layout.slots } },
      { packing: { ...layout, outputs: 2 } },
      { packing: { ...layout, factor: 0 } },
      { packing: { ...layout, form: 'pile' } },
      { records: [first, first, ...rest] },
      { records: [{ ...first, rowCount: first.rowCount + 1 }, ...rest], packing: { ...layout, pitch: 1 } },
      { records: rest },
      { rows: 2 ** 32 },
      { records: [first, { ...first, firstRow: 8 }, ...rest] },
    ];
    for (const change of wrong) {
      const ledger = new UnlockLedger();
      await expect(unlockPredictions({ ...predictions, ...change }, party.owner, { ledger })).rejects.toMatchObject({
        code: 'BAD_FILE',
      });
      expect(await ledger.answers(party.owner)).toEqual([]);
    }
  });
});

describe('the ledger of what is unlocked', () => {
  const bit = { kind: 'rounded', bits: 1 } as const;

  it('must be named, or the answers said to be private', async () => {
    const predictions = await sealedPredictions(makeModel());
    for (const options of [{}, { ledger: undefined }, { ledger: true }, { ledger: 'Private' }]) {
      const call = unlockPredictions(predictions, party.owner, options as unknown as { ledger: 'private' });
      await expect(call).rejects.toThrow(TypeError);
    }
  });

  it('charges bits: of labels log2 of the classes, of rounded rows what is released', async () => {
    const [one, five] = [await sealedPredictions(makeModel()), await sealedPredictions(makeModel('5:linear'))];
    const cost = async (predictions: SealedPredictions, release: Release): Promise<number> => {
      const ledger = new UnlockLedger();
      await unlockPredictions(predictions, party.owner, { ledger, rows: [3], release });
      return (await ledger.answers(party.owner)).reduce((sum, { bits }) => sum + bits, 0);
    };
    expect(await cost(one, { kind: 'label' })).toBe(1);
    expect(await cost(five, { kind: 'label' })).toBe(3);
    expect(await cost(one, { kind: 'rounded', bits: 3 })).toBe(3);
    expect(await cost(one, { kind: 'rounded', bits: 1, range: [-2, 2] })).toBe(1);
  });

  it('refuses a call that is too much, whole, before anything is decrypted', async () => {
    const predictions = await sealedPredictions(makeModel());
    const limit = unlockLimit(party.owner.context.parameters);
    const ledger = new UnlockLedger();
    const decrypted = vi.spyOn(party.owner.scheme, 'decrypt');
    try {
      const rows = Array.from({ length: limit + 1 }, (_, row) => row);
      const refused = unlockPredictions(predictions, party.owner, { ledger, rows });
      await expect(refused).rejects.toMatchObject({ code: 'POLICY_DENIED', got: String(limit + 1) });
      expect(decrypted).not.toHaveBeenCalled();
      expect(await ledger.account(party.owner)).toEqual({ used: 0, left: limit, limit });
      expect(await unlockPredictions(predictions, party.owner, { ledger, rows: rows.slice(1) })).toHaveLength(limit);
      expect(decrypted).toHaveBeenCalled();
    } finally {
      decrypted.mockRestore();
    }
  });

  it('has counted when something fails after it', async () => {
    const predictions = await sealedPredictions(makeModel());
    const ledger = new UnlockLedger();
    const broken = vi.spyOn(party.owner.scheme, 'decrypt').mockImplementation(() => {
      throw new Error('power cut');
    });
    await expect(unlockPredictions(predictions, party.owner, { ledger, rows: [5] })).rejects.toThrow('power cut');
    broken.mockRestore();
    expect(await ledger.account(party.owner)).toMatchObject({ used: 1 });
    await unlockPredictions(predictions, party.owner, { ledger, rows: [5] });
    expect(await ledger.account(party.owner)).toMatchObject({ used: 1 });
  });

  it('answers nothing when its book cannot be written', async () => {
    const predictions = await sealedPredictions(makeModel());
    const full = new HermeticError('DISK', 'the disk is full');
    const ledger = new UnlockLedger({ read: async () => new Map(), update: () => Promise.reject(full) });
    const decrypted = vi.spyOn(party.owner.scheme, 'decrypt');
    await expect(unlockPredictions(predictions, party.owner, { ledger, rows: [5] })).rejects.toBe(full);
    expect(decrypted).not.toHaveBeenCalled();
    decrypted.mockRestore();
  });

  it('counts the same answer once, and another file, row or release anew', async () => {
    const [one, other] = [await sealedPredictions(makeModel()), await sealedPredictions(makeModel())];
    const used = async (...calls: [SealedPredictions, number[], Release?][]): Promise<number> => {
      const ledger = new UnlockLedger();
      for (const [predictions, rows, release = { kind: 'label' } as const] of calls) {
        await unlockPredictions(predictions, party.owner, { ledger, rows, release });
      }
      return (await ledger.account(party.owner)).used;
    };
    expect(await used([one, [0]], [one, [0, 0]])).toBe(1);
    expect(await used([one, [0]], [one, [1, 0]])).toBe(2);
    expect(await used([one, [0]], [other, [0]])).toBe(2);
    // What a file says of its identity is no part of it: it is computed.
    expect(await used([one, [0]], [withId(one, '00'.repeat(32)), [0]])).toBe(1);
    expect(await used([one, [0]], [withId(other, one.predictionsId), [0]])).toBe(2);
    const altered = { ...one, records: one.records.map((record) => ({ ...record, scale: 2 * record.scale })) };
    expect(await used([one, [0]], [altered, [0]])).toBe(2);
    expect(await used([one, [0]], [one, [0], bit])).toBe(2);
    expect(await used([one, [0], bit], [one, [0], { ...bit, range: [0, 1] }])).toBe(1);
    expect(await used([one, [0], bit], [one, [0], { ...bit, range: [0, 2] }])).toBe(2);
  });

  it('has an account for each key', async () => {
    const ledger = new UnlockLedger();
    const predictions = await sealedPredictions(makeModel());
    await unlockPredictions(predictions, party.owner, { ledger, rows: [0, 1] });
    expect(await ledger.account(party.owner)).toMatchObject({ used: 2 });
    expect(await ledger.account(stranger.owner)).toMatchObject({ used: 0 });
  });
});

describe('predicting', () => {
  it('refuses a model that stands too low, of another key, and no rows', async () => {
    const sealed = await mail(seal(makeModel(), party.owner, { batch: 16 }), party);
    const exhausted = await fitSealed(sealed, party.trainer, makeData(40), {
      recipe: { ...recipe, steps: 2 },
      refresh: 'none',
    });
    const low = await mail(exhausted.model, party);
    await expect(predictSealed(low, party.trainer, features)).rejects.toMatchObject({ code: 'LEVELS_EXHAUSTED' });
    await expect(predictSealed(sealed, stranger.trainer, features)).rejects.toMatchObject({ code: 'WRONG_KEY' });
    const none = new DenseRows(new Float32Array(0), 6);
    await expect(predictSealed(sealed, party.trainer, none)).rejects.toMatchObject({ code: 'BAD_DATA' });
  });

  it('stops when asked, and frees what it made', async () => {
    const sealed = await mail(seal(makeModel(), party.owner, { batch: 16 }), party);
    const inUse = () => party.trainer.context.engine.heap.bytesInUse;
    await predictSealed(sealed, party.trainer, features);
    const before = inUse();
    await predictSealed(sealed, party.trainer, features);
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    await expect(
      predictSealed(sealed, party.trainer, features, { signal: controller.signal, onProgress }),
    ).rejects.toMatchObject({ code: 'ABORTED' });
    expect(inUse()).toBe(before);
  });
});
