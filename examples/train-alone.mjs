// Train a sealed network with nobody's help: set B16 and bootstrapping, 128 bits. Takes a minute or two and 5 GB of memory.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DenseRows, dense, sequential } from 'hermetic';
import { createKeys, open, saveBootstrappingKeys, saveSealedModel, saveTrainerKeys, seal } from 'hermetic/owner';
import { fit, loadBootstrappingKeys, loadSealedModel, loadTrainerKeys } from 'hermetic/trainer';

// Rows (a, b): is a·b positive? No line separates them, so the network has to bend.
const rows = Array.from({ length: 512 }, (_, i) => [Math.sin(17.3 * i), Math.cos(31.7 * i * i)]);
const targets = Float32Array.from(rows, ([a, b]) => (a * b > 0 ? 1 : 0));
const data = { features: DenseRows.from(rows), targets };

// The owner makes three files. This network repeats after 512 slots: fewer slots make smaller bootstrapping keys.
const owner = await createKeys({ set: 'B16' });
const model = sequential([
  dense({ units: 4, activation: 'square', inputShape: [2] }),
  dense({ units: 1, activation: 'lin4' }),
]);
const folder = await mkdtemp(join(tmpdir(), 'hermetic-'));
await saveTrainerKeys(owner, join(folder, 'trainer.keys'));
await saveBootstrappingKeys(owner, join(folder, 'bootstrapping.keys'), { slots: 1024 });
await saveSealedModel(seal(model, owner, { batch: 64 }), owner, join(folder, 'model.sealed'));

// The trainer has those files and the data, and from here on talks to nobody.
const keys = await loadTrainerKeys(join(folder, 'trainer.keys'));
const refresh = await loadBootstrappingKeys(join(folder, 'bootstrapping.keys'), keys);
const sealed = await loadSealedModel(join(folder, 'model.sealed'), keys);
const { model: trained } = await fit(sealed, keys, data, {
  recipe: { steps: 12, learningRate: 0.5, momentum: 0.9, nesterov: true },
  refresh,
  observer: {
    step: ({ step, ms, level }) => console.log(`step ${step + 1}, ${ms.toFixed(0)} ms, level ${level}, loss locked`),
  },
});

// The owner opens what comes back.
const { weights } = open(trained, owner);
const before = model.evaluate(data).accuracy;
model.setWeights(weights);
console.log(`accuracy before ${before.toFixed(3)}, after ${model.evaluate(data).accuracy.toFixed(3)}`);
refresh.dispose();
keys.dispose();
owner.dispose();
await rm(folder, { recursive: true });
