import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DrawnWords, recordSystemRandom } from '../../test/fixtures/system-random.ts';
import { SecretRandom } from './secret-random.ts';
import { SeededRandom } from './seeded-random.ts';

let drawn: DrawnWords;
beforeEach(() => {
  drawn = recordSystemRandom();
});
afterEach(() => drawn.restore());

describe('SecretRandom', () => {
  it('gives the words of the system’s generator, each once, beyond the first buffer too', () => {
    const random = new SecretRandom();
    const words = Array.from({ length: 5000 }, () => random.nextUint32());
    expect(words).toEqual(drawn.words.slice(0, 5000));
  });

  it('makes of them what SeededRandom makes of its own', () => {
    const random = new SecretRandom();
    const uniform = Array.from({ length: 1000 }, () => random.uniform(-1, 1));
    expect(drawn.explain(uniform, 1)).toBe(true);
    const seeded = new SeededRandom(1);
    const public_ = Array.from({ length: 1000 }, () => seeded.uniform(-1, 1));
    expect(drawn.explain(public_, 1)).toBe(false);
  });

  it('has normal moments', () => {
    const random = new SecretRandom();
    const values = Float64Array.from({ length: 40_000 }, () => random.normal(2, 3)).map((x) => (x - 2) / 3);
    const moment = (k: number) => values.reduce((sum, x) => sum + x ** k, 0) / values.length;
    // Six standard deviations: a false alarm in a thousand million runs.
    expect(Math.abs(moment(1))).toBeLessThan(6 * Math.sqrt(1 / values.length));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(6 * Math.sqrt(2 / values.length));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(6 * Math.sqrt(96 / values.length));
  });

  it('never repeats itself', () => {
    const orders = new Set(Array.from({ length: 20 }, () => new SecretRandom().permutation(50).join()));
    expect(orders.size).toBe(20);
  });
});
