import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateEvaluationKeys } from '../rlwe/secret/key-generation.ts';
import { SecretKey } from '../rlwe/secret/secret-key.ts';
import { ChainEvaluator } from '../schemes/ckks/chain-evaluator.ts';
import { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import { CkksContext } from '../schemes/ckks/context.ts';
import { insecureParameters } from '../schemes/ckks/parameters.ts';
import { SecretScheme } from '../schemes/ckks/secret/secret-scheme.ts';
import { ChebyshevPowers, type DepthChain, doubleAngle, dropAt, evaluateSeries } from './chebyshev.ts';

/** Depths of two primes each above the three limbs that decryption reads. */
const DEPTHS = 7;
const SLOTS = 64;
let context: CkksContext;
let owner: SecretScheme;
let evaluator: ChainEvaluator;
let chain: DepthChain;
/** The mean of the pairs' products. */
let pairScale: number;

beforeAll(async () => {
  const parameters = await insecureParameters({ logN: 7, levels: 2 * DEPTHS, special: 6 });
  context = await CkksContext.create(parameters, { threads: 1 });
  const key = SecretKey.generate(context);
  owner = new SecretScheme(context, key);
  const { relinearization } = generateEvaluationKeys(context, key, {
    rotations: [],
    conjugation: false,
    relinearization: true,
  });
  const keys = { relinearization: relinearization!, get: () => undefined };
  evaluator = new ChainEvaluator(context, context.keySwitcher, keys);
  const limbs = Array.from({ length: DEPTHS + 1 }, (_, depth) => 3 + 2 * (DEPTHS - depth));
  const { primes } = parameters;
  chain = { limbs, divisors: limbs.slice(1).map((l) => primes[l]! * primes[l + 1]!) };
  pairScale = 2 ** (chain.divisors.reduce((sum, q) => sum + Math.log2(q), 0) / DEPTHS);
});
afterAll(() => context.dispose());

const points = Float64Array.from({ length: SLOTS }, (_, i) => Math.cos((Math.PI * (i + 0.5)) / SLOTS));

/** Points of [−1, 1] at a depth, encrypted at 2^50 and brought to the scale by an integer. */
function encrypt(scale: number, depth: number, x = points): Ciphertext {
  const level = chain.limbs[depth]! - context.baseLimbs;
  const up = Math.max(1, 2 ** Math.ceil(Math.log2(scale / 2 ** 50)));
  const blown = x.map((v) => (v * scale) / up / context.scales[level]!);
  const { c0, c1 } = owner.encrypt({ re: blown }, level);
  return evaluator.combine([{ x: new Ciphertext(c0, c1, level, scale / up), factor: BigInt(up) }], scale);
}

/**
 * Largest error of the real parts against a function of those of the input as it decrypts: the noise of its encryption
 * is not the evaluation's. Its imaginary part, noise alone, comes out times the derivative.
 */
function errorOf(output: Ciphertext, input: Ciphertext, wanted: (x: number) => number): number {
  const { re, im } = owner.decrypt(output);
  expect(Math.max(...im.map(Math.abs))).toBeLessThan(2 ** -24);
  const x = owner.decrypt(input).re;
  return re.reduce((worst, y, i) => Math.max(worst, Math.abs(y - wanted(x[i]!))), 0);
}

/** Σ c_k·T_k(x). */
function clenshaw(c: readonly number[], x: number): number {
  let [b1, b2] = [0, 0];
  for (let k = c.length - 1; k > 0; k--) [b1, b2] = [c[k]! + 2 * x * b1 - b2, b1];
  return c[0]! + x * b1 - b2;
}

const chebyshev = (k: number) => (x: number) => Math.cos(k * Math.acos(x));

describe('doubleAngle', () => {
  it('is 2x² − 1 at the scale that the rescaling leaves, over one or two primes', () => {
    for (const [scale, drop] of [
      [2 ** 41, 1],
      [2 ** 55.5, 2],
    ] as const) {
      const a = encrypt(scale, 1);
      const out = doubleAngle(evaluator, a, drop);
      const limbs = chain.limbs[1]!;
      const divided = context.parameters.primes.slice(limbs - drop, limbs).reduce((all, p) => all * p, 1);
      expect([out.c0.limbCount, out.level]).toEqual([limbs - drop, limbs - drop - 3]);
      expect(out.scale / (scale ** 2 / divided)).toBeCloseTo(1, 14);
      expect(errorOf(out, a, (x) => 2 * x * x - 1)).toBeLessThan(2 ** 10 / out.scale);
    }
  });
});

describe('ChebyshevPowers', () => {
  it('makes T_k at ⌈log2 k⌉ depths below the start, with the limbs and the scale of that depth', () => {
    for (const start of [0, 2]) {
      const powers = new ChebyshevPowers(evaluator, chain, start, encrypt(pairScale, start));
      for (let k = 1; k <= 16; k++) {
        const power = powers.power(k);
        const depth = start + Math.ceil(Math.log2(k));
        expect(powers.depthOf(k)).toBe(depth);
        expect(power.c0.limbCount).toBe(chain.limbs[depth]);
        expect(Math.abs(Math.log2(power.scale / pairScale))).toBeLessThan(0.2);
        expect(errorOf(power, powers.power(1), chebyshev(k)), `T_${k}`).toBeLessThan(k ** 2 * 2 ** -47);
        expect(powers.power(k)).toBe(power);
      }
    }
  });

  it('does so in any order, and only once', () => {
    let products = 0;
    const counting = new Proxy(evaluator, {
      get: (target, name) => {
        if (name === 'multiply') products++;
        return Reflect.get(target, name);
      },
    });
    const powers = new ChebyshevPowers(counting, chain, 0, encrypt(pairScale, 0));
    for (const k of [13, 3, 16, 7, 13]) {
      expect(errorOf(powers.power(k), powers.power(1), chebyshev(k))).toBeLessThan(k ** 2 * 2 ** -47);
    }
    // T_2, T_3, T_4, T_6, T_7, T_13, then T_8 and T_16.
    expect(products).toBe(8);
  });

  it('prepares what a series of so many coefficients and such leaves asks for', () => {
    const powers = new ChebyshevPowers(evaluator, chain, 0, encrypt(pairScale, 0));
    powers.prepare(32, 4);
    const { heap } = context.engine;
    const before = heap.bytesInUse;
    for (const k of [1, 2, 3, 4, 8, 16]) powers.power(k);
    expect(heap.bytesInUse).toBe(before);
    powers.power(5);
    expect(heap.bytesInUse).toBeGreaterThan(before);
  });
});

describe('evaluateSeries', () => {
  const coefficient = fc.oneof(fc.constant(0), fc.double({ min: -1, max: 1, noNaN: true }));
  const series = fc.integer({ min: 1, max: 6 }).chain((log) =>
    fc.record({
      coefficients: fc.array(coefficient, { minLength: 2 ** log, maxLength: 2 ** log }),
      start: fc.integer({ min: 0, max: DEPTHS - log }),
      spare: fc.integer({ min: 0, max: 3 }),
      logLeaf: fc.integer({ min: 1, max: Math.min(3, log) }),
      logScale: fc.double({ min: 44, max: 56, noNaN: true }),
      logStart: fc.double({ min: -0.02, max: 0.02, noNaN: true }),
    }),
  );

  interface Case {
    readonly coefficients: readonly number[];
    readonly start: number;
    readonly depth: number;
    readonly leaf: number;
    readonly scale: number;
    readonly startScale: number;
  }

  /** The depth and the scale are those asked for; the slots are those of Clenshaw. */
  function expectSeries({ coefficients, start, depth, leaf, scale, startScale }: Case): void {
    const powers = new ChebyshevPowers(evaluator, chain, start, encrypt(startScale, start));
    const out = evaluateSeries(evaluator, powers, coefficients, { depth, scale }, leaf);
    expect([out.c0.limbCount, out.c1.limbCount]).toEqual([chain.limbs[depth], chain.limbs[depth]]);
    expect(out.level).toBe(chain.limbs[depth]! - context.baseLimbs);
    expect(out.scale / scale).toBeCloseTo(1, 12);
    // T_k errs by up to k² times as much as T_1. Errors are products of a rounding and of the key at a slot, both normal:
    // beyond x of their deviation lies e^(−2x), so the bound is ten times and more what a few hundred series showed.
    const size = coefficients.reduce((sum, c, k) => sum + Math.abs(c) * k ** 2, 1);
    expect(errorOf(out, powers.power(1), (x) => clenshaw(coefficients, x))).toBeLessThan(
      size * 2 ** -44 + 2 ** 12 / scale,
    );
    out.dispose();
  }

  it('equals Clenshaw at every depth, scale and size of leaf', () => {
    const property = fc.property(series, ({ coefficients, start, spare, logLeaf, logScale, logStart }) => {
      const least = start + Math.log2(coefficients.length);
      const depth = Math.min(DEPTHS, least + spare);
      const [scale, startScale] = [2 ** logScale, pairScale * 2 ** logStart];
      expectSeries({ coefficients, start, depth, leaf: 2 ** logLeaf, scale, startScale });
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('at no depth to spare: 2^k coefficients take k, for each k, start and leaf', () => {
    for (let log = 1; log <= 6; log++) {
      const coefficients = Array.from({ length: 2 ** log }, (_, k) => Math.cos(1 + k * k) / (1 + k / 8));
      for (const leaf of log === 1 ? [2] : [2, 4]) {
        for (const start of [0, DEPTHS - log]) {
          expectSeries({ coefficients, start, depth: start + log, leaf, scale: 2 ** 50, startScale: pairScale });
        }
      }
    }
  });

  it('single terms: each T_k alone, and the constant alone', () => {
    for (let k = 0; k < 16; k++) {
      const coefficients = Array.from({ length: 16 }, (_, i) => Number(i === k));
      expectSeries({ coefficients, start: 1, depth: 5, leaf: 4, scale: 2 ** 52, startScale: pairScale });
    }
  });

  it('exactly at the scale asked for: the constants absorb what scales deviate by', () => {
    // A twentieth of a bit at T_1 is 0.8 bits at T_16; were it not absorbed, slots would be wrong by a factor.
    const coefficients = Array.from({ length: 32 }, (_, k) => 1 / (1 + k));
    const values = [-1, -0.5, -0.1, 0, 0.3, 0.8, 0.99, 1];
    const x = Float64Array.from({ length: SLOTS }, (_, i) => values[i % values.length]!);
    for (const deviation of [-0.05, 0.05]) {
      const powers = new ChebyshevPowers(evaluator, chain, 0, encrypt(pairScale * 2 ** deviation, 0, x));
      const out = evaluateSeries(evaluator, powers, coefficients, { depth: 5, scale: 2 ** 51 }, 4);
      expect(Math.abs(Math.log2(powers.power(16).scale / pairScale))).toBeGreaterThan(0.5);
      expect(out.scale / 2 ** 51).toBeCloseTo(1, 12);
      expect(errorOf(out, powers.power(1), (v) => clenshaw(coefficients, v))).toBeLessThan(2 ** -38);
    }
  });

  it('leaves no memory but the powers and its result', () => {
    const coefficients = Array.from({ length: 32 }, (_, k) => Math.sin(k));
    const target = { depth: 6, scale: 2 ** 50 };
    const powers = new ChebyshevPowers(evaluator, chain, 0, encrypt(pairScale, 0));
    evaluateSeries(evaluator, powers, coefficients, target, 4).dispose();
    const { heap } = context.engine;
    const before = heap.bytesInUse;
    evaluateSeries(evaluator, powers, coefficients, target, 4).dispose();
    expect(heap.bytesInUse).toBe(before);
  });
});

it('dropAt counts the limbs between two depths', () => {
  expect(dropAt({ limbs: [9, 7, 6, 3], divisors: [] }, 0)).toBe(2);
  expect(dropAt({ limbs: [9, 7, 6, 3], divisors: [] }, 1)).toBe(1);
  expect(dropAt({ limbs: [9, 7, 6, 3], divisors: [] }, 2)).toBe(3);
});
