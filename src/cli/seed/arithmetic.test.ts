import { expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { type Backend, clearBackend, sealedBackend } from './doors.ts';

function compute<V>({ on, seal, open }: Backend<V>, x: readonly number[], y: readonly number[]): number[][] {
  const [a, b] = [seal(x), seal(y)];
  const results = [
    on.add(a, b),
    on.subtract(a, b),
    on.product(a, b),
    on.dot(a, b),
    on.scale(a, -17, 80640),
    on.product(on.constant(-1.5), b),
  ];
  return results.map(open);
}

it('computes sealed as in the clear', () => {
  const random = new SeededRandom(1);
  const [sealed, clear] = [sealedBackend(8), clearBackend(8)];
  const draw = (): number[] => Array.from({ length: 8 }, () => random.integer(4001) / 1000 - 2);
  for (let round = 0; round < 20; round++) {
    const [x, y] = [draw(), draw()];
    const expected = compute(clear, x, y);
    compute(sealed, x, y).forEach((values, k) => {
      for (let i = 0; i < values.length; i++) expect(Math.abs(values[i] - expected[k][i])).toBeLessThan(1e-4);
    });
  }
});
