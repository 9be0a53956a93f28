import { describe, expect, it } from 'vitest';
import { createEngine } from '../../kernels/wasm-executor.ts';
import type { SwitchingKey } from '../../rlwe/keys.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import { BootstrappingContext } from '../../schemes/ckks/bootstrapping-context.ts';
import { parameterSet } from '../../schemes/ckks/parameters.ts';
import { bootstrappingKeyBytes, bootstrappingKeyNames, collectKeys, gadgetOf, nameOf } from '../bootstrapping-keys.ts';
import { planBootstrapping } from '../bootstrapping-plan.ts';
import { generateBootstrappingKeys } from './bootstrapping-keys.ts';

describe('bootstrapping keys', () => {
  it('are named once each, those of several plans together, in a fixed order', async () => {
    const parameters = await parameterSet('insecure-b9-2-7');
    const context = new BootstrappingContext(parameters, await createEngine({ threads: 1 }));
    const { ring } = context;
    const plans = [planBootstrapping(parameters), planBootstrapping(parameters, 6)];
    const both = bootstrappingKeyNames(context, plans).map(nameOf);
    expect(new Set(both).size).toBe(both.length);
    expect(both[0]).toBe('toSparse:1');
    for (const name of ['relinearization:1', 'fromSparse:1', `main:${2 * ring.N - 1}`]) expect(both).toContain(name);
    const [one, other] = plans.map((plan) => bootstrappingKeyNames(context, [plan]).map(nameOf));
    expect(new Set(both)).toEqual(new Set([...one!, ...other!]));
    expect(bootstrappingKeyNames(context, plans).map(nameOf)).toEqual(both);
    const wanted = plans.flatMap(({ rotations: { slotsToCoeffs, coeffsToSlots } }) => [
      ...slotsToCoeffs.map((steps) => `slotsToCoeffs:${ring.galoisElement(steps)}`),
      ...coeffsToSlots.map((steps) => `main:${ring.galoisElement(steps)}`),
    ]);
    expect(new Set(both.slice(1).filter((name) => !/relin|from|1023/.test(name)))).toEqual(new Set(wanted));
    context.dispose();
  });

  it('have the gadget of their use, the bytes that were announced, and leave no secret behind', async () => {
    const parameters = await parameterSet('insecure-b9-2-7');
    const context = new BootstrappingContext(parameters, await createEngine({ threads: 1 }));
    const secret = SecretKey.generate(context);
    const { ring, gadgets, engine } = context;
    const plan = planBootstrapping(parameters, 5);
    const names = bootstrappingKeyNames(context, [plan]);
    const orders = names.map((name, i) => ({ name, seed: new Uint8Array(32).fill(i) }));
    // Tables of automorphisms are made once.
    for (const { key } of generateBootstrappingKeys(context, secret, orders)) free(key);
    const before = engine.heap.bytesInUse;
    const made: string[] = [];
    let bytes = 0;
    for (const { name, key } of generateBootstrappingKeys(context, secret, orders)) {
      const gadget = gadgetOf(context, name.use);
      const expected = { toSparse: gadgets.encapsulation, slotsToCoeffs: gadgets.slotsToCoeffs }[
        name.use as 'toSparse'
      ];
      expect(gadget).toEqual(expected ?? gadgets.main);
      const indices = [...Array.from({ length: gadget.limbs }, (_, i) => i), ...gadget.special];
      expect(key.digits.length).toBe(Math.ceil(gadget.limbs / gadget.digitLimbs));
      for (const { a, b } of key.digits) expect([a.indices, b.indices]).toEqual([indices, indices]);
      const words = key.digits.reduce((sum, { b }) => sum + b.limbCount * ring.N, 0);
      bytes += 4 * words;
      expect(key.seed).toEqual(orders[made.length]!.seed);
      made.push(nameOf(name));
      free(key);
    }
    expect(made).toEqual(names.map(nameOf));
    expect(bytes).toBe(bootstrappingKeyBytes(parameters, plan));
    expect(engine.heap.bytesInUse).toBe(before);
    context.dispose();
  });

  const free = ({ digits }: SwitchingKey): void => {
    for (const { a, b } of digits) for (const poly of [a, b]) poly.dispose();
  };

  it('are made under a sparse secret of exactly 32 coefficients ±1, of either sign, anywhere', async () => {
    const context = new BootstrappingContext(await parameterSet('insecure-b7-1-6'), await createEngine({ threads: 1 }));
    const counts = new Array<number>(8).fill(0);
    let positive = 0;
    const draws = 200;
    for (let draw = 0; draw < draws; draw++) {
      const sparse = SecretKey.generateSparse(context, 32);
      const coefficients = Int8Array.from(sparse.toBytes());
      sparse.dispose();
      expect(coefficients.length).toBe(128);
      expect(coefficients.reduce((sum, x) => sum + x * x, 0)).toBe(32);
      expect(coefficients.every((x) => Math.abs(x) <= 1)).toBe(true);
      positive += coefficients.filter((x) => x === 1).length;
      coefficients.forEach((x, i) => (counts[i >> 4]! += Math.abs(x)));
    }
    // 6400 signs: seven standard deviations; 800 coefficients in each eighth, without repetition: six.
    expect(Math.abs(positive - 16 * draws)).toBeLessThan(7 * Math.sqrt(8 * draws));
    for (const count of counts) expect(Math.abs(count - 4 * draws)).toBeLessThan(5 * Math.sqrt(4 * draws));
    const full = SecretKey.generateSparse(context, 128);
    expect(Int8Array.from(full.toBytes()).every((x) => x !== 0)).toBe(true);
    context.dispose();
  });

  it('are collected by name, RangeError for one that is not there', () => {
    const none = collectKeys(() => undefined);
    expect(() => none.toSparse).toThrow(RangeError);
    expect(() => none.toSparse).toThrow('the bootstrapping keys lack toSparse');
    expect(() => none.fromSparse).toThrow('lack fromSparse');
    expect(() => none.main.relinearization).toThrow('lack relinearization');
    expect([none.main.get(5), none.slotsToCoeffs.get(5)]).toEqual([undefined, undefined]);
    const asked: string[] = [];
    const key: SwitchingKey = { digits: [], seed: new Uint8Array(32) };
    const all = collectKeys((name) => {
      asked.push(nameOf(name));
      return key;
    });
    expect([
      all.main.get(5),
      all.slotsToCoeffs.get(25),
      all.toSparse,
      all.fromSparse,
      all.main.relinearization,
    ]).toEqual(Array(5).fill(key));
    expect(asked).toEqual(['main:5', 'slotsToCoeffs:25', 'toSparse:1', 'fromSparse:1', 'relinearization:1']);
  });
});
