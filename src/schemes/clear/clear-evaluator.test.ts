import { describe, expect, it } from 'vitest';
import { HermeticError } from '../../base/errors.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import { ClearEvaluator } from './clear-evaluator.ts';
import { scaleChain } from './scale-chain.ts';

const SLOTS = 16;
const random = new SeededRandom(1);
const draw = (length = SLOTS) => Float64Array.from({ length }, () => random.uniform(-1, 1));
const complex = () => ({ re: draw(), im: draw() });

function expectClose(got: ArrayLike<number>, expected: (i: number) => number): void {
  for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(expected(i), 12);
}

describe('ClearEvaluator', () => {
  const evaluator = new ClearEvaluator({ slots: SLOTS, levels: 4 });

  it('computes on complex slots', () => {
    const [x, y] = [complex(), complex()];
    const [a, b] = [evaluator.encrypt(x, 4), evaluator.encrypt(y, 3)];
    const product = evaluator.decrypt(evaluator.rescale(evaluator.multiply(a, b)));
    expectClose(product.re, (i) => x.re[i] * y.re[i] - x.im[i] * y.im[i]);
    expectClose(product.im, (i) => x.re[i] * y.im[i] + x.im[i] * y.re[i]);
    expectClose(evaluator.decrypt(evaluator.subtract(a, b)).im, (i) => x.im[i] - y.im[i]);
    expectClose(evaluator.decrypt(evaluator.timesI(a)).re, (i) => -x.im[i]);
    expectClose(evaluator.decrypt(evaluator.conjugate(a)).im, (i) => -x.im[i]);
    expectClose(evaluator.decrypt(evaluator.scaleBy(a, 0.25)).re, (i) => x.re[i] / 4);
    const inner = evaluator.decrypt(evaluator.innerProduct([a, a], [b, a]));
    expectClose(inner.re, (i) => x.re[i] * (y.re[i] + x.re[i]) - x.im[i] * (y.im[i] + x.im[i]));
  });

  it('rotates as the interface says, and repeats periodic plaintexts', () => {
    const x = complex();
    const a = evaluator.encrypt(x, 2);
    for (const steps of [0, 1, 5, -1, -7, 19]) {
      const expected = (i: number) => x.re[(((i + steps) % SLOTS) + SLOTS) % SLOTS];
      expectClose(evaluator.decrypt(evaluator.rotate(a, steps)).re, expected);
    }
    const p = draw(4);
    expectClose(evaluator.decrypt(evaluator.addPlain(a, p)).re, (i) => x.re[i] + p[i % 4]);
    expectClose(evaluator.decrypt(evaluator.multiplyPlain(a, p)).im, (i) => x.im[i] * p[i % 4]);
    expect(() => evaluator.addPlain(a, draw(3))).toThrow(RangeError);
  });

  it('multiplies by diagonals, and its transpose is the transpose', () => {
    const diagonals = [0, 1].map(() => [0, 1, 2, 3].map(() => draw(8)));
    const fill = (chunk: number, r: number, out: Float64Array) => out.set(diagonals[chunk][r]);
    const prepared = evaluator.prepareDiagonals({ count: 4, period: 8, chunks: 2, fill });
    const weights = [complex(), complex()];
    const sealed = weights.map((w) => evaluator.encrypt(w, 4));
    const [forward] = evaluator.multiplyDiagonals([sealed], prepared, 3);
    const z = evaluator.decrypt(forward);
    const expected = (i: number) =>
      diagonals.reduce(
        (sum, chunk, j) => sum + chunk.reduce((s, d, r) => s + d[i % 8] * weights[j].re[(i + r) % SLOTS], 0),
        0,
      );
    expectClose(z.re, (i) => 3 * expected(i));
    const delta = complex();
    const [back] = evaluator.multiplyDiagonalsTransposed([evaluator.encrypt(delta, 4)], prepared, 3);
    const g = back.map((c) => evaluator.decrypt(c));
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((s, v, i) => s + v * b[i], 0);
    expect(dot(z.re, delta.re)).toBeCloseTo(dot(g[0].re, weights[0].re) + dot(g[1].re, weights[1].re), 10);
    expect(evaluator.rescale(forward).scale / evaluator.canonicalScale(3)).toBeCloseTo(1, 12);
  });

  it('tracks scales on the chain of the given primes', () => {
    const chain = scaleChain([100, 110, 120], 105);
    const scheme = new ClearEvaluator({ slots: 4, levels: chain });
    expect(scheme.canonicalScale(2)).toBe(105 ** 2 / 120);
    expect(scheme.canonicalScale(0)).toBeCloseTo(((105 ** 2 / 120) ** 2 / 110) ** 2 / 100, 9);
    const a = scheme.encrypt({ re: draw(4) }, 3);
    expect(scheme.rescale(scheme.multiply(a, a)).scale).toBeCloseTo(scheme.canonicalScale(2), 9);
    const off = scheme.scaleBy(a, 4);
    expect(off.scale).toBeCloseTo(105 / 4, 9);
    expect(() => scheme.add(a, off)).toThrow(/scale/);
    expect(scheme.rescale(scheme.multiplyPlain(off, draw(1))).scale).toBeCloseTo(scheme.canonicalScale(2), 9);
    expect(scheme.add(scheme.dropToLevel(a, 1), scheme.encrypt({ re: draw(4) }, 1)).level).toBe(1);
    expect(scheme.add(a, scheme.encrypt({ re: draw(4) }, 1)).scale).toBe(scheme.canonicalScale(1));
  });

  it('refuses what CKKS could not do', () => {
    const a = evaluator.encrypt(complex(), 2);
    const product = evaluator.multiply(a, a);
    expect(() => evaluator.multiply(product, a)).toThrow(RangeError);
    expect(() => evaluator.add(product, a)).toThrow(RangeError);
    expect(() => evaluator.rescale(a)).toThrow(RangeError);
    expect(() => evaluator.dropToLevel(product, 1)).toThrow(RangeError);
    const bottom = evaluator.dropToLevel(a, 0);
    for (const misuse of [() => evaluator.multiplyScalar(bottom, 2), () => evaluator.multiply(bottom, bottom)]) {
      expect(() => evaluator.rescale(misuse())).toThrow(HermeticError);
    }
    expect(() => evaluator.dropToLevel(bottom, 1)).toThrow(HermeticError);
  });

  it('adds noise of the given size, the same for the same seed', () => {
    const noisy = (seed: number) => {
      const noise = { encryption: 2 ** -10, rescale: 0, keySwitch: 0, seed };
      const scheme = new ClearEvaluator({ slots: 4096, levels: 2, noise });
      return scheme.decrypt(scheme.encrypt({ re: new Float64Array(1) }, 2)).re;
    };
    const rms = Math.sqrt(noisy(1).reduce((sum, v) => sum + v * v, 0) / 4096);
    expect(rms * 2 ** 10).toBeGreaterThan(0.95);
    expect(rms * 2 ** 10).toBeLessThan(1.05);
    expect(noisy(1)).toEqual(noisy(1));
    expect(noisy(1)).not.toEqual(noisy(2));
  });

  it('divides the noise of rotations away by rescaling', () => {
    const noise = { encryption: 0, rescale: 0, keySwitch: 1, seed: 1 };
    const scheme = new ClearEvaluator({ slots: 64, levels: 2, noise });
    const a = scheme.encrypt({ re: draw(64) }, 2);
    const error = (c: typeof a) => Math.max(...scheme.decrypt(c).im.map(Math.abs));
    expect(error(scheme.rotate(a, 1))).toBeGreaterThan(0.1);
    expect(error(scheme.rescale(scheme.rotate(scheme.multiplyScalar(a, 1), 1)))).toBeLessThan(1e-6);
  });
});

describe('lifetimes', () => {
  it('frees what a scope made, save what it returns, at any depth', () => {
    const evaluator = new ClearEvaluator({ slots: 4, levels: 2 });
    const a = evaluator.encrypt({ re: draw(4) }, 2);
    const outer = evaluator.scope(() => {
      const inner = evaluator.scope(() => {
        const sum = evaluator.add(a, a);
        return { list: [evaluator.negate(sum)], kept: { deep: evaluator.timesI(sum) } };
      });
      expect(evaluator.live).toBe(3);
      return inner.kept;
    });
    expect(evaluator.live).toBe(2);
    evaluator.negate(outer.deep);
    evaluator.dispose(outer.deep);
    expect(() => evaluator.negate(outer.deep)).toThrow(/disposed/);
  });

  it('frees what a failing scope made', () => {
    const evaluator = new ClearEvaluator({ slots: 4, levels: 2 });
    const fail = () =>
      evaluator.scope(() => {
        evaluator.encrypt({ re: draw(4) }, 2);
        throw new Error('no');
      });
    expect(fail).toThrow('no');
    expect(evaluator.live).toBe(0);
  });
});
