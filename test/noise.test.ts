/**
 * Noise of each operation against theory, on real sets, in coefficients, seen through the secret key. Every formula is
 * the variance of one coefficient; measured and predicted standard deviations agree within 0.8 … 1.25.
 *
 * Notation: σ² = 10.5, the centred binomial errors (sampler.ts); s the ternary secret, v the ternary of a public-key
 * encryption, ‖·‖² sums of squares of coefficients: a product of s with independent coefficients of variance x has
 * variance x·‖s‖² (Costache, Curtis, Hales, Murphy, Ogilvie and Player 2022/162, section 3).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../src/base/seeded-random.ts';
import type { PrimeContext } from '../src/kernels/prime-context.ts';
import {
  add,
  automorphism,
  multiplyInteger,
  multiplyMontgomery,
  type Poly,
  subtract,
  toCoefficients,
  toMontgomery,
  truncate,
} from '../src/ring/poly.ts';
import type { PublicKey } from '../src/rlwe/keys.ts';
import { generateEvaluationKeys, generatePublicKey } from '../src/rlwe/secret/key-generation.ts';
import { SecretKey } from '../src/rlwe/secret/secret-key.ts';
import type { Ciphertext } from '../src/schemes/ckks/ciphertext.ts';
import { CkksContext } from '../src/schemes/ckks/context.ts';
import { CkksEvaluator } from '../src/schemes/ckks/evaluator.ts';
import { parameterSet } from '../src/schemes/ckks/parameters.ts';
import { encryptPublic, rerandomize } from '../src/schemes/ckks/public-encryption.ts';
import { SecretScheme } from '../src/schemes/ckks/secret/secret-scheme.ts';

const ERROR_VARIANCE = 10.5;

for (const set of ['L13', 'L14']) {
  describe(`noise on ${set}`, () => {
    let context: CkksContext;
    let secretKey: SecretKey;
    let owner: SecretScheme;
    let publicKey: PublicKey;
    let evaluator: CkksEvaluator;
    let top: number;
    /** ‖s‖². */
    let weight: number;
    const random = new SeededRandom(7);

    beforeAll(async () => {
      context = await CkksContext.create(await parameterSet(set), { threads: 1 });
      top = context.maxLevel;
      secretKey = SecretKey.generate(context);
      weight = secretKey.toBytes().reduce((sum, x) => sum + (x === 0 ? 0 : 1), 0);
      owner = new SecretScheme(context, secretKey);
      publicKey = generatePublicKey(context, secretKey);
      const needs = { rotations: [1], conjugation: true, relinearization: true };
      evaluator = new CkksEvaluator(context, generateEvaluationKeys(context, secretKey, needs));
    });
    afterAll(() => context.dispose());

    const slots = () => ({ re: Float64Array.from({ length: context.slots }, () => random.uniform(-1, 1)) });
    const message = (values: { re: Float64Array }, scale: number) =>
      context.encoder.encode(values, scale, context.baseLimbs);
    /** c0 + c1·s modulo the base primes. */
    const phase = (c: Ciphertext): Poly<'ntt'> =>
      add(truncate(c.c0, context.baseLimbs), multiplyMontgomery(c.c1, secretKey.montgomery, context.baseLimbs));
    /** Coefficients as centred integers. */
    const integers = (a: Poly<'ntt'>): Float64Array => {
      const digits = context.base.digits(toCoefficients(a));
      const values = context.base.toDoubles(digits, 1);
      digits.release();
      return values;
    };
    const expectNoise = (noise: Float64Array, variance: number): void => {
      const measured = noise.reduce((sum, x) => sum + x * x, 0) / noise.length;
      expect(Math.sqrt(measured / variance)).toBeGreaterThan(0.8);
      expect(Math.sqrt(measured / variance)).toBeLessThan(1.25);
    };
    /** Of a rounding of both halves: an error uniform in ±1/2 in each, the one in c1 multiplied by s. */
    const rounding = (): number => (1 + weight) / 12;
    const prime = (i: number): number => (context.ring.primes[i] as PrimeContext).p;

    /**
     * Key switching of a polynomial over `limbs` limbs with k special limbs. A digit of α limbs is lifted to
     * Σ_j y_j·D/q_j with y_j uniform modulo q_j: variance D²·α/12. It meets N errors of the key, and P divides the sum:
     * N·σ²·(D/P)²·α/12 a digit. The division itself rounds to Σ_j y_j/p_j over the k special limbs, of variance k/12
     * instead of 1/12, in both halves.
     */
    const switching = (limbs: number): number => {
      const { specialLimbs: k, specialIndices, ring } = context;
      const logP = specialIndices.reduce((sum, i) => sum + Math.log2(prime(i)), 0);
      let variance = k * rounding();
      for (let first = 0; first < limbs; first += k) {
        const own = Array.from({ length: Math.min(k, limbs - first) }, (_, j) => prime(first + j));
        const logD = own.reduce((sum, q) => sum + Math.log2(q), 0);
        variance += (ring.N * ERROR_VARIANCE * 4 ** (logD - logP) * own.length) / 12;
      }
      return variance;
    };

    /** What dividing `before` by q left: after − before/q. */
    const divisionError = (after: Poly<'ntt'>, before: Poly<'ntt'>, q: number): Float64Array => {
      const [x, y] = [integers(after), integers(before)];
      return x.map((v, i) => v - (y[i] as number) / q);
    };

    it('encoding rounds: 1/12', () => {
      const values = slots();
      const [coarse, fine] = [message(values, 2 ** 28), message(values, 2 ** 44)];
      expectNoise(divisionError(coarse, fine, 2 ** 16), 1 / 12);
    });

    it('secret-key encryption: σ²', () => {
      const values = slots();
      for (const level of [0, top]) {
        const fresh = owner.encrypt(values, level);
        expectNoise(integers(subtract(phase(fresh), message(values, fresh.scale))), ERROR_VARIANCE);
      }
    });

    it('public-key encryption at the top: e·v + e0 + e1·s, σ²·(‖v‖² + 1 + ‖s‖²)', () => {
      const values = slots();
      const fresh = encryptPublic(context, publicKey, values, top);
      const ternary = (2 / 3) * context.ring.N;
      const variance = ERROR_VARIANCE * (ternary + 1 + weight);
      expectNoise(integers(subtract(phase(fresh), message(values, fresh.scale))), variance);
    });

    it('public-key encryption below the top, and re-randomising: a rounding, (1 + ‖s‖²)/12', () => {
      const values = slots();
      const level = top - 1;
      const fresh = encryptPublic(context, publicKey, values, level);
      expectNoise(integers(subtract(phase(fresh), message(values, fresh.scale))), rounding());
      const before = owner.encrypt(values, level);
      const after = rerandomize(context, publicKey, before);
      expectNoise(integers(subtract(phase(after), phase(before))), rounding());
    });

    it('addition and subtraction: the sum of both variances', () => {
      const [x, y] = [slots(), slots()];
      const [a, b] = [owner.encrypt(x, top), owner.encrypt(y, top)];
      const [mx, my] = [message(x, a.scale), message(y, b.scale)];
      expectNoise(integers(subtract(phase(evaluator.add(a, b)), add(mx, my))), 2 * ERROR_VARIANCE);
      expectNoise(integers(subtract(phase(evaluator.subtract(a, b)), subtract(mx, my))), 2 * ERROR_VARIANCE);
    });

    it('rescaling and dropping a level: a rounding, (1 + ‖s‖²)/12', () => {
      const a = owner.encrypt(slots(), top);
      expectNoise(divisionError(phase(evaluator.rescale(a)), phase(a), context.levelPrime(top)), rounding());
      const lower = evaluator.dropToLevel(a, 1);
      const q = context.levelPrime(2);
      const constant = BigInt(Math.round((evaluator.canonicalScale(1) * q) / a.scale));
      expectNoise(divisionError(phase(lower), multiplyInteger(phase(a), constant), q), rounding());
    });

    it('rotation and conjugation: one key switch', () => {
      for (const level of [top, 1]) {
        const a = owner.encrypt(slots(), level);
        const expected = switching(context.baseLimbs + level);
        const { ring } = context;
        const rotated = automorphism(phase(a), ring.galoisElement(1));
        expectNoise(integers(subtract(phase(evaluator.rotate(a, 1)), rotated)), expected);
        const conjugated = automorphism(phase(a), 2 * ring.N - 1);
        expectNoise(integers(subtract(phase(evaluator.conjugate(a)), conjugated)), expected);
      }
    });

    it('relinearisation: one key switch, however many products', () => {
      const [a, b] = [owner.encrypt(slots(), top), owner.encrypt(slots(), top)];
      const product = (x: Ciphertext, y: Ciphertext) => multiplyMontgomery(phase(x), toMontgomery(phase(y)));
      const expected = switching(context.baseLimbs + top);
      expectNoise(integers(subtract(phase(evaluator.multiply(a, b)), product(a, b))), expected);
      const sum = add(product(a, b), product(b, b));
      expectNoise(integers(subtract(phase(evaluator.innerProduct([a, b], [b, b])), sum)), expected);
    });

    it('plaintext and scalar products: none beyond that of their operand', () => {
      const values = slots();
      const a = owner.encrypt(values, top);
      const plain = message(values, evaluator.plainScale(a));
      const expected = multiplyMontgomery(phase(a), toMontgomery(plain));
      const noise = integers(subtract(phase(evaluator.multiplyPlain(a, values.re)), expected));
      expect(noise.every((x) => x === 0)).toBe(true);
      const constant = BigInt(Math.round(0.7 * evaluator.plainScale(a)));
      const scaled = integers(subtract(phase(evaluator.multiplyScalar(a, 0.7)), multiplyInteger(phase(a), constant)));
      expect(scaled.every((x) => x === 0)).toBe(true);
    });
  });
}
