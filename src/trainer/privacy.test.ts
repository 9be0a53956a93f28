import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  largestDifference,
  mail,
  makeData,
  makeModel,
  makeParty,
  type Party,
  recipe,
  twin,
} from '../../test/fixtures/sealed-round.ts';
import { hexToBytes } from '../base/bytes.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { matrix, takeRows } from '../data/matrix.ts';
import { evaluateData } from '../nn/evaluation.ts';
import { batches, DenseRows, joinRows, type TrainingData } from '../nn/feature-rows.ts';
import { initialWeights, scaledNormal } from '../nn/initializers.ts';
import { parseArchitecture } from '../nn/layer-spec.ts';
import { trainInTheClear } from '../nn/twin.ts';
import { createRefreshService } from '../owner/owner-refresh.ts';
import { open, seal } from '../owner/seal.ts';
import type { ReadSealedModel } from '../protocol/sealed-model.ts';
import { memoryCheckpoints } from './checkpoint-store.ts';
import { fit as fitSealed } from './fit.ts';
import type { FitOptions } from './fit-options.ts';
import { calibrate, completePrivacy, type PrivacySettings, perturbRows } from './privacy.ts';
import { gaussianDelta, keepProbability, splitEpsilon } from './privacy-calibration.ts';
import { secretWords } from './privacy-random.ts';
import { noisyShard, rowsOfRun } from './privacy-run.ts';
import { findRun } from './run-checkpoint.ts';
import { fingerprint, joinFingerprints, shardFingerprints } from './run-settings.ts';

const seed = (fill: number) => new Uint8Array(32).fill(fill);
const words = (purpose: string) => secretWords(seed(1), purpose);

const dense = ({ features }: TrainingData): Float32Array =>
  takeRows(
    features,
    Uint32Array.from({ length: features.rows }, (_, i) => i),
  ).values;

/** Before they were brought back to their length. */
const unshrunk = (data: TrainingData, { shrink }: { readonly shrink: number }): Float64Array =>
  Float64Array.from(dense(data), (x) => x / shrink);

/** The same row many times over. */
function repeated(row: readonly number[], target: readonly number[], rows: number): TrainingData {
  const features = new DenseRows(
    Float32Array.from({ length: rows * row.length }, (_, i) => row[i % row.length]),
    row.length,
  );
  return {
    features,
    targets: Float32Array.from({ length: rows * target.length }, (_, i) => target[i % target.length]),
  };
}

