import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { repeatSystemRandom } from '../../../test/fixtures/repeated-random.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import { createTwinEngine } from '../../kernels/twin/executor.ts';
import type { Poly } from '../../ring/poly.ts';
import type { PublicKey, SwitchingKey } from '../../rlwe/keys.ts';
import { generateEvaluationKeys, generatePublicKey } from '../../rlwe/secret/key-generation.ts';
import { SecretKey } from '../../rlwe/secret/secret-key.ts';
import { BfvCiphertext } from './ciphertext.ts';
import { BfvContext } from './context.ts';
import { BfvEvaluator } from './evaluator.ts';
import { bfvParameters, insecureBfvParameters } from './parameters.ts';
import { encryptPublic, rerandomize } from './public-encryption.ts';
import { BfvSecret } from './secret/secret-scheme.ts';

const ROTATIONS = [1, -1, 5, 64];
const PARAMETERS = await insecureBfvParameters({ logN: 9, limbs: 11, special: 2, plainPrimes: 3 });

let context: BfvContext;
let owner: BfvSecret;
let publicKey: PublicKey;
let evaluator: BfvEvaluator;

beforeAll(async () => {
  context = await BfvContext.create(PARAMETERS, { threads: 2 });
  const key = SecretKey.generate(context);
  owner = new BfvSecret(context, key);
  publicKey = generatePublicKey(context, key);
  const needs = { rotations: ROTATIONS, conjugation: false, relinearization: true };
  evaluator = new BfvEvaluator(context, generateEvaluationKeys(context, key, needs));
});
afterAll(() => context.dispose());

const random = new SeededRandom(1);
const modulus = PARAMETERS.plainPrimes.reduce((product, t) => product * BigInt(t), 1n);

function centred(x: bigint): bigint {
  const r = ((x % modulus) + modulus) % modulus;
  return r > modulus / 2n ? r - modulus : r;
}

/** Integers of up to the whole of the plaintext modulus. */
function vector(length: number, from: SeededRandom = random): bigint[] {
  return Array.from({ length }, () => {
    let x = 0n;
    for (let i = 0; i < 4; i++) x = (x << 28n) | BigInt(from.integer(2 ** 28));
    return centred(x);
  });
}

const rotated = (x: readonly bigint[], steps: number): bigint[] =>
  x.map((_, i) => x[(i + steps + x.length) % x.length]!);

function expectSlots(c: BfvCiphertext, wanted: (i: number) => bigint): void {
  expect(owner.decrypt(c)).toEqual(Array.from({ length: context.slots }, (_, i) => centred(wanted(i))));
}

describe('encryption', () => {
  it('holds every integer up to ±2^plainBits, full and periodic, under the secret and the public key', () => {
    const edge = 1n << BigInt(evaluator.plainBits);
    expect(edge < modulus / 2n && 2n * edge > modulus / 2n).toBe(true);
    for (const length of [context.slots, 64, 8, 1]) {
      const x = [edge, -edge, 0n, 1n, -1n, edge - 1n, 1n - edge, ...vector(length)].slice(0, length);
      expectSlots(owner.encrypt(x), (i) => x[i % length]!);
      expectSlots(encryptPublic(context, publicKey, x), (i) => x[i % length]!);
    }
  });

  it('refuses what wraps, and lengths that do not divide the slots, without telling a value', () => {
    const beyond = modulus / 2n + 1n;
    expect(() => owner.encrypt([beyond])).toThrow(RangeError);
    expect(() => owner.encrypt([-beyond])).toThrow(`of at most ${evaluator.plainBits} bits`);
    for (const length of [0, 3, 2 * context.slots]) expect(() => owner.encrypt(vector(length))).toThrow(RangeError);
  });

  it('is expanded from a seed, and fresh each time without one', () => {
    const [x, seed] = [vector(8), new Uint8Array(32).fill(7)];
    const [a, b, c] = [owner.encrypt(x, seed), owner.encrypt(x, seed), owner.encrypt(x)];
    expect(a.parts[1]![1].read(0)).toEqual(b.parts[1]![1].read(0));
    expect(a.parts[1]![0].read(0)).not.toEqual(b.parts[1]![0].read(0));
    expect(a.parts[0]![1].read(0)).not.toEqual(a.parts[1]![1].read(0));
    expect(a.parts[0]![1].read(0)).not.toEqual(c.parts[0]![1].read(0));
  });

  it('re-randomising changes every residue and no integer', () => {
    const x = vector(context.slots);
    const a = owner.encrypt(x);
    const b = rerandomize(context, publicKey, a);
    expectSlots(b, (i) => x[i]!);
    for (const half of [0, 1] as const) expect(b.parts[0]![half].read(0)).not.toEqual(a.parts[0]![half].read(0));
  });
});

