import { it } from 'vitest';
import { recipe, xorRows, xorTargets } from '../recipes.ts';
import { activation } from '../activations.ts';
import { batches, DenseRows } from '../feature-rows.ts';
import { initialWeights } from '../initializers.ts';
import { trainInTheClear } from '../twin.ts';
import { parameterArrays } from '../weights.ts';
import { trainOnClear } from './clear-run.ts';
it('x', async () => {
  const r = recipe('xor');
  const architecture = { layers: r.architecture.layers.map((l) => ({ ...l, activation: activation('sigmoid3') })) };
  const training = { ...r.training, loss: 'squaredError' as const, learningRate: 4, steps: 1 };
  const source = batches({ features: DenseRows.from(xorRows), targets: Float32Array.from(xorTargets) }, { batch: 4, seed: 1 });
  const weights = initialWeights(architecture, r.initializers, 1);
  const twin = trainInTheClear(architecture, weights, training, source);
  for (const noise of [{ encryption: 2 ** -13, rescale: 0, keySwitch: 0, seed: 1 }, { encryption: 0, rescale: 2 ** -13, keySwitch: 0, seed: 1 }, { encryption: 0, rescale: 0, keySwitch: 2 ** -13, seed: 1 }]) {
    const run = await trainOnClear(architecture, weights, training, source, { plan: { slots: 8192, maxLevel: 9 }, scheme: { noise } });
    const expected = parameterArrays(twin.weights);
    parameterArrays(run.weights).forEach((w, p) => {
      let sq = 0;
      w.forEach((v, i) => { sq += (v - expected[p][i]) ** 2; });
      console.log('array', p, (Math.log2(sq / w.length) / 2).toFixed(1));
    });
  }
});
