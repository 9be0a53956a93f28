import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { ClearCiphertext } from '../../schemes/clear/clear-ciphertext.ts';
import { ClearEvaluator } from '../../schemes/clear/clear-evaluator.ts';
import type { Refresher } from '../../schemes/refresher.ts';
import { activation } from '../activations.ts';
import type { Architecture, TrainingRecipe } from '../architecture.ts';
import { batches, DenseRows } from '../feature-rows.ts';
import { type RecipeName, recipe, recipeNames } from '../recipes.ts';
import { trainInTheClear } from '../twin.ts';
import { parameterArrays } from '../weights.ts';
import { openClear, sealClear } from './clear-run.ts';
import { ciphertextNames, flattenLayers } from './layer-ciphertexts.ts';
import { planLayout } from './layout.ts';
import { planTraining } from './plan.ts';
import { packForRefresh, planRefreshPacking, type RefreshPacking, unpackRefreshed } from './refresh-packing.ts';
import type { SealedNetwork } from './sealed-network.ts';
import { trainSealed } from './training-loop.ts';
import { packWeights } from './weight-slots.ts';

const LEVELS = 2;

function network(inputs: number, units: readonly number[], useBias: readonly boolean[]): Architecture {
  const sizes = [inputs, ...units];
  return {
    layers: units.map((count, i) => ({
      kind: 'dense',
      inputs: sizes[i],
      units: count,
      activation: activation('linear'),
      useBias: useBias[i],
    })),
  };
}

function sealedNetwork(architecture: Architecture, slots: number, batch: number): SealedNetwork {
  return { architecture, layout: planLayout(architecture, { slots, batch }) };
}

function recipeNetwork(name: RecipeName, slots: number): SealedNetwork {
  const { architecture, training } = recipe(name);
  return sealedNetwork(architecture, slots, training.batch);
}

const sizeOf = ({ architecture, layout }: SealedNetwork): number =>
  flattenLayers(ciphertextNames(architecture, layout)).length;

/** Random weights as the owner would encrypt them, set after set. */
function encryptSets(evaluator: ClearEvaluator, network: SealedNetwork, sets: number): ClearCiphertext[] {
  const random = new SeededRandom(11);
  const draw = (length: number) => Float64Array.from({ length }, () => random.uniform(-1, 1));
  return Array.from({ length: sets }, () => {
    const weights = network.architecture.layers.map(({ inputs, units, useBias }) => ({
      kernel: draw(inputs * units),
      bias: useBias ? draw(units) : undefined,
    }));
    return packWeights(network.architecture, network.layout, weights).map(({ slots }) => evaluator.encrypt(slots, 0));
  }).flat();
}

/** Packed, renewed at the top level, and taken apart; what was seen on the way. */
function roundTrip(network: SealedNetwork, sets: 1 | 2) {
  const { slots } = network.layout.packing;
  const steps = new Set<number>();
  const evaluator = new ClearEvaluator({
    slots,
    levels: LEVELS,
    onOperation: (_operation, _level, _count, step) => step !== undefined && steps.add(step),
  });
  const packing = planRefreshPacking(network, sets);
  const before = encryptSets(evaluator, network, sets);
  const packed = packForRefresh(evaluator, packing, before);
  const renewed = packed.map((c) => evaluator.encrypt(evaluator.decrypt(c), LEVELS));
  const after = unpackRefreshed(evaluator, packing, renewed);
  return { packing, evaluator, before, packed, after, steps };
}

/** The most that a slot differs. */
function worst(a: ClearCiphertext, b: ClearCiphertext): number {
  const apart = (x: Float64Array, y: Float64Array) => x.reduce((most, v, i) => Math.max(most, Math.abs(v - y[i])), 0);
  return Math.max(apart(a.re, b.re), apart(a.im, b.im));
}

