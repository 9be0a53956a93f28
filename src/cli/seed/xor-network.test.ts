import { describe, expect, it } from 'vitest';
import { clearBackend, sealedBackend } from './doors.ts';
import { XOR_HIDDEN, xorWeights } from './initial-weights.ts';
import { PUBLISHED_LOSSES } from './published.ts';
import { CORRECTED, ORIGINAL, STOP_LOSS, trainXor, type XorNetwork, type XorRun } from './xor-network.ts';

function run(network: XorNetwork, draw: number, kind: 'sealed' | 'clear'): XorRun {
  if (kind === 'clear') {
    const clear = clearBackend(XOR_HIDDEN);
    return trainXor(clear.on, clear, xorWeights(draw), network);
  }
  const sealed = sealedBackend(XOR_HIDDEN);
  return trainXor(sealed.on, sealed, xorWeights(draw), network);
}

describe('the original network', () => {
  it('begins as the post printed, sealed', () => {
    const { losses } = run(ORIGINAL, 0, 'sealed');
    for (const { iteration, loss } of PUBLISHED_LOSSES.slice(0, 2)) {
      expect(Math.abs(losses[iteration] - loss)).toBeLessThan(0.0015);
    }
  });

  it('is in the clear what an independent program in float64 computes', () => {
    // numpy 2.4, float64, the same first weights
    const { losses } = run(ORIGINAL, 0, 'clear');
    const others: [number, number][] = [
      [0, 2.53],
      [10, 2.071],
      [50, 1.838],
      [100, 1.782],
      [200, 1.725],
    ];
    for (const [iteration, loss] of others) expect(losses[iteration]).toBeCloseTo(loss, 3);
  });

  it('is followed by the sealed one as long as nothing runs away', () => {
    for (const draw of [0, 1, 4]) {
      const [sealed, clear] = [run(ORIGINAL, draw, 'sealed'), run(ORIGINAL, draw, 'clear')];
      for (let i = 0; i < 40; i++) expect(Math.abs(sealed.losses[i] - clear.losses[i])).toBeLessThan(0.02);
    }
  });

  it('runs away from some first weights, and says so', () => {
    const sealed = run(ORIGINAL, 10, 'sealed');
    expect(sealed.diverged).toBe(true);
    expect(sealed.converged).toBe(false);
    expect(run(ORIGINAL, 10, 'clear').diverged).toBe(true);
  });
});

describe('the corrected network', () => {
  it.each([0, 1, 2])('learns from first weights %i, sealed as in the clear', (draw) => {
    const [sealed, clear] = [run(CORRECTED, draw, 'sealed'), run(CORRECTED, draw, 'clear')];
    expect(sealed.converged).toBe(true);
    expect(sealed.losses[sealed.losses.length - 1]).toBeLessThan(STOP_LOSS);
    expect(Math.abs(sealed.losses.length - clear.losses.length)).toBeLessThan(5);
    sealed.predictions.forEach((value, i) => {
      expect(Math.round(value)).toBe([0, 1, 1, 0][i]);
    });
  });

  it('learns in the clear from 40 of 40 draws', () => {
    const learned = Array.from({ length: 40 }, (_, draw) => run(CORRECTED, draw + 100, 'clear').converged);
    expect(learned.filter((yes) => yes)).toHaveLength(40);
  });

  it('stops when it is told to', () => {
    const clear = clearBackend(XOR_HIDDEN);
    expect(() => trainXor(clear.on, clear, xorWeights(0), CORRECTED, AbortSignal.abort())).toThrow('stopped');
  });
});

describe('first weights', () => {
  it('repeat, and differ from draw to draw', () => {
    expect(xorWeights(3)).toEqual(xorWeights(3));
    expect(xorWeights(3)).not.toEqual(xorWeights(4));
    const { rows, output } = xorWeights(0);
    expect(rows.map((row) => row.length)).toEqual([4, 4, 4]);
    expect(output).toHaveLength(4);
  });
});
