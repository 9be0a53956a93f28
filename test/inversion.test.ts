/**
 * What an owner reads out of the weights that come back (security rule 3). A dense layer's gradients for one row x are
 * δ·x for the kernel and δ for the bias, so that their quotient is x, exactly, whatever the layers after it are (Geiping,
 * Bauermeister, Dröge and Moeller, arXiv 2003.14053, proposition 3.1; first seen by Phong et al., 2017/715). Encryption is no
 * help: the owner opens the model.
 *
 * Run on the clear scheme, which opens to what a sealed run opens to.
 */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../src/base/seeded-random.ts';
import type { LayerWeights, TrainingRecipe } from '../src/nn/architecture.ts';
import { batches, DenseRows, type TrainingData } from '../src/nn/feature-rows.ts';
import { initialWeights, scaledNormal } from '../src/nn/initializers.ts';
import { parseArchitecture } from '../src/nn/layer-spec.ts';
import { trainOnClear } from '../src/nn/sealed/clear-run.ts';
import { completePrivacy, perturbRows } from '../src/trainer/privacy.ts';
import { secretWords } from '../src/trainer/privacy-random.ts';

const COLUMNS = 12;
const CANDIDATES = 64;
const UNITS = 4;
const architecture = parseArchitecture(`${UNITS}:square,1:lin4`, COLUMNS);
const initializers = architecture.layers.map(() => scaledNormal({ scale: 0.7 }));
const recipe: TrainingRecipe = {
  loss: 'delta',
  learningRate: 0.1,
  momentum: 0,
  nesterov: false,
  weightDecay: 0,
  schedule: { kind: 'constant' },
  batch: 1,
  steps: 1,
  firstStep: 0,
  seed: 1,
};

/** Rows of length √columns, as every recipe has them. The owner knows them all, and not which of them was trained on. */
const rows: readonly Float64Array[] = (() => {
  const random = new SeededRandom(17);
  return Array.from({ length: CANDIDATES }, () => {
    const row = Float64Array.from({ length: COLUMNS }, () => random.normal());
    const norm = Math.hypot(...row);
    return row.map((x) => (x * Math.sqrt(COLUMNS)) / norm);
  });
})();

function dataOf(indices: readonly number[]): TrainingData {
  const features = DenseRows.from(indices.map((i) => rows[i]));
  return { features, targets: Float32Array.from(indices, (i) => i % 2) };
}

interface Round {
  readonly before: readonly LayerWeights[];
  readonly after: readonly LayerWeights[];
}

/** A round of one step over all the rows. */
async function round(data: TrainingData, seed: number): Promise<Round> {
  const before = initialWeights(architecture, initializers, seed);
  const whole = { ...recipe, batch: data.features.rows };
  const run = await trainOnClear(architecture, before, whole, batches(data, whole), { plan: { maxLevel: 12 } });
  return { before, after: run.weights };
}

/** Δkernel/Δbias of the unit of the first layer whose bias moved most: x, where one row was trained on. */
function invert({ before, after }: Round): Float64Array {
  const change = (part: 'kernel' | 'bias') => after[0][part]!.map((w, i) => w - before[0][part]![i]);
  const [kernel, bias] = [change('kernel'), change('bias')];
  const unit = bias.reduce((best, b, u) => (Math.abs(b) > Math.abs(bias[best]) ? u : best), 0);
  return Float64Array.from({ length: COLUMNS }, (_, j) => kernel[j * UNITS + unit] / bias[unit]);
}

function correlation(a: Float64Array, b: Float64Array): number {
  const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, v, i) => sum + v * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** The candidate that is most like what was read. */
function identify(read: Float64Array): number {
  const likeness = rows.map((row) => correlation(read, row));
  return likeness.indexOf(Math.max(...likeness));
}

/** Rows by themselves: how like the true row what was read is, on average, and how often it is the one that is named. */
async function attack(read: (index: number) => Promise<Float64Array>): Promise<{ likeness: number; named: number }> {
  let likeness = 0;
  let named = 0;
  for (let index = 0; index < CANDIDATES; index++) {
    const found = await read(index);
    likeness += correlation(found, rows[index]) / CANDIDATES;
    named += Number(identify(found) === index) / CANDIDATES;
  }
  return { likeness, named };
}

async function noisy(data: TrainingData, epsilon: number, purpose: string): Promise<TrainingData> {
  const random = await secretWords(new Uint8Array(32).fill(3), purpose);
  return (await perturbRows(data, completePrivacy({ epsilon }, null, COLUMNS), random)).data;
}

describe('a step on one row', () => {
  it('hands the row to the owner, to the last digits', async () => {
    for (const index of [0, 1, 31]) {
      const read = invert(await round(dataOf([index]), index + 1));
      for (const [j, x] of read.entries()) expect(Math.abs(x - rows[index][j])).toBeLessThan(1e-4);
    }
    const { likeness, named } = await attack(async (index) => invert(await round(dataOf([index]), 5)));
    expect(named).toBe(1);
    expect(likeness).toBeGreaterThan(1 - 1e-6);
  });

  it('hands over noise with privacy: who it was is guessed no more often than by chance', async () => {
    const { likeness, named } = await attack(async (index) =>
      invert(await round(await noisy(dataOf([index]), 1, `row ${index}`), 5)),
    );
    // By chance one of 64 is named, and correlations average 0 ± 1/√(12·64).
    expect(named).toBeLessThanOrEqual(6 / CANDIDATES);
    expect(Math.abs(likeness)).toBeLessThan(0.15);
  });

  it('hands over what it did without privacy where ε protects nothing: the noise does it, and nothing else', async () => {
    const { named } = await attack(async (index) =>
      invert(await round(await noisy(dataOf([index]), 100, `row ${index}`), 5)),
    );
    expect(named).toBeGreaterThan(0.75);
  });
});

describe('a step on 32 rows', () => {
  it('mixes them: what is read is hardly more like one of them than like a stranger', async () => {
    const trials = 32;
    let [members, strangers, clear] = [0, 0, 0];
    for (let trial = 0; trial < trials; trial++) {
      const order = [...new SeededRandom(trial).permutation(CANDIDATES)];
      const read = invert(await round(dataOf(order.slice(0, 32)), trial + 1));
      const best = (indices: readonly number[]) =>
        Math.max(...indices.map((i) => Math.abs(correlation(read, rows[i]))));
      members += best(order.slice(0, 32)) / trials;
      strangers += best(order.slice(32)) / trials;
      clear += Number(best(order.slice(0, 32)) > 0.95);
    }
    expect(members - strangers).toBeLessThan(0.15);
    // No more is claimed: it is a weighted mean of the rows, and now and then one of them weighs more than all others.
    expect(clear).toBeLessThanOrEqual(trials / 8);
  });
});
