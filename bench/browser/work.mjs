/** The same work in Node and in a browser: operations of a ciphertext, and a whole training step, timed by their caller. */
import { encryptPublic } from 'hermetic/ckks';
import { DenseRows } from 'hermetic/data';
import { memorySource, readSealedModel } from 'hermetic/protocol';
import { fit as fitSealed, readTrainerKeys } from 'hermetic/trainer';

const silent = { onWarning: () => {} };

/**
 * @param {{ keys: Uint8Array, model: Uint8Array, threads: number, batch: number }} input
 * @returns milliseconds a call of each operation; `times` repeats it within
 */
export async function prepare({ keys: keyFile, model: modelFile, threads, batch }) {
  const keys = await readTrainerKeys(memorySource(keyFile), { ...silent, threads });
  const model = await readSealedModel(memorySource(modelFile), { ...silent, parametersFor: () => keys.parameters });
  const { context, evaluator, publicKey } = keys;
  const values = { re: Float64Array.from({ length: context.slots }, (_, i) => Math.sin(i)) };
  const [a, b] = [0, 1].map(() => encryptPublic(context, publicKey, values, context.maxLevel));
  const data = rows(batch, model.architecture.layers[0].inputs);
  const operations = {
    rotate: () => evaluator.rotate(a, 1).dispose(),
    multiply: () => evaluator.scope(() => evaluator.rescale(evaluator.multiply(a, b))).dispose(),
    step: () => step(model, keys, data, batch),
  };
  return {
    threads: context.engine.threads,
    measure: async (name, times) => {
      const began = performance.now();
      for (let i = 0; i < times; i++) await operations[name]();
      return (performance.now() - began) / times;
    },
    dispose: () => keys.dispose(),
  };
}

/** A step without the owner: batch, forward, loss, backward, update, and the weights as they leave. */
async function step(model, keys, data, batch) {
  const recipe = { steps: 1, learningRate: 0.01, batch };
  await fitSealed(model, keys, data, { recipe, refresh: 'none', skipShadowRun: true });
}

function rows(count, columns) {
  const values = Float32Array.from({ length: count * columns }, (_, i) => Math.sin(17.3 * i));
  return {
    features: new DenseRows(values, columns),
    targets: Float32Array.from({ length: count }, (_, i) => i % 2),
  };
}