describe('noisy rows', () => {
  const settings: PrivacySettings = { epsilon: 4, delta: 1e-5, bound: 2 };

  it('scatter around the row as the calibration says, alike in every direction', async () => {
    const count = 20_000;
    const { data, report } = await perturbRows(repeated([1, -0.5, 0], [1], count), settings, await words('a'));
    const values = unshrunk(data, report);
    const { features } = splitEpsilon(4, 2);
    expect(gaussianDelta(report.deviation / 4, features) / 1e-5).toBeCloseTo(1, 4);
    for (const [j, centre] of [1, -0.5, 0].entries()) {
      const column = Float64Array.from({ length: count }, (_, i) => values[3 * i + j]);
      const mean = column.reduce((sum, x) => sum + x, 0) / count;
      const deviation = Math.sqrt(column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count);
      // Five standard errors.
      expect(Math.abs(mean - centre)).toBeLessThan((5 * report.deviation) / Math.sqrt(count));
      expect(Math.abs(deviation / report.deviation - 1)).toBeLessThan(5 / Math.sqrt(2 * count));
    }
    expect(report.clipped).toBe(0);
  });

  it('are clipped, in direction as they were, however long they are', async () => {
    const count = 4000;
    const { data, report } = await perturbRows(repeated([3e6, 4e6], [0], count), settings, await words('a'));
    const sums = [0, 0];
    unshrunk(data, report).forEach((x, i) => {
      sums[i % 2] += x / count;
    });
    const error = (5 * report.deviation) / Math.sqrt(count);
    expect(Math.abs(sums[0] - 1.2)).toBeLessThan(error);
    expect(Math.abs(sums[1] - 1.6)).toBeLessThan(error);
    expect(report.clipped).toBe(count);
  });

  it('are as long as they were, on the whole', async () => {
    const columns = 50;
    const row = Array.from({ length: columns }, (_, j) => 2 / Math.sqrt(columns) - 0.001 * j);
    const { data, report } = await perturbRows(repeated(row, [0], 1000), settings, await words('g'));
    const square = dense(data).reduce((sum, x) => sum + x * x, 0) / 1000;
    expect(report.shrink).toBeLessThan(0.1);
    expect(Math.abs(Math.sqrt(square) / 2 - 1)).toBeLessThan(0.05);
  });

  it('stand on a grid that does not depend on them', async () => {
    const { data, report } = await perturbRows(repeated([Math.PI, Math.E], [0], 500), settings, await words('b'));
    const step = report.deviation / 16;
    for (const x of unshrunk(data, report)) expect(Math.abs(x / step - Math.round(x / step))).toBeLessThan(1e-4);
  });

  it('have labels that are true as often as randomised response says', async () => {
    const count = 20_000;
    const one = await perturbRows(repeated([0], [1], count), settings, await words('c'));
    const kept = one.data.targets.reduce((sum, target) => sum + target, 0) / count;
    const error = 5 / Math.sqrt(4 * count);
    expect(Math.abs(kept - keepProbability(splitEpsilon(4, 2).labels, 2))).toBeLessThan(error);
    const offset = Math.fround(-0.25);
    const target = [offset, offset, 0.75, offset];
    const four = await perturbRows(repeated([0], target, count), settings, await words('d'));
    const counts = [0, 0, 0, 0];
    for (let row = 0; row < count; row++) {
      const answer = [...four.data.targets.subarray(4 * row, 4 * row + 4)];
      expect(answer.toSorted()).toEqual(target.toSorted());
      counts[answer.indexOf(0.75)]++;
    }
    const keep = keepProbability(splitEpsilon(4, 4).labels, 4);
    for (const [label, times] of counts.entries()) {
      expect(Math.abs(times / count - (label === 2 ? keep : (1 - keep) / 3))).toBeLessThan(error);
    }
  });

  it('leave the rows that they were made from as they were', async () => {
    const data = makeData(32);
    const before = [dense(data).slice(), data.targets.slice()];
    await perturbRows(data, settings, await words('e'));
    expect([dense(data), data.targets]).toEqual(before);
  });

  it('are made of finite features and of classes', async () => {
    const [bad, good] = [Float32Array.of(1, Number.NaN), Float32Array.of(1, 2)];
    const of = (features: Float32Array, targets: readonly number[]) => ({
      features: new DenseRows(features, 1),
      targets: Float32Array.from(targets),
    });
    const wrong = [
      of(bad, [0, 1]),
      of(good, [0, 0.5]),
      of(good, [0, 0, 1, 1]),
      of(good, [1, 0, 2, 0]),
      of(good, [0, 1, 0, 0]),
    ];
    for (const data of wrong) {
      await expect(perturbRows(data, settings, await words('f'))).rejects.toMatchObject({ code: 'BAD_DATA' });
    }
  });
});

