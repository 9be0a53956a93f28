import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { Examples } from '../../data/examples.ts';
import { clearBackend, sealedBackend } from './doors.ts';
import { reviewOutputWeights } from './initial-weights.ts';
import { CORRECTED_REVIEWS, ORIGINAL_REVIEWS, type ReviewOptions, trainReviews } from './review-network.ts';
import { type ReviewWords, reviewTask } from './review-words.ts';

function texts(rows: readonly (readonly [string, number])[]): Examples {
  const documents = rows.map(([document]) => document);
  return {
    inputs: { kind: 'text', column: 'review', rows: rows.length, documents },
    labelColumn: 'sentiment',
    labels: Int32Array.from(rows, ([, label]) => label),
    classes: ['negative', 'positive'],
  };
}

describe('words of reviews', () => {
  it('are frequent, and lean to one side where they are frequent enough to tell', () => {
    // good 4 × favourable, bad 4 × unfavourable, film 3 + 3, rare once, few 2 × but below the judged count
    const train = texts([
      ['Good good film, few', 1],
      ['good film. Good film rare', 1],
      ['bad bad film', 0],
      ['bad film film bad few', 0],
    ]);
    const test = texts([['A good, bad, unknown film', 1]]);
    const task = reviewTask(train, test, { minCount: 1, judgedCount: 4, polarityCutoff: 0.5 });
    expect([...task.vocabulary].toSorted()).toEqual(['bad', 'few', 'good']);
    const words = (row: Int32Array): string[] => Array.from(row, (i) => task.vocabulary[i]).toSorted();
    expect(task.train.rows.map(words)).toEqual([['few', 'good'], ['good'], ['bad'], ['bad', 'few']]);
    expect(words(task.test.rows[0])).toEqual(['bad', 'good']);
  });
});

describe('the review network', () => {
  const random = new SeededRandom(1);
  /** Words 0 … 4 speak for, 5 … 9 against, the rest for nothing. */
  const draw = (count: number): ReviewWords => {
    const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
    const rows = Array.from(labels, (label) => {
      const telling = [0, 1].map(() => (label === 1 ? 0 : 5) + random.integer(5));
      return Int32Array.from(new Set([...telling, 10 + random.integer(10), 10 + random.integer(10)]));
    });
    return { rows, labels };
  };
  const [train, test] = [draw(300), draw(100)];
  const options: ReviewOptions = {
    network: ORIGINAL_REVIEWS,
    train,
    test,
    words: 20,
    outputWeights: reviewOutputWeights(),
    reviews: 300,
    marks: [100],
  };

  it.each([ORIGINAL_REVIEWS, CORRECTED_REVIEWS])('learns sealed as in the clear, $name', async (network) => {
    const sealed = await trainReviews(sealedBackend(8), { ...options, network });
    const clear = await trainReviews(clearBackend(8), { ...options, network });
    expect(sealed.testAccuracy).toBe(1);
    expect(clear.testAccuracy).toBe(1);
    expect(sealed.points.map(({ reviews }) => reviews)).toEqual([100, 300]);
    expect(sealed.points[1].accuracy).toBeGreaterThan(0.9);
    sealed.weights.rows.forEach((row, i) => {
      row.forEach((value, j) => {
        expect(Math.abs(value - clear.weights.rows[i][j])).toBeLessThan(2e-3);
      });
    });
  });

  it('passes over reviews without a known word, and stops when it is told to', async () => {
    const blank = { ...options, train: { rows: [new Int32Array(0)], labels: Int32Array.of(1) }, reviews: 1 };
    const { weights } = await trainReviews(clearBackend(8), blank);
    expect(weights.output).toEqual([...reviewOutputWeights()]);
    const aborted = trainReviews(clearBackend(8), { ...options, signal: AbortSignal.abort() });
    await expect(aborted).rejects.toThrow('stopped');
  });
});
