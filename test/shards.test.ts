/** Training in shards on ciphertexts: one shard is the loop as it is written, and sums of gradients have no order. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, bytesToHex, concatBytes, sha256 } from '../src/base/bytes.ts';
import { type Batch, batches, shardBatches } from '../src/nn/feature-rows.ts';
import { flattenLayers } from '../src/nn/sealed/layer-ciphertexts.ts';
import { outputError } from '../src/nn/sealed/output-loss.ts';
import { planTraining } from '../src/nn/sealed/plan.ts';
import { noRefresher } from '../src/nn/sealed/refreshers.ts';
import { repackForBatch } from '../src/nn/sealed/repack.ts';
import { backwardSealed, forwardSealed } from '../src/nn/sealed/sealed-network.ts';
import { trainSealed } from '../src/nn/sealed/training-loop.ts';
import { gradientPhases } from '../src/nn/sealed/training-step.ts';
import { type Parameters, updateRule, updateSealed } from '../src/nn/sealed/update.ts';
import { seal } from '../src/owner/seal.ts';
import type { ReadSealedModel } from '../src/protocol/sealed-model.ts';
import type { Ciphertext } from '../src/schemes/ckks/ciphertext.ts';
import { rowDiagonals } from '../src/tensor/row-diagonals.ts';
import { loadWeights, networkOf } from '../src/trainer/sealed-weights.ts';
import { residues } from './fixtures/bootstrapping-party.ts';
import { mail, makeData, makeModel, makeParty, type Party, recipe } from './fixtures/sealed-round.ts';

let party: Party;
let model: ReadSealedModel;
const data = makeData();
const twoSteps = { ...recipe, steps: 2, weightDecay: 0.01 };

beforeAll(async () => {
  party = await makeParty('insecure-9-14-3');
  model = await mail(seal(makeModel(), party.owner, { batch: 16 }), party);
});
afterAll(() => party.dispose());

async function digest({ weights, velocities }: Parameters<Ciphertext>): Promise<string> {
  const all = [...flattenLayers(weights), ...flattenLayers(velocities ?? [])];
  const shapes = new Float64Array(all.flatMap(({ level, scale }) => [level, scale]));
  return bytesToHex(await sha256(concatBytes(bytesOf(shapes), ...all.map(residues))));
}

function setUp(shards: number) {
  const { evaluator, context } = party.trainer;
  const { slots, maxLevel } = context;
  const network = networkOf(model);
  const options = { slots, maxLevel, refreshMode: 'none', layout: network.layout, shards } as const;
  const plan = planTraining(network.architecture, twoSteps, options);
  const weights = repackForBatch(evaluator, network, loadWeights(context, network, model.records), plan.batch);
  return { evaluator, plan, state: { weights, velocities: undefined, step: 0 } };
}

const train = (shards: number): Promise<string> =>
  trainSealed<Ciphertext>({
    ...setUp(shards),
    batches: shardBatches(data, twoSteps, shards),
    refresher: noRefresher(),
  }).then(digest);

describe('one shard', () => {
  it('gives bit for bit what the steps give when they are written out', async () => {
    const { evaluator, plan, state } = setUp(1);
    const source = batches(data, twoSteps);
    let parameters: Parameters<Ciphertext> = {
      weights: state.weights.map(({ kernel, bias }) => {
        const lower = (c: Ciphertext) => evaluator.dropToLevel(c, plan.freshLevel);
        return { kernel: kernel.map((row) => row.map(lower)), bias: bias.map(lower) };
      }),
      velocities: undefined,
    };
    for (let step = 0; step < twoSteps.steps; step++) {
      const { features, targets }: Batch = source.next(step);
      const { inputs: columns, useBias: bias } = plan.architecture.layers[0];
      const rows = evaluator.prepareDiagonals(rowDiagonals(plan.packing, { values: features, columns, bias }));
      const passes = forwardSealed(evaluator, plan, parameters.weights, rows, true);
      const error = outputError(evaluator, plan.packing, twoSteps.loss, passes[passes.length - 1], targets);
      const rule = updateRule(twoSteps, step, step === twoSteps.steps - 1);
      const gradients = backwardSealed(evaluator, plan, parameters.weights, rows, passes, error, rule);
      parameters = updateSealed(evaluator, rule, parameters, gradients);
    }
    expect(await train(1)).toBe(await digest(parameters));
  });
});

describe('four shards', () => {
  it('give the same bits each time', async () => {
    expect(await train(4)).toBe(await train(4));
    expect(await train(4)).not.toBe(await train(1));
  });

  it('give gradients of one level and scale, whose sum does not depend on the order', async () => {
    const { evaluator, plan, state } = setUp(4);
    const gradients = shardBatches(data, twoSteps, 4).map((shard) => {
      const phases = gradientPhases(
        { evaluator, network: plan, recipe: twoSteps, step: 0 },
        state.weights,
        shard.next(0),
      );
      let turn = phases.next();
      while (!turn.done) turn = phases.next();
      return flattenLayers(turn.value);
    });
    for (let i = 0; i < gradients[0].length; i++) {
      const terms = gradients.map((ciphertexts) => ciphertexts[i]);
      expect(new Set(terms.map(({ level, scale }) => `${level} ${scale}`)).size).toBe(1);
      const [a, b, c, d] = terms;
      const add = (x: Ciphertext, y: Ciphertext) => evaluator.add(x, y);
      const chain = residues(add(add(add(a, b), c), d));
      expect(residues(add(add(d, b), add(c, a))).equals(chain)).toBe(true);
      expect(residues(add(add(a, b), c)).equals(chain)).toBe(false);
    }
  });
});