describe('evaluation is exact modulo the plaintext primes', () => {
  const [x, y] = [vector(256), vector(256)];
  const encrypted = () => [owner.encrypt(x), owner.encrypt(y)] as const;

  it('sums, differences, negation, plaintexts, integers', () => {
    const [a, b] = encrypted();
    expectSlots(evaluator.add(a, b), (i) => x[i]! + y[i]!);
    expectSlots(evaluator.subtract(a, b), (i) => x[i]! - y[i]!);
    expectSlots(evaluator.negate(a), (i) => -x[i]!);
    for (const length of [256, 32, 2, 1]) {
      const v = vector(length);
      expectSlots(evaluator.addPlain(a, v), (i) => x[i]! + v[i % length]!);
      expectSlots(evaluator.multiplyPlain(a, v), (i) => x[i]! * v[i % length]!);
    }
    for (const factor of [0n, 1n, -3n, modulus / 2n, -(modulus / 3n), modulus * 5n + 2n]) {
      expectSlots(evaluator.multiplyInteger(a, factor), (i) => x[i]! * factor);
    }
  });

  it('products and inner products', () => {
    const [a, b] = encrypted();
    expectSlots(evaluator.multiply(a, b), (i) => x[i]! * y[i]!);
    expectSlots(evaluator.multiply(a, a), (i) => x[i]! ** 2n);
    const many = Array.from({ length: 19 }, () => vector(16));
    const ciphertexts = many.map((v) => owner.encrypt(v));
    expectSlots(evaluator.innerProduct(ciphertexts, ciphertexts.toReversed()), (i) =>
      many.reduce((sum, v, k) => sum + v[i % 16]! * many[18 - k]![i % 16]!, 0n),
    );
    expect(() => evaluator.innerProduct([], [])).toThrow(RangeError);
    expect(() => evaluator.innerProduct([a], [a, b])).toThrow(RangeError);
  });

  it('rotations, several at once', () => {
    const [a] = encrypted();
    for (const steps of [...ROTATIONS, 0, 256, 257, -255])
      expectSlots(evaluator.rotate(a, steps), (i) => rotated(x, steps % 256)[i]!);
    const many = evaluator.rotateMany(a, [1, 0, 5]);
    [1, 0, 5].forEach((steps, k) => expectSlots(many[k]!, (i) => rotated(x, steps)[i]!));
  });

  it('operands of different moduli', () => {
    const [a, b] = encrypted();
    const product = evaluator.multiply(evaluator.multiply(a, b), b);
    expect(product.limbs).toBeLessThan(a.limbs);
    expectSlots(evaluator.add(a, product), (i) => x[i]! + x[i]! * y[i]! ** 2n);
    expectSlots(evaluator.multiply(product, a), (i) => x[i]! ** 2n * y[i]! ** 2n);
    expectSlots(
      rerandomize(context, publicKey, evaluator.rotate(product, 5)),
      (i) => rotated(x, 5)[i]! * rotated(y, 5)[i]! ** 2n,
    );
  });

  it('random circuits as deep as the set allows', () => {
    for (let round = 0; round < 6; round++) {
      let clear = vector(256);
      let sealed = owner.encrypt(clear);
      for (let products = 0; products < evaluator.depth; ) {
        const v = vector([256, 16, 2][random.integer(3)]!);
        const at = (i: number) => v[i % v.length]!;
        const before = clear;
        const kind = random.integer(6);
        if (kind < 3) products++;
        if (kind === 0) [sealed, clear] = [evaluator.multiply(sealed, sealed), before.map((u) => u * u)];
        else if (kind === 1)
          [sealed, clear] = [evaluator.multiply(sealed, owner.encrypt(v)), before.map((u, i) => u * at(i))];
        else if (kind === 2) [sealed, clear] = [evaluator.multiplyPlain(sealed, v), before.map((u, i) => u * at(i))];
        else if (kind === 3) [sealed, clear] = [evaluator.addPlain(sealed, v), before.map((u, i) => u + at(i))];
        else if (kind === 4) [sealed, clear] = [evaluator.rotate(sealed, 5), rotated(before, 5)];
        else
          [sealed, clear] = [
            evaluator.add(sealed, evaluator.rotate(sealed, -1)),
            before.map((u, i) => u + rotated(before, -1)[i]!),
          ];
        clear = clear.map(centred);
      }
      expectSlots(sealed, (i) => clear[i]!);
    }
  });

  it('frees what it makes on the way', () => {
    const [a, b] = encrypted();
    const inUse = () => context.engine.heap.bytesInUse;
    const use = () => {
      for (const c of [
        evaluator.multiply(a, b),
        evaluator.rotate(a, 1),
        evaluator.multiplyPlain(a, y),
        evaluator.addPlain(a, y),
      ]) {
        owner.decrypt(c);
        owner.noiseBudget(c);
        evaluator.dispose(c);
      }
    };
    use();
    const before = inUse();
    use();
    expect(inUse()).toBe(before);
  });
});

