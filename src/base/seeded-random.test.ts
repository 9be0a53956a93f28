import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom, splitMix64, xoshiro128StarStar } from './seeded-random.ts';

const anySeed = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

describe('generators', () => {
  it('gives the published outputs of SplitMix64 for seed 1234567', () => {
    // Output of Vigna's reference splitmix64.c, as listed at rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64.
    expect(splitMix64(1234567n, 5)).toEqual([
      6457827717110365317n,
      3203168211198807973n,
      9817491932198370423n,
      4593380528125082431n,
      16408922859458223821n,
    ]);
  });

  it('gives the published outputs of xoshiro128** for state 1, 2, 3, 4', () => {
    // Output of Vigna's reference xoshiro128starstar.c, as in the tests of the Rust crate rand_xoshiro.
    const state = Uint32Array.of(1, 2, 3, 4);
    expect(Array.from({ length: 10 }, () => xoshiro128StarStar(state))).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });
});

describe('SeededRandom', () => {
  it('repeats itself for a seed and a stream, and differs between streams and seeds', () => {
    fc.assert(
      fc.property(anySeed, anySeed, (seed, stream) => {
        const draw = (s: number, t: number) => {
          const random = new SeededRandom(s, t);
          return [random.nextUint32(), random.nextUint32(), random.normal(), random.uniform()];
        };
        expect(draw(seed, stream)).toEqual(draw(seed, stream));
        expect(draw(seed, stream)).not.toEqual(draw(seed, stream === 0 ? 1 : stream - 1));
        expect(draw(seed, stream)).not.toEqual(draw(seed === 0 ? 1 : seed - 1, stream));
      }),
    );
  });

  it('has uniform moments', () => {
    const random = new SeededRandom(1);
    const values = Float64Array.from({ length: 40_000 }, () => random.uniform(-3, 5));
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(1, 1);
    expect(Math.abs(variance / (64 / 12) - 1)).toBeLessThan(0.02);
    expect(values.every((x) => x >= -3 && x < 5)).toBe(true);
  });

  it('has normal moments and tails', () => {
    const random = new SeededRandom(2);
    const values = Float64Array.from({ length: 100_000 }, () => random.normal(2, 3)).map((x) => (x - 2) / 3);
    const moment = (k: number) => values.reduce((sum, x) => sum + x ** k, 0) / values.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.015);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02);
    expect(Math.abs(moment(3))).toBeLessThan(0.05);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.15);
    const beyondTwo = values.filter((x) => Math.abs(x) > 1.959964).length / values.length;
    expect(Math.abs(beyondTwo - 0.05)).toBeLessThan(0.003);
  });

  it('agrees with Box and Muller computed by Math.log', () => {
    const random = new SeededRandom(3);
    const reference = new SeededRandom(3);
    for (let i = 0; i < 500; i++) {
      let u = reference.uniform(-1, 1);
      let v = reference.uniform(-1, 1);
      while (u * u + v * v >= 1) {
        u = reference.uniform(-1, 1);
        v = reference.uniform(-1, 1);
      }
      const factor = Math.sqrt((-2 * Math.log(u * u + v * v)) / (u * u + v * v));
      expect(random.normal()).toBeCloseTo(u * factor, 12);
      expect(random.normal()).toBeCloseTo(v * factor, 12);
    }
  });

  it('draws every integer below a bound about equally often', () => {
    const random = new SeededRandom(4);
    const counts = new Float64Array(6);
    for (let i = 0; i < 60_000; i++) counts[random.integer(6)]++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(20.5); // 99.9 % of 5 degrees of freedom
  });

  it('shuffles into a permutation, all orders alike', () => {
    fc.assert(
      fc.property(anySeed, fc.integer({ min: 0, max: 60 }), (seed, length) => {
        expect([...new SeededRandom(seed).permutation(length)].sort((a, b) => a - b)).toEqual(
          Array.from({ length }, (_, i) => i),
        );
      }),
    );
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 6_000; seed++) {
      const order = new SeededRandom(seed).permutation(3).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });

  it('keeps its outputs from one release to the next', () => {
    const random = new SeededRandom(42);
    expect([random.nextUint32(), random.nextUint32(), random.uniform(), random.normal(), random.normal()]).toEqual([
      1552505907, 4113083374, 0.9293785172014063, 1.4274970781220209, 2.696814586774765,
    ]);
    expect([...new SeededRandom(7, 1).permutation(8)]).toEqual([4, 0, 6, 7, 2, 1, 5, 3]);
  });

  it('refuses seeds and bounds that it cannot use', () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => new SeededRandom(seed)).toThrow(RangeError);
    for (const bound of [0, -1, 1.5, 2 ** 33]) expect(() => new SeededRandom(1).integer(bound)).toThrow(RangeError);
  });
});