function expectSame({ packing, evaluator, before, packed, after }: ReturnType<typeof roundTrip>): void {
  expect(packed.length).toBe(packing.groups.length);
  expect(after.length).toBe(before.length);
  before.forEach((ciphertext, i) => expect(worst(ciphertext, after[i]), `ciphertext ${i}`).toBeLessThan(1e-12));
  for (const { level } of after) expect(level).toBeGreaterThanOrEqual(LEVELS - packing.levels);
  expect(Math.min(...after.map(({ level }) => level))).toBe(LEVELS - packing.levels);
  for (const c of packed) {
    const { re, im } = evaluator.decrypt(c);
    const repeats = (x: Float64Array) => x.every((v, i) => v === x[i % packing.period]);
    expect(repeats(re) && repeats(im)).toBe(true);
  }
}

/** Every ciphertext in one group, and no position of a block taken twice. */
function expectDisjoint({ groups, pitch }: RefreshPacking, count: number): void {
  const indices = groups.flatMap(({ members }) => members.map(({ index }) => index));
  expect(indices.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
  for (const { members } of groups) {
    const constants = members.filter(({ place }) => place === 'constant').length;
    if (constants > 0) {
      expect([members.length, constants]).toEqual(members.length === 1 ? [1, 1] : [2, 2]);
      continue;
    }
    const taken = new Uint8Array(pitch);
    for (const { place, shift } of members) {
      if (place === 'constant') throw new Error('a constant beside positions');
      expect(place.start + shift).toBeGreaterThanOrEqual(0);
      expect(place.start + shift + place.width).toBeLessThanOrEqual(pitch);
      for (let i = 0; i < place.width; i++) taken[place.start + shift + i]++;
    }
    expect(Math.max(...taken)).toBe(1);
  }
}

const isSignedPowerOfTwo = (step: number) => step !== 0 && Number.isInteger(Math.log2(Math.abs(step)));

describe('sharing ciphertexts while they are refreshed', () => {
  const deep = network(12, [5, 3, 6, 2], [true, true, true, true]);
  const cases: readonly [string, SealedNetwork][] = [
    ...(['xor', 'imdb', 'imdb-logistic', 'spam', 'mnist38', 'digits'] as const).map(
      (name) => [`${name}, L14's slots`, recipeNetwork(name, 8192)] as [string, SealedNetwork],
    ),
    ['mnist in few slots', recipeNetwork('mnist', 1024)],
    ['three layers with block biases', sealedNetwork(network(6, [4, 3, 5], [true, true, true]), 256, 8)],
    ['four layers in several groups', sealedNetwork(deep, 32, 4)],
    ['a batch of one', sealedNetwork(deep, 64, 1)],
  ];

  it.each(cases)('gives every ciphertext back: %s', (_, sealed) => {
    for (const sets of [1, 2] as const) {
      const trip = roundTrip(sealed, sets);
      expectSame(trip);
      expectDisjoint(trip.packing, sets * sizeOf(sealed));
      const wanted = trip.packing.rotations;
      expect([...trip.steps].toSorted((a, b) => a - b)).toEqual([...wanted].toSorted((a, b) => a - b));
    }
  });

  it('serves a model that was narrowed to a smaller batch', () => {
    const sealed = sealedNetwork(network(12, [5, 3], [false, true]), 256, 16);
    const { layout } = sealed;
    const narrow = { ...sealed, layout: { ...layout, packing: { ...layout.packing, batch: 4 } } };
    expectSame(roundTrip(narrow, 2));
    expect(planRefreshPacking(narrow, 2).groups.length).toBeLessThan(planRefreshPacking(sealed, 2).groups.length);
  });

  it('keeps apart what would meet, whatever the network, its batch and the slots', () => {
    const anyNetwork = fc.record({
      inputs: fc.integer({ min: 1, max: 60 }),
      units: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
      biases: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      logBatch: fc.integer({ min: 0, max: 4 }),
      more: fc.integer({ min: 1, max: 4 }),
      sets: fc.constantFrom(1 as const, 2 as const),
    });
    fc.assert(
      fc.property(anyNetwork, ({ inputs, units, biases, logBatch, more, sets }) => {
        const sealed = sealedNetwork(network(inputs, units, biases), 2 ** (logBatch + more), 2 ** logBatch);
        const trip = roundTrip(sealed, sets);
        expectSame(trip);
        expectDisjoint(trip.packing, sets * sizeOf(sealed));
        expect(trip.packing.rotations.every(isSignedPowerOfTwo)).toBe(true);
        expect(new Set(trip.packing.rotations).size).toBe(trip.packing.rotations.length);
      }),
      { numRuns: 150 },
    );
  });

  it('costs a level only where something has to be masked', () => {
    const alone = planRefreshPacking(recipeNetwork('imdb-logistic', 32768), 2);
    expect([alone.levels, alone.rotations, alone.groups.length]).toEqual([0, [], 2]);
    for (const name of recipeNames) {
      if (name === 'imdb-logistic') continue;
      for (const sets of [1, 2] as const) expect(planRefreshPacking(recipeNetwork(name, 32768), sets).levels).toBe(1);
    }
  });

  it('puts two constants into one ciphertext, real and imaginary, and takes them apart without a level', () => {
    const sealed = sealedNetwork(network(3, [4, 2], [false, true]), 64, 4);
    const { packing, after } = roundTrip(sealed, 1);
    const pairs = packing.groups.filter(({ members }) => members[0].place === 'constant');
    expect(pairs.map(({ members }) => members.length)).toEqual([2]);
    for (const { index } of pairs[0].members) {
      expect(after[index].level).toBe(LEVELS);
      expect(after[index].im.every((v) => v === 0)).toBe(true);
      expect(new Set(after[index].re).size).toBe(1);
      expect(after[index].re[0]).not.toBe(0);
    }
  });

  it('takes noise beside the places away, and leaves that within', () => {
    const sealed = recipeNetwork('mnist38', 8192);
    const { pitch } = sealed.layout.packing;
    const evaluator = new ClearEvaluator({ slots: 8192, levels: LEVELS });
    const packing = planRefreshPacking(sealed, 1);
    const renewed = packForRefresh(evaluator, packing, encryptSets(evaluator, sealed, 1)).map((c) =>
      evaluator.addPlain(evaluator.encrypt(evaluator.decrypt(c), LEVELS), Float64Array.of(2 ** -10)),
    );
    const after = unpackRefreshed(evaluator, packing, renewed);
    for (const { members } of packing.groups) {
      if (members.length === 1) continue;
      for (const { index, place } of members) {
        if (place === 'constant') throw new Error('there is no bias here');
        const { start, width } = place;
        const outside = after[index].re.filter((_, i) => i % pitch < start || i % pitch >= start + width);
        expect(outside.every((v) => v === 0)).toBe(true);
      }
    }
  });

  it('brings the lowest level and a common scale to each group', () => {
    const sealed = recipeNetwork('xor', 64);
    const evaluator = new ClearEvaluator({ slots: 64, levels: LEVELS });
    const packing = planRefreshPacking(sealed, 2);
    const before = encryptSets(evaluator, sealed, 2);
    const raised = before.map((c, i) => evaluator.encrypt(evaluator.decrypt(c), i % 3));
    const packed = packForRefresh(evaluator, packing, raised);
    packing.groups.forEach(({ members }, g) => {
      const lowest = Math.min(...members.map(({ index }) => index % 3));
      expect([packed[g].level, packed[g].scale]).toEqual([lowest, evaluator.canonicalScale(lowest)]);
    });
  });

  it('refreshes a run on the way to where its twin ends', async () => {
    const architecture = network(6, [4, 3, 2], [true, true, true]);
    const random = new SeededRandom(3);
    const draw = (length: number) => Float64Array.from({ length }, () => random.uniform(-0.5, 0.5));
    const weights = architecture.layers.map(({ inputs, units }) => ({
      kernel: draw(inputs * units),
      bias: draw(units),
    }));
    const training: TrainingRecipe = {
      ...recipe('xor').training,
      learningRate: 0.1,
      batch: 4,
      steps: 5,
    };
    const rows = {
      features: DenseRows.from(Array.from({ length: 8 }, () => [...draw(6)])),
      targets: new Float32Array(16),
    };
    const data = batches(rows, training);
    const [slots, maxLevel] = [64, 17];
    const plan = planTraining(architecture, training, { slots, maxLevel, refreshMode: 'bootstrap' });
    const evaluator = new ClearEvaluator({ slots, levels: maxLevel });
    let bootstrappings = 0;
    const refresher: Refresher<ClearCiphertext> = {
      mode: 'bootstrap',
      refresh: async (ciphertexts, { level }) => {
        const packing = planRefreshPacking(plan, ciphertexts.length > plan.ciphertexts.weights ? 2 : 1);
        const packed = packForRefresh(evaluator, packing, ciphertexts);
        bootstrappings += packed.length;
        const renewed = packed.map((c) => evaluator.encrypt(evaluator.decrypt(c), maxLevel));
        return unpackRefreshed(evaluator, packing, renewed).map((c) => evaluator.dropToLevel(c, level));
      },
    };
    const state = {
      weights: sealClear(evaluator, architecture, plan.layout, weights, maxLevel),
      velocities: undefined,
      step: 0,
    };
    const end = await trainSealed({ evaluator, plan, state, batches: data, refresher });
    const opened = parameterArrays(openClear(evaluator, architecture, plan.layout, end.weights));
    const twin = parameterArrays(trainInTheClear(architecture, weights, training, data).weights);
    twin.forEach((values, p) => values.forEach((w, i) => expect(opened[p][i]).toBeCloseTo(w, 9)));
    const [one, both] = [planRefreshPacking(plan, 1), planRefreshPacking(plan, 2)];
    expect(bootstrappings).toBe(plan.refreshes * both.groups.length + one.groups.length);
    expect(both.groups.length).toBeLessThan(plan.ciphertexts.refreshed / 2);
  });

  it('frees what it makes on the way', () => {
    const sealed = recipeNetwork('digits', 8192);
    const { evaluator, before, packed, after } = roundTrip(sealed, 1);
    // Beside those listed: the renewed ones, as many as packed; none of them is another.
    expect(evaluator.live).toBe(before.length + 2 * packed.length + after.length);
    evaluator.dispose(...packed);
    expect(() => after.map((c) => evaluator.decrypt(c))).not.toThrow();
    expect(() => before.map((c) => evaluator.decrypt(c))).not.toThrow();
  });

  /** Ciphertexts of weights and velocities → bootstrappings, at the slots of B16. */
  it.each<[RecipeName, number, number]>([
    ['xor', 6, 3],
    ['imdb', 4, 2],
    ['imdb-logistic', 2, 2],
    ['spam', 4, 2],
    ['mnist', 24, 7],
    ['mnist38', 6, 3],
    ['digits', 22, 11],
  ])('%s at 32768 slots: %i ciphertexts in %i bootstrappings', (name, ciphertexts, groups) => {
    const sealed = recipeNetwork(name, 32768);
    const packing = planRefreshPacking(sealed, 2);
    expect([2 * sizeOf(sealed), packing.groups.length]).toEqual([ciphertexts, groups]);
    expectDisjoint(packing, ciphertexts);
    expect(packing.rotations.every(isSignedPowerOfTwo)).toBe(true);
    expect(packing.rotations.every((step) => Math.abs(step) < packing.pitch)).toBe(true);
    expect(32768 % packing.period).toBe(0);
  });

  it('moves weights and velocities alike: those of the weights alone are the first of both', () => {
    for (const name of recipeNames) {
      const sealed = recipeNetwork(name, 32768);
      const [one, both] = [planRefreshPacking(sealed, 1), planRefreshPacking(sealed, 2)];
      const count = sizeOf(sealed);
      const first = both.groups
        .map(({ members }) => members.filter(({ index }) => index < count))
        .filter((members) => members.length > 0);
      expect(first).toEqual(one.groups.map(({ members }) => members));
      expect(one.rotations.every((step) => both.rotations.includes(step))).toBe(true);
      expect(one.levels).toBeLessThanOrEqual(both.levels);
    }
  });
});
