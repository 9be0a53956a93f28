/**
 * Bootstrapping on the 128-bit set B16 at full size: the bound on the overflow of ModRaise, precision, and a network that
 * is trained for a hundred steps without help. Takes minutes and some 6 GB of memory.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { MOD1_EVEN_62 } from '../../src/circuits/mod1-coefficients.ts';
import { createEngine } from '../../src/kernels/wasm-executor.ts';
import { activation } from '../../src/nn/activations.ts';
import { batches, DenseRows } from '../../src/nn/feature-rows.ts';
import { initialWeights, scaledNormal } from '../../src/nn/initializers.ts';
import { trainInTheClear } from '../../src/nn/twin.ts';
import {
  createKeys,
  type OwnerKeys,
  open,
  saveBootstrappingKeys,
  saveTrainerKeys,
  seal,
} from '../../src/owner/index.ts';
import { memorySink, memorySource } from '../../src/protocol/byte-source.ts';
import { readSealedModel, writeSealedModel } from '../../src/protocol/sealed-model.ts';
import { MixedRadix } from '../../src/ring/lift.ts';
import { multiplyMontgomery, select, toCoefficients, toNtt } from '../../src/ring/poly.ts';
import { uniformPoly } from '../../src/ring/sampler.ts';
import { SecretKey } from '../../src/rlwe/secret/secret-key.ts';
import { BootstrappingContext } from '../../src/schemes/ckks/bootstrapping-context.ts';
import { copyTo } from '../../src/schemes/ckks/ciphertext.ts';
import { parameterSet } from '../../src/schemes/ckks/parameters.ts';
import { precisionBits } from '../../src/schemes/precision.ts';
import {
  type Bootstrapping,
  fit as fitSealed,
  loadBootstrappingKeys,
  loadTrainerKeys,
  type TrainerKeys,
} from '../../src/trainer/index.ts';

describe('ModRaise under the sparse secret', () => {
  it('overflows by at most 12 in 1,000 ciphertexts, and as a sum of 33 uniform variables does', async () => {
    const parameters = await parameterSet('B16');
    const context = new BootstrappingContext(parameters, await createEngine());
    const { ring } = context;
    const sparse = SecretKey.generateSparse(context, 32);
    const root = [0, 1];
    const wide = [0, 1, 2];
    const secret = select(sparse.montgomery, wide);
    const exact = new MixedRadix(ring, wide.length);
    const q0 = Number(context.base.modulus);
    const seed = new Uint8Array(32).fill(7);
    const counts = new Float64Array(40);
    let squares = 0;
    for (let i = 0; i < 1000; i++) {
      ring.scope(
        () => {
          // c1·s as an integer polynomial over q0; c0 adds one more uniform variable.
          const digits = context.base.digits(toCoefficients(uniformPoly(ring, root, seed, 2 * i)));
          const product = multiplyMontgomery(toNtt(context.base.evaluate(digits, wide)), secret);
          const own = exact.digits(toCoefficients(product));
          const c0 = context.base.digits(toCoefficients(uniformPoly(ring, root, seed, 2 * i + 1)));
          const [x, y] = [exact.toDoubles(own, 1 / q0), context.base.toDoubles(c0, 1 / q0)];
          for (const blocks of [digits, own, c0]) blocks.release();
          for (let k = 0; k < x.length; k++) {
            const sum = x[k]! + y[k]!;
            counts[Math.abs(Math.round(sum))]!++;
            squares += sum * sum;
          }
        },
        () => [],
      );
    }
    context.dispose();
    const total = 1000 * parameters.N;
    const largest = counts.findLastIndex((count) => count > 0);
    expect(largest).toBeLessThanOrEqual(MOD1_EVEN_62.maxOverflow);
    expect(largest).toBeGreaterThanOrEqual(7);
    expect(Math.sqrt(squares / total / (33 / 12))).toBeCloseTo(1, 2);
    // The tail that a normal variable of this variance would have is a third above that of the sum: within a factor of 2.
    const tail = counts.slice(6).reduce((sum, count) => sum + count, 0) / total;
    expect(tail).toBeGreaterThan(4e-4);
    expect(tail).toBeLessThan(1.6e-3);
  });
});

describe('set B16', () => {
  let folder: string;
  let owner: OwnerKeys;
  let keys: TrainerKeys;
  let bootstrapping: Bootstrapping;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hermetic-b16-'));
    const rotations = Array.from({ length: 15 }, (_, i) => i + 1);
    for (let step = 1; step < 2 ** 15; step *= 2) rotations.push(step, -step);
    const needs = { rotations: [...new Set(rotations)], conjugation: true, relinearization: true };
    const created = await createKeys({ set: 'B16', needs });
    await saveTrainerKeys(created, join(folder, 'trainer.keys'));
    await saveBootstrappingKeys(created, join(folder, 'bootstrapping.keys'), { slots: 1024 });
    owner = created;
    keys = await loadTrainerKeys(join(folder, 'trainer.keys'));
    bootstrapping = await loadBootstrappingKeys(join(folder, 'bootstrapping.keys'), keys);
  });
  afterAll(async () => {
    bootstrapping.dispose();
    keys.dispose();
    owner.dispose();
    await rm(folder, { recursive: true });
  });

  it('renews random, constant, zero and ±1 slots alike, at 16 levels, to 15 bits of their range and more', () => {
    const random = new SeededRandom(3);
    const magnitude = 2 ** 6;
    const messages: Record<string, () => number> = {
      random: () => random.uniform(-magnitude, magnitude),
      constant: () => magnitude,
      zero: () => 0,
      plusMinusOne: () => (random.uniform(0, 1) < 0.5 ? -magnitude : magnitude),
    };
    const bits = Object.values(messages).map((value) => {
      const sealed = owner.scheme.encrypt({ re: Float64Array.from({ length: 1024 }, value) }, 0);
      const renewed = bootstrapping.bootstrap(copyTo(keys.context.ring, sealed));
      expect(renewed.level).toBe(16);
      const [before, after] = [owner.scheme.decrypt(sealed), owner.scheme.decrypt(copyTo(owner.context.ring, renewed))];
      return 6 + precisionBits([...after.re, ...after.im], [...before.re, ...before.im]).rms;
    });
    expect(Math.min(...bits)).toBeGreaterThan(18);
    expect(Math.max(...bits) - Math.min(...bits)).toBeLessThan(1);
  });

  it('trains a hundred steps alone and stays with its twin', async () => {
    const [rows, columns] = [64, 8];
    const random = new SeededRandom(5);
    const x = Float32Array.from({ length: rows * columns }, () => random.normal());
    const label = (row: number): number => (x[row * columns]! + x[row * columns + 1]! > 0 ? 1 : 0);
    const data = {
      features: new DenseRows(x, columns),
      targets: Float32Array.from({ length: rows }, (_, i) => label(i)),
    };
    const architecture = {
      layers: [
        { kind: 'dense', inputs: columns, units: 4, activation: activation('linear'), useBias: false },
        { kind: 'dense', inputs: 4, units: 1, activation: activation('lin4'), useBias: true },
      ],
    } as const;
    const weights = initialWeights(architecture, [scaledNormal({ scale: 0.5 }), scaledNormal({ scale: 1 })], 1);
    const recipe = {
      loss: 'delta',
      learningRate: 0.1,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 0,
      schedule: { kind: 'linear', decaySteps: 100 },
      batch: 16,
      steps: 100,
      firstStep: 0,
      seed: 1,
    } as const;
    const sink = memorySink();
    const plain = { architecture, weights, features: null, provenance: [] };
    await writeSealedModel(sink, seal(plain, owner, { batch: recipe.batch }), owner.parameters);
    const sealed = await readSealedModel(memorySource(sink.bytes()), { parametersFor: () => owner.parameters });
    const memory: number[] = [];
    const { model } = await fitSealed(sealed, keys, data, {
      recipe,
      refresh: bootstrapping,
      skipShadowRun: true,
      observer: { step: ({ level }) => level === 12 && memory.push(keys.context.engine.heap.bytesInUse) },
    });
    const opened = open(model, owner).weights;
    const twin = trainInTheClear(architecture, weights, recipe, batches(data, recipe)).weights;
    const errors = opened.flatMap(({ kernel, bias }, i) => [
      ...Array.from(kernel, (w, k) => Math.abs(w - twin[i]!.kernel[k]!)),
      ...Array.from(bias ?? [], (w, k) => Math.abs(w - twin[i]!.bias![k]!)),
    ]);
    expect(Math.max(...errors)).toBeLessThan(2 ** -9);
    expect(new Set(memory.slice(2, -1)).size).toBe(1);
  });
});
