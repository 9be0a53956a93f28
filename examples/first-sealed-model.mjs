// Seal a network, train it without its key, open it. One process plays both parts; in life a file and HTTP stand between.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DenseRows, dense, sequential } from 'hermetic';
import { createKeys, createRefreshService, open, saveSealedModel, saveTrainerKeys, seal } from 'hermetic/owner';
import { fit, loadSealedModel, loadTrainerKeys } from 'hermetic/trainer';

// Rows (a, b): is a·b positive? No line separates them, so the network has to bend.
const rows = Array.from({ length: 512 }, (_, i) => [Math.sin(17.3 * i), Math.cos(31.7 * i * i)]);
const targets = Float32Array.from(rows, ([a, b]) => (a * b > 0 ? 1 : 0));
const data = { features: DenseRows.from(rows), targets };

// The owner makes keys and a network, and seals it.
const owner = await createKeys({ set: 'L14' });
const model = sequential([
  dense({ units: 4, activation: 'square', inputShape: [2] }),
  dense({ units: 1, activation: 'lin4' }),
]);
console.log(model.summary());
const folder = await mkdtemp(join(tmpdir(), 'hermetic-'));
await saveTrainerKeys(owner, join(folder, 'trainer.keys'));
await saveSealedModel(seal(model, owner, { batch: 64 }), owner, join(folder, 'model.sealed'));

// The trainer has those two files, the data, and a way to send masked ciphertexts to the owner.
const service = createRefreshService(owner);
const keys = await loadTrainerKeys(join(folder, 'trainer.keys'));
const sealed = await loadSealedModel(join(folder, 'model.sealed'), keys);
const { model: trained } = await fit(sealed, keys, data, {
  recipe: { steps: 60, learningRate: 0.4, momentum: 0.9, nesterov: true },
  refresh: (request) => service.answer('trainer', request),
  observer: {
    step: ({ step, ms }) => step % 10 === 9 && console.log(`step ${step + 1}, ${ms.toFixed(0)} ms, loss locked`),
  },
});

// The owner opens what comes back.
const { weights } = open(trained, owner);
const before = model.evaluate(data).accuracy;
model.setWeights(weights);
console.log(`accuracy before ${before.toFixed(3)}, after ${model.evaluate(data).accuracy.toFixed(3)}`);
keys.dispose();
owner.dispose();
await rm(folder, { recursive: true });
