import { expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { generateEvaluationKeys } from '../../rlwe/secret/key-generation.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import { CkksContext } from '../../schemes/ckks/context.ts';
import { defaultKeyNeeds } from '../../schemes/ckks/default-keys.ts';
import { CkksEvaluator } from '../../schemes/ckks/evaluator.ts';
import { parameterSet } from '../../schemes/ckks/parameters.ts';
import { SecretScheme } from '../../schemes/ckks/secret/secret-scheme.ts';
import { activation } from '../activations.ts';
import { batches, DenseRows } from '../feature-rows.ts';
import { initialWeights } from '../initializers.ts';
import { predictRows } from '../network.ts';
import { type RecipeName, recipe, xorRows, xorTargets } from '../recipes.ts';
import { trainInTheClear } from '../twin.ts';
import { parameterArrays } from '../weights.ts';
import { ciphertextNames, mapLayers, unflattenLayers } from './layer-ciphertexts.ts';
import { planTraining } from './plan.ts';
import { predictSealed, readPrediction } from './predict.ts';
import { trainSealed } from './training-loop.ts';
import { packWeights, unpackWeights } from './weight-slots.ts';

const SEED = process.env.RECIPE === 'seed';
const NAME = (SEED ? 'xor' : (process.env.RECIPE ?? 'xor')) as RecipeName;
const STEPS = Number(process.env.STEPS ?? 3);
it('runs on CKKS', async () => {
  const r0 = recipe(NAME);
  const r = SEED
    ? {
        ...r0,
        architecture: { layers: r0.architecture.layers.map((l) => ({ ...l, activation: activation('sigmoid3') })) },
        training: { ...r0.training, loss: 'squaredError' as const, learningRate: 4 },
      }
    : r0;
  const training = { ...r.training, steps: STEPS };
  const parameters = await parameterSet('L14');
  const context = await CkksContext.create(parameters, { threads: 2 });
  const key = SecretKey.generate(context);
  const owner = new SecretScheme(context, key);
  const evaluator = new CkksEvaluator(context, generateEvaluationKeys(context, key, defaultKeyNeeds(parameters)));
  const d = r.architecture.layers[0].inputs;
  const random = new SeededRandom(3);
  const k = r.architecture.layers.at(-1)!.units;
  let data;
  if (NAME === 'xor') data = { features: DenseRows.from(xorRows), targets: Float32Array.from(xorTargets) };
  else {
    const rows = 2 * training.batch;
    const truth = Float64Array.from({ length: d }, () => random.normal());
    const x = new Float32Array(rows * d);
    const y = new Float32Array(rows * k);
    const scale = NAME === 'imdb-logistic' ? 1 / Math.sqrt(d) : 1;
    for (let i = 0; i < rows; i++) {
      let s = 0;
      for (let j = 0; j < d; j++) {
        x[i * d + j] = scale * random.normal();
        s += x[i * d + j] * truth[j];
      }
      y[i * k + (s > 0 ? k - 1 : 0)] = k === 1 ? Number(s > 0) : 1;
    }
    data = { features: new DenseRows(x, d), targets: y };
  }
  const source = batches(data, { batch: training.batch, seed: 1 });
  const weights = initialWeights(r.architecture, r.initializers, 1);
  const twin = trainInTheClear(r.architecture, weights, training, source);
  const plan = planTraining(r.architecture, training, {
    slots: context.slots,
    maxLevel: context.maxLevel,
    refreshMode: 'owner',
    ...(NAME === 'imdb-logistic' && { meanSquareNorm: 1 }),
  });
  const packed = packWeights(r.architecture, plan.layout, weights).map(({ slots }) =>
    owner.encrypt(slots, context.maxLevel),
  );
  const names = ciphertextNames(r.architecture, plan.layout);
  const state = await trainSealed({
    evaluator,
    plan,
    batches: source,
    state: { weights: unflattenLayers(names, packed), velocities: undefined, step: 0 },
    refresher: {
      mode: 'owner',
      refresh: async (cs, { level }) => cs.map((c) => owner.encrypt(owner.decrypt(c), level)),
    },
    onStep: (s) =>
      console.log(
        'step ' + s.step,
        s.ms.toFixed(0),
        s.phases.map((p) => `${p.phase}:${p.level}:${p.ms.toFixed(0)}`).join(' '),
      ),
  });
  const opened = unpackWeights(
    r.architecture,
    plan.layout,
    mapLayers(state.weights, (c) => owner.decrypt(c)),
  );
  const expected = parameterArrays(twin.weights);
  const start = parameterArrays(weights);
  parameterArrays(opened).forEach((w, p) => {
    let max = 0,
      sq = 0,
      change = 0,
      ref = 0;
    w.forEach((v, i) => {
      const e = v - expected[p][i];
      max = Math.max(max, Math.abs(e));
      sq += e * e;
      change += (expected[p][i] - start[p][i]) ** 2;
      ref += expected[p][i] ** 2;
    });
    console.log(
      `array ${p}: max err 2^${Math.log2(max).toFixed(1)} rms err 2^${(Math.log2(sq / w.length) / 2).toFixed(1)}, rms change 2^${(Math.log2(change / w.length) / 2).toFixed(1)}, rms weight 2^${(Math.log2(ref / w.length) / 2).toFixed(1)}`,
    );
  });
  const t = performance.now();
  const features = source.next(0).features.slice(0, Math.min(5, training.batch) * d);
  const predictions = predictSealed(evaluator, plan, packed.length ? unflattenLayers(names, packed) : [], features);
  const slots = predictions.ciphertexts.map((c) => owner.decrypt(c));
  const clear = predictRows(r.architecture, weights, features, features.length / d);
  let worst = 0;
  clear.forEach((y, i) => {
    worst = Math.max(worst, Math.abs(y - readPrediction(predictions.layout, slots, Math.floor(i / k), i % k)));
  });
  console.log('phase predict', (performance.now() - t).toFixed(0), 'ms err', worst, 'y', clear[0]);
  expect(worst).toBeLessThan(0.02);
}, 110000);
