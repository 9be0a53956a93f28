/** Statistics of the samplers: fixed seeds, so that a failure repeats; bounds of 5 standard deviations. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../kernels/engine.ts';
import type { Address } from '../kernels/heap.ts';
import { createEngine } from '../kernels/wasm-executor.ts';
import { toCoefficients } from './poly.ts';
import { dot28Primes } from './primes.ts';
import { Ring } from './ring.ts';
import {
  errorIntegers,
  errorPoly,
  freshSeed,
  integersToNtt,
  SEED_BYTES,
  Stream,
  ternaryIntegers,
  uniformPoly,
  uniformWords,
  wipe,
} from './sampler.ts';

const LOG_N = 15;
const N = 1 << LOG_N;
const primes = dot28Primes(LOG_N).slice(0, 3);
let engine: Engine;
let ring: Ring;

beforeAll(async () => {
  engine = await createEngine({ threads: 1 });
  ring = new Ring(engine, LOG_N, primes);
});
afterAll(() => engine.dispose());

const seed = (x: number): Uint8Array => new Uint8Array(SEED_BYTES).fill(x);
const words = (limb: Address): Uint32Array => engine.heap.u32(limb, N).slice();
const signed = (limb: Address): Int32Array => new Int32Array(words(limb).buffer);

function moments(x: ArrayLike<number>): { mean: number; variance: number } {
  const values = Array.from(x);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length };
}

/** Pearson's statistic against expected counts; its mean is the number of cells less one, its variance twice that. */
function expectDistribution(counts: readonly number[], expected: readonly number[]): void {
  const statistic = counts.reduce((sum, c, i) => sum + (c - expected[i]!) ** 2 / expected[i]!, 0);
  const freedom = counts.length - 1;
  expect(statistic).toBeLessThan(freedom + 5 * Math.sqrt(2 * freedom));
}

/** C(n, k)/2^n. */
function binomial(n: number, k: number): number {
  let p = 2 ** -n;
  for (let i = 0; i < k; i++) p *= (n - i) / (i + 1);
  return p;
}

describe('samplers', () => {
  it('ternary: each of −1, 0, 1 a third of the time', () => {
    const x = signed(ternaryIntegers(ring, seed(1), Stream.secret));
    const counts = [-1, 0, 1].map((v) => x.filter((y) => y === v).length);
    expect(counts.reduce((a, b) => a + b)).toBe(N);
    expectDistribution(counts, [N / 3, N / 3, N / 3]);
    expect(Math.abs(moments(x).mean)).toBeLessThan(5 * Math.sqrt(2 / 3 / N));
  });

  it('errors: centred binomial of 2·21 bits, variance 10.5, within ±21', () => {
    const x = signed(errorIntegers(ring, seed(2)));
    const { mean, variance } = moments(x);
    expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(10.5 / N));
    expect(Math.abs(variance / 10.5 - 1)).toBeLessThan(5 * Math.sqrt(2 / N));
    expect(Math.max(...x.map(Math.abs))).toBeLessThanOrEqual(21);
    // One cell each for −10 … 10, and one for each tail.
    const cell = (v: number): number => Math.max(-11, Math.min(11, v)) + 11;
    const counts = new Array<number>(23).fill(0);
    for (const v of x) counts[cell(v)]!++;
    const expected = new Array<number>(23).fill(0);
    for (let v = -21; v <= 21; v++) expected[cell(v)]! += N * binomial(42, 21 + v);
    expectDistribution(counts, expected);
  });

  it('uniform residues: even over 64 intervals of every prime, and below it', () => {
    const poly = uniformPoly(ring, [0, 1, 2], seed(3));
    primes.forEach((p, j) => {
      const x = poly.read(j);
      const counts = new Array<number>(64).fill(0);
      for (const v of x) counts[Math.floor((64 * v) / p)]!++;
      expect(x.every((v) => v < p)).toBe(true);
      expectDistribution(counts, new Array<number>(64).fill(N / 64));
      expect(Math.abs(moments(x).mean / p - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / N));
    });
  });

  it('uniform words: even below their bound', () => {
    const bound = 200_000_003;
    const x = words(uniformWords(ring, seed(4), Stream.mask, 0, bound));
    const counts = new Array<number>(32).fill(0);
    for (const v of x) counts[Math.floor((32 * v) / bound)]!++;
    expectDistribution(counts, new Array<number>(32).fill(N / 32));
  });

  it('neighbours are uncorrelated', () => {
    const x = signed(errorIntegers(ring, seed(5)));
    let sum = 0;
    for (let i = 1; i < N; i++) sum += x[i]! * x[i - 1]!;
    expect(Math.abs(sum / 10.5 / N)).toBeLessThan(5 / Math.sqrt(N));
  });

  it('a seed determines its stream; seed, stream, index and prime separate them', () => {
    const uniform = (s: number, index: number): Uint32Array => uniformPoly(ring, [0], seed(s), index).read(0);
    expect(uniform(6, 0)).toEqual(uniform(6, 0));
    expect(uniform(6, 1)).not.toEqual(uniform(6, 0));
    expect(uniform(7, 0)).not.toEqual(uniform(6, 0));
    const both = uniformPoly(ring, [0, 1], seed(6));
    expect(both.read(0)).toEqual(uniform(6, 0));
    expect(both.read(1).slice(0, 64)).not.toEqual(both.read(0).slice(0, 64));
    const ternary = (stream: number): Uint32Array => words(ternaryIntegers(ring, seed(6), stream));
    expect(ternary(Stream.secret)).not.toEqual(ternary(Stream.ephemeral));
    expect(freshSeed()).not.toEqual(freshSeed());
    expect(() => uniformPoly(ring, [0], new Uint8Array(16))).toThrow(/32 bytes, got 16/);
  });

  it('signed integers become the same small residues on every limb; wiping clears them', () => {
    const integers = errorIntegers(ring, seed(8), 3);
    const x = [...signed(integers)];
    const poly = toCoefficients(integersToNtt(ring, integers, [0, 2]));
    [0, 2].forEach((index, j) => {
      const p = primes[index]!;
      expect([...poly.read(j)]).toEqual(x.map((v) => (v < 0 ? v + p : v)));
    });
    expect(toCoefficients(errorPoly(ring, [0], seed(8), 3)).read(0)).toEqual(poly.read(0));
    wipe(ring, integers);
    expect(words(integers).every((v) => v === 0)).toBe(true);
  });
});
