/**
 * Our CKKS against Microsoft SEAL's at N = 2^13: the same circuit on the same random slots gives the same result as the
 * other library and as the clear, to the bits that the scale of ours (2^28; SEAL's is 2^40) leaves. Ours at set L13.
 *
 * Bits are such that chance does not decide: a fresh error is normal, and ten deviations away. An error that the secret
 * multiplies (of a rounding, a key switch, a public key) is in each slot the product of two normal numbers, of the
 * distribution of Laplace: beyond k deviations with probability exp(−√2·k), and so 24 of them or more are left.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import type { PublicKey } from '../../src/rlwe/keys.ts';
import { generateEvaluationKeys, generatePublicKey } from '../../src/rlwe/secret/key-generation.ts';
import { SecretKey } from '../../src/rlwe/secret/secret-key.ts';
import type { Ciphertext } from '../../src/schemes/ckks/ciphertext.ts';
import { CkksContext } from '../../src/schemes/ckks/context.ts';
import { CkksEvaluator } from '../../src/schemes/ckks/evaluator.ts';
import { parameterSet } from '../../src/schemes/ckks/parameters.ts';
import { encryptPublic } from '../../src/schemes/ckks/public-encryption.ts';
import { SecretScheme } from '../../src/schemes/ckks/secret/secret-scheme.ts';
import { type CipherText as Sealed, type SealPeer, sealPeer } from './seal-peer.ts';

const LOG_N = 13;
const SLOTS = 2 ** (LOG_N - 1);
const ROTATIONS = [1, -1, 64, -100, SLOTS / 2];

let seal: SealPeer;
let context: CkksContext;
let owner: SecretScheme;
let publicKey: PublicKey;
let evaluator: CkksEvaluator;

beforeAll(async () => {
  seal = await sealPeer(LOG_N, ROTATIONS);
  context = await CkksContext.create(await parameterSet('L13'), { threads: 1 });
  const key = SecretKey.generate(context);
  owner = new SecretScheme(context, key);
  publicKey = generatePublicKey(context, key);
  const needs = { rotations: ROTATIONS, conjugation: false, relinearization: true };
  evaluator = new CkksEvaluator(context, generateEvaluationKeys(context, key, needs));
});
afterAll(() => context.dispose());

function worst(a: Float64Array, b: Float64Array): number {
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
}

/** Both results agree with each other and with the clear to `bits`. */
function expectAgreement(ours: Ciphertext, theirs: Sealed, clear: Float64Array, bits: number): void {
  const [mine, peer] = [owner.decrypt(ours).re, seal.decrypt(theirs)];
  expect(worst(mine, clear)).toBeLessThan(2 ** -bits);
  expect(worst(peer, clear)).toBeLessThan(2 ** -bits);
  expect(worst(mine, peer)).toBeLessThan(2 ** -bits);
}

interface Case {
  readonly name: string;
  /** Bits after the point on which all three agree, for slots in [−1, 1]. */
  readonly bits: number;
  clear(x: Float64Array, y: Float64Array, v: Float64Array): Float64Array;
  ours(a: Ciphertext, b: Ciphertext, v: Float64Array): Ciphertext;
  seal(a: Sealed, b: Sealed, v: Float64Array): Sealed;
}

const rotated = (x: Float64Array, steps: number): Float64Array => x.map((_, i) => x[(i + steps + SLOTS) % SLOTS]!);

