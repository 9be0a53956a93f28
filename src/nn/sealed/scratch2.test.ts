import { deltaOfBlocks } from './hidden-dense.ts';
import { matrixThroughSlopes } from './activation.ts';
import { expand } from '../../tensor/cipher-tensor.ts';
import { backwardInput } from './input-dense.ts';
import { it } from 'vitest';
import { generateEvaluationKeys } from '../../rlwe/secret/key-generation.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import { CkksContext } from '../../schemes/ckks/context.ts';
import { defaultKeyNeeds } from '../../schemes/ckks/default-keys.ts';
import { CkksEvaluator } from '../../schemes/ckks/evaluator.ts';
import { parameterSet } from '../../schemes/ckks/parameters.ts';
import { SecretScheme } from '../../schemes/ckks/secret/secret-scheme.ts';
import { ClearEvaluator } from '../../schemes/clear/clear-evaluator.ts';
import { recipe, xorRows, xorTargets } from '../recipes.ts';
import { activation } from '../activations.ts';
import { initialWeights } from '../initializers.ts';
import { planTraining } from './plan.ts';
import { ciphertextNames, mapLayers, unflattenLayers } from './layer-ciphertexts.ts';
import { packWeights } from './weight-slots.ts';
import { forwardSealed, backwardSealed } from './sealed-network.ts';
import { outputError } from './output-loss.ts';
import { rowDiagonals } from '../../tensor/row-diagonals.ts';
import { updateRule } from './update.ts';
import { ciphertextsIn } from './training-step.ts';
it('x', async () => {
  const r = recipe('xor');
  const architecture = { layers: r.architecture.layers.map((l) => ({ ...l, activation: activation('sigmoid3') })) };
  const training = { ...r.training, loss: 'squaredError' as const, learningRate: 4, steps: 1 };
  const context = await CkksContext.create(await parameterSet('L14'), { threads: 2 });
  const key = SecretKey.generate(context);
  const owner = new SecretScheme(context, key);
  const ckks = new CkksEvaluator(context, generateEvaluationKeys(context, key, defaultKeyNeeds(context.parameters)));
  const clear = new ClearEvaluator({ slots: 8192, levels: 9 });
  const plan = planTraining(architecture, training, { slots: 8192, maxLevel: 9, refreshMode: 'owner' });
  const weights = initialWeights(architecture, r.initializers, 1);
  const packed = packWeights(architecture, plan.layout, weights);
  const names = ciphertextNames(architecture, plan.layout);
  const rowsOf = () => rowDiagonals(plan.packing, { values: Float32Array.from(xorRows.flat()), columns: 3, bias: false });
  const go = (ev: any, w: any, open: (c: any) => any) => {
    const prepared = ev.prepareDiagonals(rowsOf());
    const passes = forwardSealed(ev, plan, w, prepared, true) as any;
    const delta = outputError(ev, plan.packing, 'squaredError', passes.at(-1)!, Float32Array.from(xorTargets)) as any;
    const g = backwardSealed(ev, plan, w, prepared, passes, delta, updateRule(training, 0, true)) as any;
    const all = { h: passes[0].output, s: passes[0].slopes, y: passes[1].output, s2: passes[1].slopes, delta, g0: g[0], g1: g[1] };
    return Object.entries(all).flatMap(([n, v]) => [...ciphertextsIn(v)].map((c, i) => ({ name: `${n}${i} f=${(v as any).factor}`, level: (c as any).level, ...open(c) })));
  };
  for (const [mag, factor, level] of [[1, 1, 1], [1, -1, 1], [1, 1e-2, 1], [1, -1e-2, 1], [1000, 3.7e-5, 1], [1000, -3.7e-5, 1], [1000, -3.7e-5, 5]] as const) {
    const z = { re: Float64Array.from({ length: 16 }, (_, i) => mag * Math.sin(i % 4)), im: new Float64Array(16) };
    const [u] = ckks.multiplyDiagonalsTransposed([owner.encrypt(z, level)], ckks.prepareDiagonals(rowsOf()), factor).map((x) => x.map((c) => owner.decrypt(ckks.rescale(c))));
    const [v] = clear.multiplyDiagonalsTransposed([clear.encrypt(z, level)], clear.prepareDiagonals(rowsOf()), factor).map((x) => x.map((c) => clear.decrypt(clear.rescale(c))));
    let sq = 0, m = 0;
    for (let k = 0; k < 8192; k++) { sq += (u[0].re[k] - v[0].re[k]) ** 2; m = Math.max(m, Math.abs(v[0].re[k])); }
    console.log('cmp transposed', mag, factor, level, 'rms err 2^' + (Math.log2(sq / 8192) / 2).toFixed(1), 'max', m);
  }
  void go; void names; void packed; void weights; void unflattenLayers;
});
