import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { generateEvaluationKeys } from '../rlwe/secret/key-generation.ts';
import { SecretKey } from '../rlwe/secret/secret-key.ts';
import { ChainEvaluator } from '../schemes/ckks/chain-evaluator.ts';
import { Ciphertext } from '../schemes/ckks/ciphertext.ts';
import { CkksContext } from '../schemes/ckks/context.ts';
import { insecureParameters } from '../schemes/ckks/parameters.ts';
import { SecretScheme } from '../schemes/ckks/secret/secret-scheme.ts';
import type { DepthChain } from './chebyshev.ts';
import { evaluateMod1, mod1Depth } from './mod1.ts';
import { MOD1_EVEN_62, MOD1_FULL_63, type Mod1Fit } from './mod1-coefficients.ts';

/** Σ c_k·T_k(u) by Clenshaw, then the double angles. */
function evaluateFit({ coefficients: c, halfRange, doubleAngles }: Mod1Fit, x: number): number {
  const u = (x - 0.25) / halfRange;
  let [b1, b2] = [0, 0];
  for (let k = c.length - 1; k > 0; k--) [b1, b2] = [c[k]! + 2 * u * b1 - b2, b1];
  let y = c[0]! + u * b1 - b2;
  for (let i = 0; i < doubleAngles; i++) y = 2 * y * y - 1;
  return y;
}

/** The error in x of the sine at I + offset. Offsets are dyadic, so I + offset is exact. */
const errorAt = (fit: Mod1Fit, I: number, offset: number): number =>
  Math.abs(evaluateFit(fit, I + offset) - Math.sin(2 * Math.PI * offset)) / (2 * Math.PI);

const OFFSETS = Array.from({ length: 65 }, (_, i) => (i - 32) * 2 ** -17);
const worstAt = (fit: Mod1Fit, I: number): number => Math.max(...OFFSETS.map((offset) => errorAt(fit, I, offset)));
const worstUpTo = (fit: Mod1Fit, bound: number): number =>
  Math.max(...Array.from({ length: 2 * bound + 1 }, (_, i) => worstAt(fit, i - bound)));

/** P(I) under a key of Hamming weight 32: a sum of 33 uniforms on [−1/2, 1/2], rounded; by convolution on a grid. */
function overflowProbabilities(): Map<number, number> {
  const steps = 64;
  let density = [1];
  for (let term = 0; term < 33; term++) {
    const next = new Array<number>(density.length + steps - 1).fill(0);
    density.forEach((p, i) => {
      for (let j = 0; j < steps; j++) next[i + j]! += p / steps;
    });
    density = next;
  }
  const middle = (density.length - 1) / 2;
  const probabilities = new Map<number, number>();
  density.forEach((p, i) => {
    const I = Math.round((i - middle) / steps);
    probabilities.set(I, (probabilities.get(I) ?? 0) + p);
  });
  return probabilities;
}

