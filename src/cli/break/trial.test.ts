import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { scoreGuess } from './trial.ts';

const random = new SeededRandom(1);
const draw = (): Int8Array => Int8Array.from({ length: 4096 }, () => random.integer(3) - 1);

describe('the score of a guess', () => {
  it('is at chance for guesses without knowledge', () => {
    const secret = draw();
    for (const guess of [draw(), new Int8Array(4096), new Int8Array(4096).fill(1)]) {
      const { right, chance, atChance } = scoreGuess(secret, guess);
      expect(atChance).toBe(true);
      expect(right).toBeLessThan(0.37);
      expect(chance).toBeGreaterThanOrEqual(1 / 3);
    }
  });

  it('is above chance for guesses that know a tenth of the key', () => {
    const secret = draw();
    const guess = draw();
    guess.set(secret.subarray(0, 410));
    expect(scoreGuess(secret, guess).atChance).toBe(false);
    expect(scoreGuess(secret, secret)).toMatchObject({ right: 1, atChance: false });
  });

  it('counts the likeliest value as chance', () => {
    expect(scoreGuess(Int8Array.of(1, 1, 1, 0), Int8Array.of(1, 0, 0, 0))).toMatchObject({ right: 0.5, chance: 0.75 });
  });
});