describe('noise', () => {
  // In a ring this small one slot may outweigh the others: of one key in some hundreds the estimate is a bit too low.
  it.each([1, 2, 3])(
    'stays below its estimate, and within bits of it, through products of every kind: keys %i',
    (seed) => {
      const restore = repeatSystemRandom(seed);
      onTestFinished(restore);
      const key = SecretKey.generate(context);
      const secret = new BfvSecret(context, key);
      const needs = { rotations: [64], conjugation: false, relinearization: true };
      const own = new BfvEvaluator(context, generateEvaluationKeys(context, key, needs));
      const values = new SeededRandom(seed);
      const draw = () => vector(256, values);
      let sealed = encryptPublic(context, generatePublicKey(context, key), draw());
      for (let products = 0; products < own.depth; products++) {
        const other = secret.encrypt(draw());
        sealed = products % 3 === 2 ? own.multiplyPlain(sealed, draw()) : own.multiply(sealed, other);
        sealed = own.add(sealed, own.rotate(sealed, 64));
        const [measured, estimated] = [secret.noiseBudget(sealed), context.noise.budget(sealed.noise)];
        expect(measured).toBeGreaterThan(estimated);
        // The estimate is a little more cautious with each product.
        expect(measured).toBeLessThan(estimated + 3 + products / 2);
      }
    },
  );

  it('of one product added up many times is not taken for independent', () => {
    const [a, b] = [owner.encrypt(vector(256)), owner.encrypt(vector(256))];
    const sum = evaluator.innerProduct(new Array(40).fill(a), new Array(40).fill(b));
    expect(owner.noiseBudget(sum)).toBeGreaterThan(context.noise.budget(sum.noise));
    expect(owner.noiseBudget(evaluator.add(sum, sum))).toBeGreaterThan(context.noise.budget(sum.noise) - 1);
  });

  it('refuses the product that could be wrong, before it is computed', () => {
    let sealed = owner.encrypt(vector(256));
    let products = 0;
    const run = () => {
      for (; products < 40; products++) sealed = evaluator.multiply(sealed, sealed);
    };
    expect(run).toThrow(expect.objectContaining({ code: 'LEVELS_EXHAUSTED' }));
    expect(products).toBeGreaterThanOrEqual(evaluator.depth);
    expect(owner.noiseBudget(sealed)).toBeGreaterThan(0);
  });
});

