/** Sealed predictions: made without the key, unlocked a label or a few bits at a time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DenseRows, type FeatureRows } from '../src/nn/feature-rows.ts';
import { Sequential } from '../src/nn/model.ts';
import { createRefreshService } from '../src/owner/owner-refresh.ts';
import { open, seal } from '../src/owner/seal.ts';
import { unlockPredictions } from '../src/owner/unlock.ts';
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
    const unlocked = unlockPredictions(predictions, party.owner, { release: { kind: 'rounded', range } });
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
    const unlocked = unlockPredictions(predictions, party.owner);
    for (const { row, label, outputs } of unlocked) {
      const values = [...clear.subarray(row * classes, (row + 1) * classes)];
      expect(values[label]).toBeGreaterThan(Math.max(...values) - STEP);
      expect(outputs).toBeUndefined();
    }
  });

  it('are unlocked a row at a time, in any order', async () => {
    const predictions = await sealedPredictions(makeModel());
    const all = unlockPredictions(predictions, party.owner);
    for (const rows of [[39], [17, 2, 17], []]) {
      expect(unlockPredictions(predictions, party.owner, { rows })).toEqual(rows.map((row) => all[row]));
    }
    expect(() => unlockPredictions(predictions, party.owner, { rows: [40] })).toThrow(/no row 40/);
  });

  it('cost little for a single row', async () => {
    const model = makeModel();
    const one = DenseRows.from([[0.5, -0.2, 0.1, 0, 0.3, -0.9]]);
    const predictions = await sealedPredictions(model, one);
    expect(predictions.records).toHaveLength(1);
    const release = { kind: 'rounded' } as const;
    const [{ outputs }] = unlockPredictions(predictions, party.owner, { release });
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
    unlockPredictions(predictions, party.owner).forEach(({ row, label }) => {
      if (Math.abs(clear[row] - 0.5) > STEP) expect(label).toBe(Number(clear[row] > 0.5));
    });
  });
});

describe('unlocking', () => {
  it('never releases more than 12 bits a row', async () => {
    const predictions = await sealedPredictions(makeModel('4:linear,3:linear'));
    const release = (bits: number) =>
      unlockPredictions(predictions, party.owner, { rows: [0], release: { kind: 'rounded', bits } });
    expect(() => release(13)).toThrow(expect.objectContaining({ code: 'POLICY_DENIED' }));
    expect(() => release(2)).toThrow(RangeError);
    expect(new Set(release(12)[0].outputs).size).toBeLessThanOrEqual(3);
    for (const output of release(12)[0].outputs!) expect(Number.isInteger(output * 16 - 0.5)).toBe(true);
  });

  it('is for the owner of the key alone', async () => {
    const predictions = await sealedPredictions(makeModel());
    expect(() => unlockPredictions(predictions, stranger.owner)).toThrow(
      expect.objectContaining({ code: 'WRONG_KEY' }),
    );
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
    ];
    for (const change of wrong) {
      expect(() => unlockPredictions({ ...predictions, ...change }, party.owner)).toThrow(
        expect.objectContaining({ code: 'BAD_FILE' }),
      );
    }
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
