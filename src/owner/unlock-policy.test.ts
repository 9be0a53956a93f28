import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { mail, makeData, makeModel, makeParty, type Party, silent } from '../../test/fixtures/sealed-round.ts';
import { weightsAsPredictions } from '../attacks/unlock-weights.ts';
import { HermeticError } from '../base/errors.ts';
import { takeRows } from '../data/matrix.ts';
import { Sequential } from '../nn/model.ts';
import { copyWeights, parameterArrays } from '../nn/weights.ts';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import { fromRecord } from '../protocol/ckks-codec.ts';
import type { PlainModel } from '../protocol/model-file.ts';
import type { ReadSealedModel, SealedModel } from '../protocol/sealed-model.ts';
import {
  type ReadSealedPredictions,
  readSealedPredictions,
  type SealedPredictions,
  writeSealedPredictions,
} from '../protocol/sealed-predictions.ts';
import type { ReleasedRow, UnlockPolicy } from '../protocol/service/types.ts';
import { predictSealed } from '../trainer/predict.ts';
import { MAX_RELEASED_BITS, releaseRow, roundingOf } from './release.ts';
import { seal } from './seal.ts';
import { type CountedKey, UnlockLedger, unlockLimit } from './unlock-ledger.ts';
import {
  approveUnlock,
  decideUnlock,
  misfitOf,
  type RowAccount,
  type UnlockAsk,
  type UnlockDecision,
  type UnlockMeans,
  unlockForParty,
} from './unlock-policy.ts';

const ROWS = 20;
const { features } = makeData(ROWS);
const dense = takeRows(
  features,
  Uint32Array.from({ length: ROWS }, (_, i) => i),
).values;
const featuresOf = (rows: readonly number[]): number[][] =>
  rows.map((row) => [...dense.subarray(6 * row, 6 * row + 6)]);

let party: Party;
const model = makeModel();
let sealed: ReadSealedModel;
let predictions: ReadSealedPredictions;
/** Ciphertexts of weights in a file of predictions on the same model: row j holds two of them, as ½ + w·scale/width. */
let stolen: ReadSealedPredictions;
const WIDTH = 64;

beforeAll(async () => {
  party = await makeParty();
  sealed = await mail(seal(model, party.owner, { batch: 16 }), party);
  predictions = await mailPredictions(await predictSealed(sealed, party.trainer, features));
  stolen = await stolenFrom(sealed);
});
afterAll(() => party.dispose());

async function mailPredictions(file: SealedPredictions): Promise<ReadSealedPredictions> {
  const sink = memorySink();
  await writeSealedPredictions(sink, file, party.trainer.parameters);
  return readSealedPredictions(memorySource(sink.bytes()), { ...silent, parametersFor: () => party.owner.parameters });
}

function rowAccount(): RowAccount & { readonly used: number } {
  let used = 0;
  return {
    get used() {
      return used;
    },
    take: async (rows, limit) => {
      if (used + rows > limit) return false;
      used += rows;
      return true;
    },
    giveBack: async (rows) => {
      used -= rows;
    },
  };
}

function stolenFrom({ records }: SealedModel): Promise<ReadSealedPredictions> {
  const target = { context: party.trainer.context, keyId: party.trainer.keyId, modelId: sealed.modelId };
  return mailPredictions(weightsAsPredictions(target, records[0], WIDTH));
}

interface Desk extends UnlockMeans {
  readonly account: ReturnType<typeof rowAccount>;
}

const labels = { kind: 'label' } as const;

/** `through`: keys that the opened weights went through a trainer under. */
function desk(
  mode: UnlockPolicy['mode'],
  rows: number,
  release: UnlockPolicy['release'] = labels,
  through: readonly CountedKey[] = [],
): Desk {
  const weightsLedger = new UnlockLedger();
  return {
    policy: { mode, rows, release },
    account: rowAccount(),
    keys: party.owner,
    ledger: new UnlockLedger(),
    openedModel: async (modelId) =>
      modelId === sealed.modelId
        ? { ...model, charge: (answers) => weightsLedger.chargeAll(through, answers) }
        : undefined,
  };
}