describe('keys', () => {
  it('that are absent are asked for', () => {
    const a = owner.encrypt([1n]);
    const without = new BfvEvaluator(context, { relinearization: undefined, galois: new Map() });
    expect(() => without.multiply(a, a)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
    expect(() => without.rotate(a, 1)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
    expect(() => evaluator.rotate(a, 3)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
    expectSlots(without.rotate(a, 0), () => 1n);
  });
});

describe('parameter sets', () => {
  it('are 128-bit secure ones by name, refused otherwise', async () => {
    for (const set of ['F13', 'F14', 'F14S', 'F15']) {
      const parameters = await bfvParameters(set, 7);
      expect(parameters.securityBits).toBe(128);
      expect(parameters.plainPrimes.length).toBe(7);
      const all = [
        ...parameters.primes,
        ...parameters.specialPrimes,
        ...parameters.productPrimes,
        ...parameters.plainPrimes,
      ];
      expect(new Set(all).size).toBe(all.length);
    }
    await expect(bfvParameters('F12')).rejects.toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    await expect(bfvParameters('toString')).rejects.toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
    await expect(bfvParameters('F14', 0)).rejects.toThrow(RangeError);
    expect((await insecureBfvParameters({ logN: 9, limbs: 3, special: 1, plainPrimes: 2 })).set).toMatch(/^insecure/);
  });
});

describe.each([
  { set: 'F14', path: 'cpccpcpc' },
  { set: 'F14S', path: 'cpccpcc' },
])('set $set', ({ set, path }) => {
  it('bears seven products or more on one path, of ciphertexts and of plaintexts, with budget to spare', async () => {
    const parameters = await bfvParameters(set, 1);
    const big = await BfvContext.create(parameters, { threads: 2 });
    const key = SecretKey.generate(big);
    const secret = new BfvSecret(big, key);
    const relinearizing = { rotations: [], conjugation: false, relinearization: true };
    const top = new BfvEvaluator(big, generateEvaluationKeys(big, key, relinearizing));
    expect(top.depth).toBeGreaterThanOrEqual(7);
    const t = BigInt(parameters.plainPrimes[0]!);
    const draw = () => Array.from({ length: big.slots }, () => BigInt(random.integer(Number(t))));
    let clear = draw();
    let sealed = encryptPublic(
      big,
      generatePublicKey(big, key),
      clear.map((x) => (x > t / 2n ? x - t : x)),
    );
    for (const kind of path) {
      const v = draw();
      const factor = kind === 'c' ? sealed : undefined;
      const product = factor ? clear.map((x) => (x * x) % t) : clear.map((x, i) => (x * v[i]!) % t);
      sealed = factor ? top.multiply(sealed, factor) : top.multiplyPlain(sealed, v);
      clear = product;
    }
    expect(secret.noiseBudget(sealed)).toBeGreaterThan(8);
    expect(secret.decrypt(sealed)).toEqual(clear.map((x) => (x > t / 2n ? x - t : x)));
    big.dispose();
  });
});

it('is the same on the bigint twin of the kernels', async () => {
  const parameters = await insecureBfvParameters({ logN: 6, limbs: 4, special: 1, plainPrimes: 2 });
  const wasm = await BfvContext.create(parameters, { threads: 1 });
  const secretKey = SecretKey.generate(wasm);
  const keys = generateEvaluationKeys(wasm, secretKey, { rotations: [1], conjugation: false, relinearization: true });
  const twin = new BfvContext(parameters, createTwinEngine());
  const copyKey = ({ digits, seed }: SwitchingKey): SwitchingKey => ({
    digits: digits.map(({ b, a }) => ({ b: moved(twin, b), a: moved(twin, a) })),
    seed,
  });
  const twinKeys = {
    relinearization: copyKey(keys.relinearization!),
    galois: new Map([...keys.galois].map(([g, key]) => [g, copyKey(key)])),
  };
  const x = Array.from({ length: 32 }, () => (BigInt(random.integer(2 ** 32)) ** 2n) >> 16n);
  const a = new BfvSecret(wasm, secretKey).encrypt(x);
  const parts = a.parts.map(([c0, c1]) => [moved(twin, c0), moved(twin, c1)] as const);
  const b = new BfvCiphertext(parts, a.noise);
  const trace = (on: BfvEvaluator, c: BfvCiphertext): Uint32Array[] => {
    const product = on.multiply(on.addPlain(c, x), c);
    const all = [product, on.rotate(product, 1), on.multiplyPlain(c, x)];
    return all.flatMap((result) => result.parts.flat().flatMap((p) => p.limbs.map((_, j) => p.read(j))));
  };
  expect(trace(new BfvEvaluator(twin, twinKeys), b)).toEqual(trace(new BfvEvaluator(wasm, keys), a));
  const twinSecret = new BfvSecret(twin, SecretKey.fromBytes(twin, secretKey.toBytes()));
  expect(twinSecret.decrypt(b)).toEqual(x);
  wasm.dispose();
});

function moved(to: BfvContext, poly: Poly<'ntt'>): Poly<'ntt'> {
  const out = to.ring.allocate('ntt', poly.indices);
  for (let j = 0; j < poly.limbCount; j++) out.write(j, poly.read(j));
  return out;
}