describe('what two neighbours tell', () => {
  /** The largest privacy of a real distribution is seen at large δ with few samples. */
  const loose: PrivacySettings = { epsilon: 2, delta: 0.05, bound: 1 };
  const COUNT = 60_000;

  /** Opposite rows of length `bound`, and outcomes of each, as (feature, label). */
  async function outcomes(settings: PrivacySettings): Promise<[[number, number][], [number, number][]]> {
    const of = async (row: number, target: number, purpose: string): Promise<[number, number][]> => {
      const { data, report } = await perturbRows(repeated([row], [target], COUNT), settings, await words(purpose));
      return Array.from(unshrunk(data, report), (x, i) => [x, data.targets[i]]);
    };
    return [await of(settings.bound, 1, 'one'), await of(-settings.bound, 0, 'other')];
  }

  /** The largest P(E | one) − e^ε·P(E | other) over events of a feature beyond a threshold, and of a label with it or not. */
  function excess([one, other]: [[number, number][], [number, number][]], epsilon: number): number {
    const share = (from: [number, number][], event: (x: number, y: number) => boolean) =>
      from.reduce((sum, [x, y]) => sum + Number(event(x, y)), 0) / from.length;
    let most = -1;
    for (let threshold = -4; threshold <= 6; threshold += 0.25) {
      for (const event of [
        (x: number) => x > threshold,
        (x: number, y: number) => x > threshold && y === 1,
        (x: number, y: number) => (y === 1 ? x > threshold - 1 : x > threshold + 1),
      ]) {
        most = Math.max(most, share(one, event) - Math.exp(epsilon) * share(other, event));
      }
    }
    return most;
  }

  /** Of a difference of two shares, the second e^ε-fold; four standard errors at the most. */
  const error = (epsilon: number) => 4 * (1 + Math.exp(epsilon)) * Math.sqrt(0.25 / COUNT);

  it('is within ε and δ, of features and labels together', async () => {
    expect(excess(await outcomes(loose), loose.epsilon)).toBeLessThan(loose.delta + error(loose.epsilon));
  });

  it('uses up δ where features alone are looked at: no less noise would do', async () => {
    const [one, other] = await outcomes(loose);
    const { features } = splitEpsilon(loose.epsilon, 2);
    const blank = (from: [number, number][]): [number, number][] => from.map(([x]) => [x, 0]);
    const most = excess([blank(one), blank(other)], features);
    expect(most).toBeLessThan(loose.delta + error(features));
    expect(most).toBeGreaterThan(loose.delta - error(features));
  });

  it('would be too much with half the noise, which this test would see', async () => {
    const [one, other] = await outcomes(loose);
    const { features } = splitEpsilon(loose.epsilon, 2);
    const nearer = (from: [number, number][], centre: number): [number, number][] =>
      from.map(([x]) => [centre + (x - centre) / 2, 0]);
    expect(excess([nearer(one, 1), nearer(other, -1)], features)).toBeGreaterThan(2 * (loose.delta + error(features)));
  });
});