const bitsUsed = async ({ ledger, keys }: UnlockMeans): Promise<number> => (await ledger.account(keys)).used;
const all = (count: number) => Array.from({ length: count }, (_, row) => row);

function answersOf(decision: UnlockDecision): readonly ReleasedRow[] {
  if (decision.status !== 'answered') throw new Error(`expected answers, got ${JSON.stringify(decision)}`);
  return decision.answers;
}

/** What the network says of the rows in the clear. */
function clear({ architecture, weights }: PlainModel, rows: readonly number[]): Float64Array {
  const outputs = Sequential.from(architecture, weights).predict(features);
  return Float64Array.from(rows, (row) => outputs[row]);
}

describe('a manual policy', () => {
  it('answers nothing until the owner approves, and decrypts nothing', async () => {
    const means = desk('manual', 10);
    const decrypt = vi.spyOn(party.owner.scheme, 'decrypt');
    try {
      const ask = { predictions, rows: [3, 1] };
      expect(await decideUnlock(ask, means)).toEqual({ status: 'pending' });
      expect(decrypt).not.toHaveBeenCalled();
      expect([means.account.used, await bitsUsed(means)]).toEqual([0, 0]);
      const answers = answersOf(await approveUnlock(ask, means));
      expect(answers.map(({ row }) => row)).toEqual([3, 1]);
      expect([means.account.used, await bitsUsed(means)]).toEqual([2, 2]);
      expect(decrypt).toHaveBeenCalled();
    } finally {
      decrypt.mockRestore();
    }
  });

  it('does not exceed its rows by approval', async () => {
    const means = desk('manual', 2);
    const decision = await approveUnlock({ predictions, rows: [0, 1, 2] }, means);
    expect(decision).toMatchObject({ status: 'denied', reason: expect.stringMatching(/no more than 2 rows/) });
    expect(means.account.used).toBe(0);
  });
});

describe('a quota', () => {
  it('answers with what was predicted, while rows last', async () => {
    const means = desk('quota', 3);
    const answers = answersOf(await decideUnlock({ predictions, rows: [0, 1] }, means));
    const expected = clear(model, [0, 1]);
    for (const [i, { label }] of answers.entries()) expect(label).toBe(Number(expected[i] >= 0.5));
    // Two are too many now, and nothing is taken for them; one is not.
    expect(await decideUnlock({ predictions, rows: [3, 4] }, means)).toMatchObject({ status: 'denied' });
    expect([means.account.used, await bitsUsed(means)]).toEqual([2, 2]);
    expect(await decideUnlock({ predictions, rows: [3] }, means)).toMatchObject({ status: 'answered' });
    expect(await decideUnlock({ predictions, rows: [5] }, means)).toMatchObject({ status: 'denied' });
    expect([means.account.used, await bitsUsed(means)]).toEqual([3, 3]);
  });

  it('holds when requests come at once', async () => {
    const means = desk('quota', 3);
    const asks = all(10).map((row) => decideUnlock({ predictions, rows: [row] }, means));
    const answered = (await Promise.all(asks)).filter(({ status }) => status === 'answered');
    expect(answered).toHaveLength(3);
    expect(means.account.used).toBe(3);
  });

  it('ends where the key has answered what a key may, whatever its rows', async () => {
    const means = desk('quota', 1000);
    const limit = unlockLimit(party.owner.context.parameters);
    const decision = await decideUnlock({ predictions, rows: all(limit + 1) }, means);
    expect(decision).toMatchObject({ status: 'denied', reason: expect.stringMatching(/rekey/) });
    // Nothing was decrypted for it, and the rows are there for another call.
    expect([means.account.used, await bitsUsed(means)]).toEqual([0, 0]);
    expect(answersOf(await decideUnlock({ predictions, rows: all(limit) }, means))).toHaveLength(limit);
    expect(await decideUnlock({ predictions, rows: [limit] }, means)).toMatchObject({ status: 'denied' });
  });

  it.each([
    [2, 1.5],
    [4, 1.05],
  ])(
    'tells a party that sends weights as predictions the released bits, %d a row, and no more',
    async (bits, factor) => {
      const release = { kind: 'rounded', bits } as const;
      const means = desk('quota', 1000, release);
      const answers: ReleasedRow[] = [];
      for (const row of weightRows()) {
        const decision = await decideUnlock({ predictions: stolen, rows: [row] }, means);
        if (decision.status === 'answered') answers.push(...decision.answers);
      }
      const limit = unlockLimit(party.owner.context.parameters);
      expect(answers).toHaveLength(Math.floor(limit / bits));
      expect(await bitsUsed(means)).toBe(answers.length * bits);
      for (const output of answers.flatMap(({ outputs }) => outputs!)) {
        expect(Number.isInteger(output * 2 ** (bits / 2) - 0.5)).toBe(true);
      }
      // Another network, whose weights agree with these in the bits that were told, gives the same answers.
      const weights = copyWeights(model.weights);
      for (const values of parameterArrays(weights)) for (let i = 0; i < values.length; i++) values[i] *= factor;
      const other = await stolenFrom(seal({ ...model, weights }, party.owner, { batch: 16 }));
      const rows = answers.map(({ row }) => row);
      const again = answersOf(await decideUnlock({ predictions: other, rows }, desk('quota', 1000, release)));
      expect(again.map(({ outputs }) => outputs![0])).toEqual(answers.map(({ outputs }) => outputs![0]));
    },
  );
});