describe('the committed series', () => {
  /** What the docstrings state, in bits of x; `doubles` is what Clenshaw in doubles adds. */
  const stated = [
    { name: 'MOD1_EVEN_62', fit: MOD1_EVEN_62, rms: -47.9, near: -39.5, all: -34.7 },
    { name: 'MOD1_FULL_63', fit: MOD1_FULL_63, rms: -51.6, near: -44.0, all: -40.4 },
  ];
  const doubles = 2 ** -51;

  for (const { name, fit, rms, near, all } of stated) {
    it(`${name} is as near the sine as it says, for every |I| ≤ 12`, () => {
      for (const [bound, bits] of [
        [8, near],
        [12, all],
      ] as const) {
        const worst = worstUpTo(fit, bound);
        expect(worst).toBeLessThan(2 ** (bits + 0.06) + doubles);
        expect(worst).toBeGreaterThan(2 ** (bits - 0.1));
      }
      let square = 0;
      for (const [I, p] of overflowProbabilities()) {
        if (Math.abs(I) > 12) continue;
        square += p * OFFSETS.reduce((sum, offset) => sum + errorAt(fit, I, offset) ** 2 / OFFSETS.length, 0);
      }
      expect(Math.sqrt(square)).toBeLessThan(2 ** (rms + 0.1) + doubles);
    });

    it(`${name} explodes beyond: nothing is claimed for |I| = 13`, () => {
      expect(Math.max(worstAt(fit, 13), worstAt(fit, -13))).toBeGreaterThan(2 ** -20);
      expect(fit.maxOverflow).toBe(12);
    });

    it(`${name} has as many terms as its degree says, all of them small`, () => {
      expect(fit.coefficients.length).toBe(fit.degree + 1);
      expect(Math.max(...fit.coefficients.map(Math.abs))).toBeLessThan(0.5);
      expect(fit.coefficients[fit.degree]).not.toBe(0);
      // |u| ≤ 1 for all I covered.
      expect(fit.maxOverflow + 0.25 + 2 ** -8).toBeLessThanOrEqual(fit.halfRange);
    });
  }

  it('the even one has even terms alone; the two agree near the integers', () => {
    MOD1_EVEN_62.coefficients.forEach((c, k) => {
      if (k % 2 === 0) expect(c).not.toBe(0);
      else expect(c).toBe(0);
    });
    for (const [bound, bits] of [
      [4, -45],
      [8, -39],
      [12, -34],
    ] as const) {
      for (let I = -bound; I <= bound; I++) {
        for (const offset of OFFSETS) {
          const difference = evaluateFit(MOD1_EVEN_62, I + offset) - evaluateFit(MOD1_FULL_63, I + offset);
          expect(Math.abs(difference) / (2 * Math.PI)).toBeLessThan(2 ** bits);
        }
      }
    }
  });

  it('are what scripts/fit-mod1.mjs writes', () => {
    const script = fileURLToPath(new URL('../../scripts/fit-mod1.mjs', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

describe('evaluateMod1 on ciphertexts', () => {
  const SLOTS = 128;
  const depth = mod1Depth(MOD1_EVEN_62);
  let context: CkksContext;
  let owner: SecretScheme;
  let evaluator: ChainEvaluator;
  let chain: DepthChain;
  let pairScale: number;

  beforeAll(async () => {
    const parameters = await insecureParameters({ logN: 8, levels: 2 * depth + 1, special: 6 });
    context = await CkksContext.create(parameters, { threads: 1 });
    const key = SecretKey.generate(context);
    owner = new SecretScheme(context, key);
    const { relinearization } = generateEvaluationKeys(context, key, {
      rotations: [],
      conjugation: false,
      relinearization: true,
    });
    evaluator = new ChainEvaluator(context, context.keySwitcher, {
      relinearization: relinearization!,
      get: () => undefined,
    });
    const limbs = Array.from({ length: depth + 1 }, (_, d) => 4 + 2 * (depth - d));
    const { primes } = parameters;
    chain = { limbs, divisors: limbs.slice(1).map((l) => primes[l]! * primes[l + 1]!) };
    pairScale = 2 ** (chain.divisors.reduce((sum, q) => sum + Math.log2(q), 0) / depth);
  });
  afterAll(() => context.dispose());

  /** x/K at depth 0 and the given scale: encrypted at 2^50, brought there by an integer. */
  function encrypt(x: Float64Array, scale: number): Ciphertext {
    const level = chain.limbs[0]! - context.baseLimbs;
    const up = scale / 64 / context.scales[level]!;
    const { c0, c1 } = owner.encrypt({ re: x.map((v) => (up * v) / MOD1_EVEN_62.halfRange) }, level);
    return evaluator.combine([{ x: new Ciphertext(c0, c1, level, scale / 64), factor: 64n }], scale);
  }

  const random = new SeededRandom(62);
  const messages = Float64Array.from({ length: SLOTS }, (_, i) => (i === 0 ? 0 : random.uniform(-1, 1) * 2 ** -12));
  const overflows = messages.map((_, i) => (i % 25) - 12);

  it('takes a level for v = 2u² − 1, log2 of the terms, and one a double angle', () => {
    expect(depth).toBe(7);
    expect(mod1Depth({ ...MOD1_EVEN_62, degree: 30, doubleAngles: 2 })).toBe(7);
  });

  it('is sin(2πx) near all integers from −12 to 12, at the scale asked for, at the end of the chain', () => {
    for (const scale of [2 ** 43.2, pairScale]) {
      const input = encrypt(
        messages.map((m, i) => m + overflows[i]!),
        pairScale,
      );
      const out = evaluateMod1(evaluator, chain, MOD1_EVEN_62, input, scale);
      expect([out.c0.limbCount, out.level]).toEqual([chain.limbs[depth], 1]);
      expect(out.scale / scale).toBeCloseTo(1, 12);
      const { re, im } = owner.decrypt(out);
      const x = owner.decrypt(input).re;
      re.forEach((y, i) => {
        // The input as it decrypts, without the integer.
        const wanted = Math.sin(2 * Math.PI * (x[i]! * MOD1_EVEN_62.halfRange - overflows[i]!));
        const fit = 2 * Math.PI * 2 ** (Math.abs(overflows[i]!) <= 8 ? -39 : -34.5);
        // A rounding times the key at the slot, 2^-37 in the mean square: beyond x of that lies e^(−2x).
        expect(Math.abs(y - wanted), `I = ${overflows[i]}`).toBeLessThan(2 ** -33 + fit);
        expect(Math.abs(im[i]!)).toBeLessThan(2 ** -30);
      });
    }
  });

  it('frees what it makes', () => {
    const input = encrypt(messages, pairScale);
    const { heap } = context.engine;
    const run = () => evaluator.scope(() => evaluateMod1(evaluator, chain, MOD1_EVEN_62, input, 2 ** 43)).dispose();
    run();
    const before = heap.bytesInUse;
    run();
    expect(heap.bytesInUse).toBe(before);
  });
});
