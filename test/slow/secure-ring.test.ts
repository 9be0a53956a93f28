/** The 128-bit set L14 at full size, on real data: accuracy, distance to the twin, constant memory. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyFeatures, fitFeatures, loadMnist38 } from '../../src/data/index.ts';
import { evaluateData } from '../../src/nn/evaluation.ts';
import { batches } from '../../src/nn/feature-rows.ts';
import { initialWeights } from '../../src/nn/initializers.ts';
import { recipe } from '../../src/nn/recipes.ts';
import { trainInTheClear } from '../../src/nn/twin.ts';
import { writeTrainerKeys } from '../../src/owner/key-file.ts';
import { type CreatedKeys, createKeys } from '../../src/owner/owner-keys.ts';
import { createRefreshService } from '../../src/owner/owner-refresh.ts';
import { open, seal } from '../../src/owner/seal.ts';
import { memorySink, memorySource } from '../../src/protocol/byte-source.ts';
import { readSealedModel, writeSealedModel } from '../../src/protocol/sealed-model.ts';
import { fit as fitSealed } from '../../src/trainer/fit.ts';
import { readTrainerKeys, type TrainerKeys } from '../../src/trainer/trainer-keys.ts';

let owner: CreatedKeys;
let trainer: TrainerKeys;
beforeAll(async () => {
  owner = await createKeys({ set: 'L14' });
  const sink = memorySink();
  await writeTrainerKeys(sink, owner);
  trainer = await readTrainerKeys(memorySource(sink.bytes()));
});
afterAll(() => {
  trainer.dispose();
  owner.dispose();
});

describe('set L14', () => {
  it('trains MNIST 3 against 8 to the accuracy of its twin, in constant memory', async () => {
    const { architecture, initializers, training } = recipe('mnist38');
    const examples = await loadMnist38();
    const { settings } = fitFeatures(examples.train, { outputs: 2, offset: 0.1 });
    const [train, heldOut] = [applyFeatures(examples.train, settings), applyFeatures(examples.test, settings)];
    const data = { features: train.features, targets: train.targets.values };
    const weights = initialWeights(architecture, initializers, 1);

    const sink = memorySink();
    const plain = { architecture, weights, features: null, provenance: [] };
    await writeSealedModel(sink, seal(plain, owner, { batch: training.batch }), owner.parameters);
    const sealed = await readSealedModel(memorySource(sink.bytes()), { parametersFor: () => owner.parameters });
    const service = createRefreshService(owner);
    const memory: number[] = [];
    const { model } = await fitSealed(sealed, trainer, data, {
      recipe: training,
      refresh: (request) => service.answer('trainer', request),
      observer: { step: () => memory.push(trainer.context.engine.heap.bytesInUse) },
    });
    const opened = open(model, owner).weights;

    const twin = trainInTheClear(architecture, weights, training, batches(data, training)).weights;
    const score = (w: typeof opened) =>
      evaluateData(architecture, w, { features: heldOut.features, targets: heldOut.targets.values }).accuracy;
    expect(score(opened)).toBeGreaterThanOrEqual(0.975);
    expect(Math.abs(score(opened) - score(twin))).toBeLessThanOrEqual(0.005);
    const errors = opened.flatMap(({ kernel }, i) => Array.from(kernel, (w, k) => Math.abs(w - twin[i]!.kernel[k]!)));
    expect(Math.max(...errors)).toBeLessThan(2 ** -10);
    expect(new Set(memory.slice(2, -1)).size).toBe(1);
  });
});