describe('secret words', () => {
  const draw = async (fill: number, purpose: string): Promise<string> => {
    const source = await secretWords(seed(fill), purpose);
    const drawn = [new Uint32Array(4), new Uint32Array(4)];
    for (const part of drawn) await source(part);
    return drawn.map(String).join();
  };

  it('are the same again, and others for another seed or purpose', async () => {
    const first = await draw(1, 'a');
    expect(await draw(1, 'a')).toBe(first);
    expect(new Set([first, await draw(2, 'a'), await draw(1, 'b')]).size).toBe(3);
    const numbers = first.split(',');
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});

describe('the rows of a run', () => {
  const data = makeData(16);
  const settings = { epsilon: 1, delta: 1e-5, bound: 1 };

  it('have fresh noise, or that of a seed, which is another for other rows and settings', async () => {
    const print = await fingerprint(data);
    const fresh = await rowsOfRun(data, print, settings);
    const again = await rowsOfRun(data, print, settings, fresh.privacy!.seed);
    const digest = async ({ data: rows }: { data: TrainingData }) => (await fingerprint(rows)).digest;
    expect(await digest(again)).toBe(await digest(fresh));
    expect(await digest(await rowsOfRun(data, print, settings))).not.toBe(await digest(fresh));
    // One row replaced, and noise that has nothing in common: the difference of both tells nothing of either.
    const values = dense(data).slice();
    values[0] += 1;
    const other = { ...data, features: new DenseRows(values, 6) };
    const noisy = await rowsOfRun(other, await fingerprint(other), settings, fresh.privacy!.seed);
    const [a, b] = [dense(fresh.data), dense(noisy.data)];
    expect(a.filter((x, i) => x === b[i]).length).toBeLessThan(a.length / 4);
  });

  it('have in every shard the noise that its own machine gives it, and never the same in two', async () => {
    // Two shards that are alike.
    const twice = joinRows([data, data]);
    const prints = await shardFingerprints(twice, 2);
    const print = await joinFingerprints(prints);
    const whole = await rowsOfRun(twice, print, settings, undefined, { prints });
    const own = whole.privacy!.seed;
    expect(whole.report!.rowsNeeded).toBeGreaterThan(0);
    const parts = await Promise.all(
      [0, 1].map(async (held) => (await rowsOfRun(data, print, settings, own, { prints, held })).data),
    );
    expect(dense(joinRows(parts))).toEqual(dense(whole.data));
    expect(joinRows(parts).targets).toEqual(whole.data.targets);
    const place = { digest: prints[1].digest, shard: 1, shards: 2 };
    expect(dense((await noisyShard(data, place, settings, hexToBytes(own))).data)).toEqual(dense(parts[1]));
    const [a, b] = parts.map(dense);
    expect(a.filter((x, i) => x === b[i]).length).toBeLessThan(a.length / 4);
  });

  it('are the rows as they are where nothing is asked for', async () => {
    expect(await rowsOfRun(data, await fingerprint(data), undefined)).toMatchObject({ data, privacy: undefined });
  });
});

describe('the bound', () => {
  const label = { column: 'y', classes: ['a', 'b'], outputs: 1, offset: 0 };
  const boundOf = (inputs: object | null, columns: number) =>
    completePrivacy({ epsilon: 1 }, inputs && { version: 1, inputs: inputs as never, label }, columns).bound;

  it('is what the feature settings make of a row of usual length', () => {
    const numeric = { kind: 'numeric', columns: ['a', 'b', 'c'], mean: [0, 1, 2], deviation: [1, 2, 3], scale: 1 };
    expect(boundOf(numeric, 3)).toBeCloseTo(Math.sqrt(3), 12);
    const text = { kind: 'text', column: 't', vocabulary: ['x', 'y'], idf: [1, 1], mean: [0.3, 0.4], scale: 2 };
    expect(boundOf(text, 2)).toBeCloseTo(2 * Math.sqrt(0.75), 12);
    expect(boundOf(null, 49)).toBe(7);
    expect(completePrivacy({ epsilon: 1, bound: 3, delta: 1e-6 }, null, 49)).toEqual({
      epsilon: 1,
      bound: 3,
      delta: 1e-6,
    });
  });

  it('and the rest are refused where they are none', () => {
    for (const wish of [{ epsilon: 0 }, { epsilon: 101 }, { epsilon: 1, delta: 0 }, { epsilon: 1, bound: 0 }]) {
      expect(() => completePrivacy(wish, null, 4)).toThrow(RangeError);
    }
  });
});

describe('learning from noisy rows', () => {
  const columns = 4;
  const architecture = parseArchitecture('1:lin4', columns);

  /** Two classes that are easily told apart; rows of length √columns or so. */
  function easy(rows: number, at: number): TrainingData {
    const random = new SeededRandom(at);
    const features = matrix(rows, columns);
    const targets = Float32Array.from({ length: rows }, (_, row) => {
      const label = random.integer(2);
      for (let j = 0; j < columns; j++)
        features.values[row * columns + j] = (2 * label - 1) * 0.9 + random.normal(0, 0.4);
      return label;
    });
    return { features: new DenseRows(features.values, columns), targets };
  }

  async function accuracyWith(epsilon: number, rows: number): Promise<{ accuracy: number; warned: boolean }> {
    const settings = completePrivacy({ epsilon }, null, columns);
    const { data, report } = await perturbRows(easy(rows, 1), settings, await words('easy'));
    const training = {
      ...recipe,
      learningRate: 0.3,
      momentum: 0.9,
      batch: 256,
      steps: 60,
      schedule: { kind: 'linear' } as const,
    };
    const weights = initialWeights(architecture, [scaledNormal({ scale: 0.1 })], 1);
    const trained = trainInTheClear(architecture, weights, training, batches(data, training)).weights;
    const { accuracy } = evaluateData(architecture, trained, easy(2000, 2));
    return { accuracy, warned: report.warning !== undefined };
  }

  it('reaches far beyond chance with a moderate ε and rows enough, and the report says when they are too few', async () => {
    const enough = await accuracyWith(4, 4000);
    expect(enough.accuracy).toBeGreaterThan(0.9);
    expect(enough.warned).toBe(false);
    const few = await accuracyWith(0.1, 256);
    expect(few.warned).toBe(true);
  });

  it('is promised less for smaller ε, fewer rows, more features and more classes', () => {
    const needed = (epsilon: number, width: number, classes: number) =>
      calibrate(completePrivacy({ epsilon }, null, width), { rows: 100, columns: width }, classes).rowsNeeded;
    expect(needed(1, 10, 2)).toBeGreaterThan(2 * needed(2, 10, 2));
    // The bound grows with the features, and there are more to be learned.
    expect(needed(2, 40, 2) / needed(2, 10, 2)).toBeCloseTo(4, 1);
    expect(needed(2, 10, 10)).toBeGreaterThan(5 * needed(2, 10, 2));
  });
});

describe('fit with privacy', () => {
  let party: Party;
  let sealed: ReadSealedModel;
  const data = makeData();
  beforeAll(async () => {
    party = await makeParty();
    sealed = await mail(seal(makeModel(), party.owner, { batch: 16 }), party);
  });
  afterAll(() => party.dispose());

  function train(options: Partial<FitOptions> = {}) {
    const service = createRefreshService(party.owner);
    return fitSealed(sealed, party.trainer, data, {
      recipe,
      refresh: (request) => service.answer('trainer', request),
      skipShadowRun: true,
      ...options,
    });
  }

  it('says what it did, in the provenance and to whoever watches, and nothing of the rows', async () => {
    const told: unknown[] = [];
    const result = await train({ privacy: { epsilon: 3 }, observer: { privacy: (report) => told.push(report) } });
    expect(told).toEqual([result.privacy]);
    expect(result.privacy).toMatchObject({ epsilon: 3, delta: 1e-5, bound: Math.sqrt(6) });
    const entry = result.model.provenance.at(-1) as { privacy: object };
    expect(entry.privacy).toEqual({
      epsilon: 3,
      delta: 1e-5,
      mechanism: expect.stringMatching(/norm 2\.45, Gaussian/),
    });
    expect(JSON.stringify(entry)).not.toMatch(/clipped"|seed":"/);
    expect(result.data.digest).not.toBe((await fingerprint(data)).digest);
    const plain = await train();
    expect(plain.privacy).toBeUndefined();
    expect(plain.model.provenance.at(-1)).not.toHaveProperty('privacy');
    expect(plain.data).toEqual(await fingerprint(data));
  });

  it('trains on the noisy rows and on nothing else', async () => {
    const checkpoint = memoryCheckpoints();
    const result = await train({ privacy: { epsilon: 3 }, checkpoint });
    const opened = open(await mail(result.model, party), party.owner).weights;
    // The seed of the noise stands in the checkpoint, and nowhere else.
    const { settings } = (await findRun(checkpoint, party.trainer, sealed, () => {}))!;
    const noisy = await rowsOfRun(data, await fingerprint(data), settings.privacy, settings.privacy!.seed);
    expect(await fingerprint(noisy.data)).toEqual(result.data);
    expect(JSON.stringify(result.model.provenance)).not.toContain(settings.privacy!.seed);
    expect(largestDifference(opened, twin(makeModel(), noisy.data))).toBeLessThan(2 ** -10);
    expect(largestDifference(opened, twin(makeModel(), data))).toBeGreaterThan(2 ** -6);
  });

  it('goes on with the noise that it began with, and with no other privacy', async () => {
    const checkpoint = memoryCheckpoints();
    const stop = new AbortController();
    const privacy = { epsilon: 3 };
    const begun = train({ privacy, checkpoint, signal: stop.signal, observer: { step: () => stop.abort() } });
    await expect(begun).rejects.toMatchObject({ code: 'ABORTED' });
    for (const [wish, named] of [
      [{ epsilon: 4 }, /ε of the privacy/],
      [{ epsilon: 3, delta: 1e-6 }, /δ of the privacy/],
      [{ epsilon: 3, bound: 9 }, /bound of the privacy/],
      [undefined, /of the privacy/],
    ] as const) {
      const other = train({ checkpoint, ...(wish && { privacy: wish }) });
      await expect(other).rejects.toMatchObject({ code: 'BAD_ARGUMENT', message: expect.stringMatching(named) });
    }
    const [first, second] = [await train({ privacy, checkpoint }), await train({ privacy, checkpoint })];
    expect(second.data).toEqual(first.data);
    expect((await train({ privacy })).data).not.toEqual(first.data);
  });
});
