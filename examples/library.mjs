// The whole way in one program, with rows as arrays: rehearse in the clear, seal, train sealed, predict sealed, unlock, open.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dense, sequential, sgd } from 'hermetic';
import * as owner from 'hermetic/owner';
import * as trainer from 'hermetic/trainer';

const folder = await mkdtemp(join(tmpdir(), 'hermetic-'));
const [keyFile, sealedFile, answerFile] = ['trainer.keys', 'model.sealed', 'answers.sealed'].map((name) =>
  join(folder, name),
);

// Rows (a, b): is a + b positive?
const features = Array.from({ length: 256 }, (_, i) => [Math.sin(17.3 * i), Math.cos(31.7 * i * i)]);
const targets = features.map(([a, b]) => Number(a + b > 0));
const network = () => sequential([dense({ units: 1, activation: 'lin4', inputShape: [2] })]);

// In the clear, as in Keras.
const rehearsal = network().compile({
  optimizer: sgd({ learningRate: 0.5, momentum: 0.9 }),
  loss: 'binaryCrossentropy',
});
await rehearsal.fit({ features, targets }, { epochs: 5, batch: 64 });
console.log('in the clear', rehearsal.evaluate({ features, targets }).accuracy);

// The owner: keys, and a network of which every weight is encrypted.
const keys = await owner.createKeys({ set: 'L14' });
await owner.saveTrainerKeys(keys, keyFile);
await owner.saveSealedModel(owner.seal(network().build(), keys, { batch: 64 }), keys, sealedFile);
const service = owner.createRefreshService(keys);

// The trainer: the two files, and a way to the owner for masked ciphertexts.
const publicKeys = await trainer.loadTrainerKeys(keyFile);
const sealed = await trainer.loadSealedModel(sealedFile, publicKeys);
const { model } = await trainer.fit(
  sealed,
  publicKeys,
  { features, targets },
  {
    recipe: { steps: 20, learningRate: 0.5, momentum: 0.9, nesterov: true },
    refresh: (request) => service.answer('Ada', request),
  },
);
await trainer.saveSealedModel(model, publicKeys, sealedFile);
const trained = await trainer.loadSealedModel(sealedFile, publicKeys);
const answers = await trainer.predictSealed(trained, publicKeys, [
  [0.5, 0.4],
  [-0.5, -0.4],
]);
await trainer.saveSealedPredictions(answers, publicKeys, answerFile);

// The owner again: two labels, counted against the key, and the weights.
const ledger = new owner.UnlockLedger();
const unlocked = await owner.unlockPredictions(await owner.loadSealedPredictions(answerFile, keys), keys, { ledger });
console.log(
  'labels',
  unlocked.map(({ label }) => label),
);
const { weights } = owner.open(trained, keys);
console.log('opened', network().setWeights(weights).evaluate({ features, targets }).accuracy);

publicKeys.dispose();
keys.dispose();
await rm(folder, { recursive: true });