/** Slots of the first ciphertext whose real part is a weight and no zero. */
function weightRows(): number[] {
  const { context, scheme } = party.owner;
  const { re } = scheme.decrypt(fromRecord(context, sealed.records[0]));
  const rows = Array.from(re, (_, row) => row).filter((row) => Math.abs(re[row]) > 0.05);
  expect(rows.length).toBeGreaterThan(8);
  return rows;
}

describe('a verified policy', () => {
  const rounded = { kind: 'rounded', bits: 12, range: [-1, 2] } as const;
  const rows = [4, 0, 7];
  const ask = (change: Partial<UnlockAsk> = {}): UnlockAsk => ({
    predictions,
    rows,
    features: featuresOf(rows),
    ...change,
  });

  it('answers with the owner’s own values, rounded, and charges nothing for weights that no trainer returned', async () => {
    const means = desk('verified', 10, rounded);
    const decision = await decideUnlock(ask(), means);
    const expected = clear(model, rows);
    expect(answersOf(decision)).toEqual(
      rows.map((row, i) => ({ row, ...releaseRow(Float64Array.of(expected[i]), rounded) })),
    );
    expect(decision).toMatchObject({ mismatches: 0 });
    expect([means.account.used, await bitsUsed(means)]).toEqual([3, 0]);
  });

  it('charges the keys that its weights went through, each question once, and denies what one has no room for', async () => {
    const { parameters } = party.owner.context;
    const limit = unlockLimit(parameters);
    const means = desk('verified', 100, labels, [party.owner, { keyId: 'ab'.repeat(16), context: { parameters } }]);
    const first = rows.slice(0, limit);
    expect(await decideUnlock(ask({ rows: first, features: featuresOf(first) }), means)).toHaveProperty('answers');
    // Other rows of the file, the same questions.
    const others = all(ROWS).slice(-first.length);
    expect(await decideUnlock(ask({ rows: others, features: featuresOf(first) }), means)).toHaveProperty('answers');
    const taken = means.account.used;
    const many = all(ROWS).slice(0, limit + 1);
    expect(await decideUnlock(ask({ rows: many, features: featuresOf(many) }), means)).toMatchObject({
      status: 'denied',
      reason: expect.stringContaining('not answered under one key'),
    });
    expect(means.account.used).toBe(taken);
    // The ciphertexts ask nothing, whatever their key.
    expect(await bitsUsed(means)).toBe(0);
  });

  it('answers the same whatever the ciphertexts hold: a party that sends weights learns of none', async () => {
    for (const release of [labels, rounded]) {
      const honest = await decideUnlock(ask(), desk('verified', 10, release));
      const means = desk('verified', 10, release);
      const dishonest = await decideUnlock(ask({ predictions: oneOutput(stolen) }), means);
      expect(answersOf(dishonest)).toEqual(answersOf(honest));
      expect(await bitsUsed(means)).toBe(0);
    }
  });

  it('alerts the owner to what the file says otherwise, and tells the party nothing of it', async () => {
    // The same file for the rows in another order: some labels differ.
    const expected = clear(model, all(ROWS));
    const [low, high] = [0, 1].map((label) =>
      expected.findIndex((x) => Number(x >= 0.5) === label && Math.abs(x - 0.5) > 0.01),
    );
    expect(Math.min(low, high)).toBeGreaterThanOrEqual(0);
    const swapped = { predictions, rows: [low, high], features: featuresOf([high, low]) };
    const decision = await decideUnlock(swapped, desk('verified', 10));
    expect(decision).toMatchObject({ status: 'answered', mismatches: 2 });
    const view = {
      id: 'ab'.repeat(8),
      partyId: 'cd'.repeat(8),
      networkId: 'ef'.repeat(8),
      keyId: '01'.repeat(8),
      createdAt: '2026-01-01T00:00:00Z',
      rows: 2,
      status: 'answered',
      answers: answersOf(decision),
      mismatches: 2,
    } as const;
    expect(unlockForParty(view)).not.toHaveProperty('mismatches');
    expect(unlockForParty(view)).toHaveProperty('answers', view.answers);
  });

  it('keeps to its rows', async () => {
    const means = desk('verified', 4);
    expect(await decideUnlock(ask(), means)).toMatchObject({ status: 'answered' });
    expect(await decideUnlock(ask(), means)).toMatchObject({ status: 'denied' });
    expect(means.account.used).toBe(3);
  });

  it('denies what it cannot compute, and takes no rows for it', async () => {
    const means = desk('verified', 10);
    expect(await decideUnlock(ask({ features: undefined }), means)).toMatchObject({
      status: 'denied',
      reason: expect.stringMatching(/features of the rows are missing/),
    });
    const unknown = { ...predictions, modelId: '0'.repeat(64) };
    expect(await decideUnlock(ask({ predictions: unknown }), means)).toMatchObject({
      status: 'denied',
      reason: expect.stringMatching(/Submit the model first/),
    });
    expect(means.account.used).toBe(0);
  });

  it('charges nothing for a file that cannot be read, and gives no rows back once something was charged', async () => {
    const means = desk('verified', 10, labels, [party.owner]);
    const charge = vi.spyOn(UnlockLedger.prototype, 'chargeAll');
    const strange = { ...predictions, packing: { bogus: 1 } };
    await expect(decideUnlock(ask({ predictions: strange as never }), means)).rejects.toMatchObject({
      code: 'BAD_FILE',
    });
    expect([charge.mock.calls.length, means.account.used]).toEqual([0, 0]);
    const decrypt = vi.spyOn(party.owner.scheme, 'decrypt').mockImplementation(() => {
      throw new HermeticError('BAD_FILE', 'no such thing');
    });
    const few = ask({ rows: [4], features: featuresOf([4]) });
    await expect(decideUnlock(few, means)).rejects.toMatchObject({ code: 'BAD_FILE' });
    const quota = desk('quota', 10);
    await expect(decideUnlock({ predictions, rows: [4] }, quota)).rejects.toMatchObject({ code: 'BAD_FILE' });
    decrypt.mockRestore();
    charge.mockRestore();
    expect([means.account.used, quota.account.used, await bitsUsed(quota)]).toEqual([1, 1, 1]);
  });

  it('refuses features that do not fit', async () => {
    const means = desk('verified', 10);
    const [first, second, third] = featuresOf(rows);
    for (const wrong of [
      [first, second],
      [first, second, third.slice(1)],
      [first, second, [...third.slice(1), Number.NaN]],
      [first, second, [...third.slice(1), 1e39]],
    ]) {
      await expect(decideUnlock(ask({ features: wrong }), means)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
    expect(means.account.used).toBe(0);
  });
});

describe('any policy', () => {
  it.each(['manual', 'quota', 'verified'] as const)('refuses rows that are named twice (%s)', async (mode) => {
    const twice = { predictions, rows: [1, 1], features: featuresOf([1, 2]) };
    await expect(decideUnlock(twice, desk(mode, 10))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it.each(['manual', 'quota', 'verified'] as const)('refuses rows that are not there (%s)', async (mode) => {
    for (const rows of [[], [-1], [ROWS], [0.5], [Number.NaN]]) {
      const refused = decideUnlock({ predictions, rows, features: [] }, desk(mode, 100));
      await expect(refused).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
  });

  it('refuses files under another key, and takes no rows for them', async () => {
    const means = desk('quota', 10);
    const other = { ...predictions, keyId: '0'.repeat(64) };
    await expect(decideUnlock({ predictions: other, rows: [0] }, means)).rejects.toMatchObject({ code: 'WRONG_KEY' });
    expect(means.account.used).toBe(0);
  });

  it('keeps rows taken when something breaks after the answer may have been made', async () => {
    const means = desk('quota', 10);
    const broken = vi.spyOn(party.owner.scheme, 'decrypt').mockImplementation(() => {
      throw new Error('power cut');
    });
    await expect(decideUnlock({ predictions, rows: [0] }, means)).rejects.toThrow('power cut');
    broken.mockRestore();
    expect([means.account.used, await bitsUsed(means)]).toEqual([1, 1]);
  });

  it('denies what its release cannot do', async () => {
    expect(misfitOf({ kind: 'rounded', bits: 3 }, 4)).toMatch(/do not go round/);
    expect(misfitOf({ kind: 'rounded', bits: MAX_RELEASED_BITS }, 13)).toMatch(/do not go round/);
    expect(misfitOf({ kind: 'rounded', bits: 4, range: [0, 0.5] }, 1)).toMatch(/shorter than 1/);
    for (const range of [
      [0, 1e7],
      [-1e7, 0],
      [2e6, 1e6],
    ] as const) {
      expect(misfitOf({ kind: 'rounded', bits: 4, range: [...range] }, 1)).toMatch(/beyond ±1000000/);
    }
    expect(misfitOf({ kind: 'rounded', bits: 4, range: [-1, 1] }, 4)).toBeUndefined();
    expect(misfitOf({ kind: 'rounded', bits: 4, range: [-1e6, 1e6] }, 4)).toBeUndefined();
    expect(misfitOf(labels, 1000)).toBeUndefined();
    // What is let through is what can be rounded: nothing throws after rows were taken.
    fc.assert(
      fc.property(
        fc.double({ noNaN: true }),
        fc.double({ noNaN: true }),
        fc.integer({ min: 1, max: 12 }),
        (low, high, bits) => {
          const range: [number, number] = [low, high];
          if (misfitOf({ kind: 'rounded', bits, range }, 1) === undefined)
            roundingOf({ kind: 'rounded', bits, range }, 1);
        },
      ),
    );
    const decision = await decideUnlock(
      { predictions: stolen, rows: [0] },
      desk('quota', 10, { kind: 'rounded', bits: 1 }),
    );
    expect(decision).toMatchObject({ status: 'denied' });
  });
});

/** A file of two outputs said to be of one: what a party does to look like a file of predictions on this network. */
function oneOutput(file: ReadSealedPredictions): SealedPredictions {
  const packing = { ...(file.packing as object), outputs: 1 };
  return { ...file, classes: 1, packing };
}
