import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { repeatSystemRandom } from '../../../test/fixtures/repeated-random.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import { createTwinEngine } from '../../kernels/twin/executor.ts';
import { SCHEMES } from '../traits.ts';
import type { YasheCiphertext } from './ciphertext.ts';
import { YasheContext } from './context.ts';
import { YasheEvaluator } from './evaluator.ts';
import { publicKeyIntegers, type YasheEvaluationKeys, type YashePublicKey } from './keys.ts';
import { YASHE_SET, yasheParameters } from './parameters.ts';
import {
  ciphertextFromPlain,
  ciphertextToPlain,
  evaluationKeysFromPlain,
  evaluationKeysToPlain,
  publicKeyFromPlain,
  publicKeysFromPlain,
  publicKeysToPlain,
  publicKeyToPlain,
} from './plain-form.ts';
import { encryptPublic } from './public-encryption.ts';
import { generateYasheEvaluationKeys, generateYashePublicKey } from './secret/key-generation.ts';
import { YasheSecretKey } from './secret/secret-key.ts';
import { YasheSecret } from './secret/secret-scheme.ts';

const ROTATIONS = [1, -1, 5, 16];
const PARAMETERS = await yasheParameters(YASHE_SET, 3);
const { N } = PARAMETERS;

let context: YasheContext;
let key: YasheSecretKey;
let publicKey: YashePublicKey;
let keys: YasheEvaluationKeys;
let owner: YasheSecret;
let evaluator: YasheEvaluator;

beforeAll(async () => {
  context = await YasheContext.create(PARAMETERS);
  key = YasheSecretKey.generate(context);
  publicKey = generateYashePublicKey(context, key);
  keys = generateYasheEvaluationKeys(context, key, publicKey, { rotations: ROTATIONS, relinearization: true });
  owner = new YasheSecret(context, key, publicKey);
  evaluator = new YasheEvaluator(context, keys);
});
afterAll(() => context.dispose());

const random = new SeededRandom(1);
const modulus = PARAMETERS.plainPrimes.reduce((product, t) => product * BigInt(t), 1n);
const modulo = (x: bigint, q: bigint): bigint => ((x % q) + q) % q;
const centred = (x: bigint, q = modulus): bigint => (modulo(x, q) > q / 2n ? modulo(x, q) - q : modulo(x, q));

function vector(length: number): bigint[] {
  return Array.from({ length }, () => {
    let x = 0n;
    for (let i = 0; i < 4; i++) x = (x << 28n) | BigInt(random.integer(2 ** 28));
    return centred(x);
  });
}

const rotated = (x: readonly bigint[], steps: number): bigint[] =>
  x.map((_, i) => x[(i + steps + x.length) % x.length]!);

function expectSlots(c: YasheCiphertext, wanted: (i: number) => bigint): void {
  expect(owner.decrypt(c)).toEqual(Array.from({ length: context.slots }, (_, i) => centred(wanted(i))));
}

/** Schoolbook, modulo X^N + 1 and q, centred. */
function schoolbook(a: readonly bigint[], b: readonly bigint[], q: bigint): bigint[] {
  const out = new Array<bigint>(N).fill(0n);
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      out[(i + j) % N]! += i + j < N ? x * y : -x * y;
    });
  });
  return out.map((x) => centred(x, q));
}

/** f_j as integers, from the bytes of the key. */
function secretIntegers(j: number): bigint[] {
  const t = BigInt(PARAMETERS.plainPrimes[j]!);
  const own = Int8Array.from(key.toBytes()).subarray(N * j, N * (j + 1));
  return Array.from(own, (x, i) => t * BigInt(x) + (i === 0 ? 1n : 0n));
}