const CASES: readonly Case[] = [
  { name: 'encrypt', bits: 17, clear: (x) => x, ours: (a) => a, seal: (a) => a },
  {
    name: 'add',
    bits: 16,
    clear: (x, y) => x.map((v, i) => v + y[i]!),
    ours: (a, b) => evaluator.add(a, b),
    seal: (a, b) => seal.add(a, b),
  },
  {
    name: 'subtract',
    bits: 16,
    clear: (x, y) => x.map((v, i) => v - y[i]!),
    ours: (a, b) => evaluator.subtract(a, b),
    seal: (a, b) => seal.subtract(a, b),
  },
  {
    name: 'negate',
    bits: 17,
    clear: (x) => x.map((v) => -v),
    ours: (a) => evaluator.negate(a),
    seal: (a) => seal.negate(a),
  },
  {
    name: 'add a plaintext',
    bits: 17,
    clear: (x, _y, v) => x.map((u, i) => u + v[i]!),
    ours: (a, _b, v) => evaluator.addPlain(a, v),
    seal: (a, _b, v) => seal.addPlain(a, v),
  },
  {
    name: 'multiply and rescale',
    bits: 13,
    clear: (x, y) => x.map((v, i) => v * y[i]!),
    ours: (a, b) => evaluator.rescale(evaluator.multiply(a, b)),
    seal: (a, b) => seal.multiply(a, b),
  },
  {
    name: 'multiply by a plaintext and rescale',
    bits: 13,
    clear: (x, _y, v) => x.map((u, i) => u * v[i]!),
    ours: (a, _b, v) => evaluator.rescale(evaluator.multiplyPlain(a, v)),
    seal: (a, _b, v) => seal.multiplyPlain(a, v),
  },
  ...ROTATIONS.map((steps) => ({
    name: `rotate by ${steps}`,
    bits: 9,
    clear: (x: Float64Array) => rotated(x, steps),
    ours: (a: Ciphertext) => evaluator.rotate(a, steps),
    seal: (a: Sealed) => seal.rotate(a, steps),
  })),
  {
    name: 'a circuit of two levels: rot_1(x·y + y·v)·rot_64(x·y)',
    bits: 10,
    clear: (x, y, v) => {
      const product = x.map((u, i) => u * y[i]!);
      const sum = product.map((u, i) => u + y[i]! * v[i]!);
      const other = rotated(product, 64);
      return rotated(sum, 1).map((u, i) => u * other[i]!);
    },
    ours: (a, b, v) => {
      const product = evaluator.rescale(evaluator.multiply(a, b));
      const sum = evaluator.add(product, evaluator.rescale(evaluator.multiplyPlain(b, v)));
      return evaluator.rescale(evaluator.multiply(evaluator.rotate(sum, 1), evaluator.rotate(product, 64)));
    },
    seal: (a, b, v) => {
      const product = seal.multiply(a, b);
      const sum = seal.add(product, seal.multiplyPlain(b, v));
      return seal.multiply(seal.rotate(sum, 1), seal.rotate(product, 64));
    },
  },
];

describe('CKKS against SEAL at N = 2^13', () => {
  for (const { name, bits, clear, ours, seal: theirs } of CASES) {
    it(`${name}: equal to 2^-${bits}`, () => {
      for (const seed of [1, 2]) {
        const random = new SeededRandom(seed);
        const vector = () => Float64Array.from({ length: SLOTS }, () => random.uniform(-1, 1));
        const [x, y, v] = [vector(), vector(), vector()];
        const expected = clear(x, y, v);
        const secret = [owner.encrypt({ re: x }, 3), owner.encrypt({ re: y }, 3)] as const;
        const sealed = [seal.encryptSymmetric(x), seal.encryptSymmetric(y)] as const;
        expectAgreement(ours(...secret, v), theirs(...sealed, v), expected, bits);
      }
    });
  }

  it('public-key encryption: equal to 2^-9', () => {
    const random = new SeededRandom(3);
    const x = Float64Array.from({ length: SLOTS }, () => random.uniform(-1, 1));
    expectAgreement(encryptPublic(context, publicKey, { re: x }, 3), seal.encrypt(x), x, 9);
  });

  it('sees a wrong result: a rotation by one slot too many differs in all three comparisons', () => {
    const random = new SeededRandom(4);
    const x = Float64Array.from({ length: SLOTS }, () => random.uniform(-1, 1));
    const wrong = evaluator.rotate(owner.encrypt({ re: x }, 3), 1);
    expect(() => expectAgreement(wrong, seal.encryptSymmetric(x), x, 1)).toThrow();
  });
});