describe('keys', () => {
  it('h·f = t·g modulo q with a ternary g, for each plaintext prime, by schoolbook', () => {
    const { q, parts } = publicKeyIntegers(context, publicKey);
    expect(q).toBe(PARAMETERS.primes.reduce((product, p) => product * BigInt(p), 1n));
    const ternary = parts.flatMap(({ t, h }, j) => {
      expect(t).toBe(BigInt(PARAMETERS.plainPrimes[j]!));
      expect(h.every((x) => x >= 0n && x < q)).toBe(true);
      const g = schoolbook(h, secretIntegers(j), q);
      expect(g.every((x) => x === 0n || x === t || x === -t)).toBe(true);
      return g.map((x) => x / t);
    });
    // Over all keys: the 32 coefficients of one lack a value of the three with chance 3·(2/3)^32.
    expect(new Set(ternary)).toEqual(new Set([-1n, 0n, 1n]));
    expect(secretIntegers(0)).not.toEqual(secretIntegers(1));
  });

  it('come back from bytes; others are refused', () => {
    const bytes = key.toBytes();
    const again = new YasheSecret(context, YasheSecretKey.fromBytes(context, bytes), publicKey);
    expect(again.decrypt(owner.encrypt([-7n]))[0]).toBe(-7n);
    const bad = [bytes.subarray(1), new Uint8Array(bytes.length + 1), bytes.map((x, i) => (i === 5 ? 2 : x))];
    for (const other of bad) {
      expect(() => YasheSecretKey.fromBytes(context, other)).toThrow(expect.objectContaining({ code: 'BAD_FILE' }));
    }
  });

  it('that are absent are asked for', () => {
    const a = owner.encrypt([1n]);
    const without = new YasheEvaluator(context, { relinearization: undefined, galois: new Map() });
    expect(() => without.multiply(a, a)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
    expect(() => without.rotate(a, 1)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
    expect(() => evaluator.rotate(a, 3)).toThrow(expect.objectContaining({ code: 'WRONG_KEY' }));
    expectSlots(without.rotate(a, 16), () => 1n);
  });

  it('of another owner decrypt nothing', () => {
    const other = new YasheSecret(context, YasheSecretKey.generate(context), publicKey);
    expect(other.decrypt(owner.encrypt([1n]))).not.toEqual(Array.from({ length: 16 }, () => 1n));
  });
});

describe('encryption', () => {
  it('holds every integer up to ±2^plainBits, full and periodic', () => {
    const edge = 1n << BigInt(evaluator.plainBits);
    expect(edge < modulus / 2n && 2n * edge > modulus / 2n).toBe(true);
    for (const length of [16, 8, 1]) {
      const x = [edge, -edge, 0n, 1n, -1n, edge - 1n, ...vector(length)].slice(0, length);
      expectSlots(owner.encrypt(x), (i) => x[i % length]!);
      expectSlots(encryptPublic(context, publicKey, x), (i) => x[i % length]!);
    }
    expect(() => owner.encrypt([modulus / 2n + 1n])).toThrow(RangeError);
    for (const length of [0, 3, 32]) expect(() => owner.encrypt(vector(length))).toThrow(RangeError);
  });

  it('decrypts by the definition: round(t/q·f·c) modulo t, in bigint', () => {
    const a = owner.encrypt(vector(16));
    const c = evaluator.multiply(a, evaluator.rotate(a, 1));
    const { q } = publicKeyIntegers(context, publicKey);
    const plains = context.encode(owner.decrypt(c));
    const polys = publicKeyIntegers(context, { h: c.parts }).parts;
    polys.forEach(({ t, h }, j) => {
      const phase = schoolbook(h, secretIntegers(j), q);
      const message = phase.map((x) => modulo((2n * t * x + q) / (2n * q) - (2n * t * x + q < 0n ? 1n : 0n), t));
      const inX = Array.from(plains[j]!.words.read(0), BigInt);
      expect(message).toEqual(inX.filter((_, i) => i % 2 === 0));
      expect(inX.filter((_, i) => i % 2 === 1).every((x) => x === 0n)).toBe(true);
    });
  });
});

describe('evaluation is exact modulo the plaintext primes', () => {
  const [x, y] = [vector(16), vector(16)];
  const encrypted = () => [owner.encrypt(x), owner.encrypt(y)] as const;

  it('every operation', () => {
    const [a, b] = encrypted();
    expectSlots(evaluator.add(a, b), (i) => x[i]! + y[i]!);
    expectSlots(evaluator.subtract(a, b), (i) => x[i]! - y[i]!);
    expectSlots(evaluator.negate(a), (i) => -x[i]!);
    for (const length of [16, 4, 1]) {
      const v = vector(length);
      expectSlots(evaluator.addPlain(a, v), (i) => x[i]! + v[i % length]!);
      expectSlots(evaluator.multiplyPlain(a, v), (i) => x[i]! * v[i % length]!);
    }
    for (const factor of [0n, 1n, -3n, modulus / 2n, modulus * 5n + 2n]) {
      expectSlots(evaluator.multiplyInteger(a, factor), (i) => x[i]! * factor);
    }
    expectSlots(evaluator.multiply(a, b), (i) => x[i]! * y[i]!);
    expectSlots(evaluator.multiply(a, a), (i) => x[i]! ** 2n);
    for (const steps of [...ROTATIONS, 0, 16, 17, -15]) {
      expectSlots(evaluator.rotate(a, steps), (i) => rotated(x, steps % 16)[i]!);
    }
  });

  it('inner products, also longer than the kernel sums at once', () => {
    const [a, b] = encrypted();
    for (const length of [2, 67]) {
      const [as, bs] = [Array.from({ length }, (_, i) => (i % 2 ? a : b)), Array.from({ length }, () => a)];
      const odd = BigInt(Math.floor(length / 2));
      const even = BigInt(length) - odd;
      expectSlots(evaluator.innerProduct(as, bs), (i) => odd * x[i]! ** 2n + even * x[i]! * y[i]!);
    }
    expect(() => evaluator.innerProduct([], [])).toThrow(RangeError);
    expect(() => evaluator.innerProduct([a], [a, b])).toThrow(RangeError);
  });

  it('random circuits as deep as the set allows, the noise below its estimate', () => {
    // The estimate is a heuristic: always the same keys and errors.
    onTestFinished(repeatSystemRandom(1));
    const secretKey = YasheSecretKey.generate(context);
    const h = generateYashePublicKey(context, secretKey);
    const needs = { rotations: ROTATIONS, relinearization: true };
    const own = new YasheEvaluator(context, generateYasheEvaluationKeys(context, secretKey, h, needs));
    const secret = new YasheSecret(context, secretKey, h);
    expect(own.depth).toBeGreaterThanOrEqual(7);
    for (let round = 0; round < 8; round++) {
      let clear = vector(16);
      let sealed = secret.encrypt(clear);
      for (let products = 0; products < own.depth; ) {
        const v = vector([16, 8, 2][random.integer(3)]!);
        const at = (i: number) => v[i % v.length]!;
        const before = clear;
        const kind = random.integer(6);
        if (kind < 3) products++;
        if (kind === 0) [sealed, clear] = [own.multiply(sealed, sealed), before.map((u) => u * u)];
        else if (kind === 1)
          [sealed, clear] = [own.multiply(sealed, secret.encrypt(v)), before.map((u, i) => u * at(i))];
        else if (kind === 2) [sealed, clear] = [own.multiplyPlain(sealed, v), before.map((u, i) => u * at(i))];
        else if (kind === 3) [sealed, clear] = [own.addPlain(sealed, v), before.map((u, i) => u + at(i))];
        else if (kind === 4) [sealed, clear] = [own.rotate(sealed, 5), rotated(before, 5)];
        else
          [sealed, clear] = [
            own.subtract(sealed, own.rotate(sealed, -1)),
            before.map((u, i) => u - rotated(before, -1)[i]!),
          ];
        clear = clear.map((u) => centred(u));
        expect(secret.noiseBudget(sealed)).toBeGreaterThan(context.noise.budget(sealed.noise));
      }
      expect(secret.decrypt(sealed)).toEqual(clear);
    }
  });

  it('refuses the product that could be wrong', () => {
    let sealed = owner.encrypt(vector(16));
    let products = 0;
    const run = () => {
      for (; products < 40; products++) sealed = evaluator.multiply(sealed, sealed);
    };
    expect(run).toThrow(expect.objectContaining({ code: 'LEVELS_EXHAUSTED' }));
    expect(products).toBeGreaterThanOrEqual(evaluator.depth);
    expect(owner.noiseBudget(sealed)).toBeGreaterThan(0);
  });

  it('frees what it makes on the way', () => {
    const [a, b] = encrypted();
    const use = () => {
      for (const c of [evaluator.multiply(a, b), evaluator.rotate(a, 1), evaluator.multiplyPlain(a, y)]) {
        owner.decrypt(c);
        owner.noiseBudget(c);
        evaluator.dispose(c);
      }
    };
    use();
    const before = context.engine.heap.bytesInUse;
    use();
    expect(context.engine.heap.bytesInUse).toBe(before);
  });
});

describe('plain forms', () => {
  it('of ciphertexts, public keys and evaluation keys come back', async () => {
    const x = vector(16);
    const a = ciphertextFromPlain(context, structuredClone(ciphertextToPlain(context, owner.encrypt(x))));
    const h = publicKeyFromPlain(context, structuredClone(publicKeyToPlain(context, publicKey)));
    expect(publicKeyIntegers(context, h)).toEqual(publicKeyIntegers(context, publicKey));
    const again = evaluationKeysFromPlain(context, structuredClone(evaluationKeysToPlain(context, keys)));
    const b = encryptPublic(context, h, [3n]);
    expectSlots(new YasheEvaluator(context, again).rotate(evaluator.multiply(a, b), 5), (i) => 3n * rotated(x, 5)[i]!);
    const all = publicKeysToPlain({ context, publicKey, evaluationKeys: keys });
    const read = await publicKeysFromPlain(structuredClone(all));
    expect(publicKeysToPlain(read)).toEqual(all);
    read.context.dispose();
    for (const value of [undefined, {}, { ...all, version: 2 }, { ...all, plainPrimes: 1 }, { ...all, publicKey: 3 }]) {
      await expect(publicKeysFromPlain(value)).rejects.toMatchObject({ code: 'BAD_FILE' });
    }
    const none = { relinearization: undefined, galois: new Map() };
    expect(evaluationKeysFromPlain(context, evaluationKeysToPlain(context, none))).toEqual(none);
  });

  it('that are anything else are refused', () => {
    const c = ciphertextToPlain(context, owner.encrypt([1n]));
    const h = publicKeyToPlain(context, publicKey);
    const e = evaluationKeysToPlain(context, keys);
    const large = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 4 * 40 + 3 ? 0xff : byte));
    const cases: [(context: YasheContext, value: unknown) => unknown, unknown[]][] = [
      [
        ciphertextFromPlain,
        [
          null,
          7,
          {},
          { ...c, parameters: c.parameters.map((b) => b ^ 1) },
          { ...c, parts: c.parts.slice(1) },
          { ...c, parts: c.parts.map((p) => p.subarray(1)) },
          { ...c, parts: c.parts.map(large) },
          { ...c, parts: c.parts.map((p) => [...p]) },
          { ...c, noiseBits: Number.NaN },
          { ...c, noiseBits: c.noiseBits - 1 },
          { ...c, noiseDegree: 0.5 },
        ],
      ],
      [publicKeyFromPlain, [undefined, { ...h, h: 'h' }, { ...h, h: h.h.map(large) }]],
      [
        evaluationKeysFromPlain,
        [
          { ...e, relinearization: e.relinearization.slice(1) },
          { ...e, relinearization: e.relinearization.map(large) },
          { ...e, elements: Uint32Array.from(e.elements) },
          { ...e, elements: e.elements.map((g) => g - 1) },
          { ...e, elements: e.elements.map(() => 5) },
          { ...e, galois: e.galois.slice(1) },
          { ...e, galois: e.galois.map((k) => k.map((w) => w.subarray(128))) },
        ],
      ],
    ];
    for (const [read, values] of cases) {
      for (const value of values) {
        expect(() => read(context, value)).toThrow(expect.objectContaining({ code: 'BAD_FILE' }));
      }
    }
  });
});

it('says that it is broken', async () => {
  expect(PARAMETERS.insecure).toBe(true);
  expect(PARAMETERS.securityBits).toBe(0);
  expect(SCHEMES.yashe.warning).toContain('2016/127');
  await expect(yasheParameters('yashe')).rejects.toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  await expect(yasheParameters(YASHE_SET, 0)).rejects.toThrow(RangeError);
});

it('is the same on the bigint twin of the kernels', () => {
  const twin = new YasheContext(PARAMETERS, createTwinEngine());
  const twinKeys = evaluationKeysFromPlain(twin, evaluationKeysToPlain(context, keys));
  const x = vector(16);
  const record = ciphertextToPlain(context, owner.encrypt(x));
  const trace = (on: YasheEvaluator): unknown => {
    const a = ciphertextFromPlain(on.context, record);
    const product = on.multiply(on.addPlain(a, x), a);
    return [product, on.rotate(product, 1), on.multiplyPlain(a, x)].map((c) => ciphertextToPlain(on.context, c));
  };
  expect(trace(new YasheEvaluator(twin, twinKeys))).toEqual(trace(evaluator));
});
