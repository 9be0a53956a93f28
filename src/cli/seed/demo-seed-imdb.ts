/**
 * `hermetic demo seed-imdb`: the post's network for film reviews on the post's scheme, beside what the post printed and
 * beside float64, and, unlike the post, tested on reviews that it has not seen.
 */

import { loadImdbUdacity } from '../../data/node/imdb.ts';
import type { Console } from '../console.ts';
import { Story } from '../demo/story.ts';
import { formatCount, formatPercent, formatRate } from '../format.ts';
import { type Backend, clearBackend, sealedBackend } from './doors.ts';
import { reviewOutputWeights } from './initial-weights.ts';
import { PUBLISHED_REVIEWS } from './published.ts';
import {
  CORRECTED_REVIEWS,
  ORIGINAL_REVIEWS,
  REVIEW_HIDDEN,
  type ReviewNetwork,
  type ReviewRun,
  trainReviews,
} from './review-network.ts';
import { type ReviewTask, reviewTask } from './review-words.ts';
import { tellTable } from './table.ts';
import { BREAK_COMMAND, warnOfVector } from './warning.ts';

export interface SeedReviewsOptions {
  readonly console: Console;
  /** Train on the first so many. */
  readonly reviews: number;
  /** Default: the course's 24,000 and 1,000 of IMDB. */
  readonly task?: ReviewTask;
}

/** One network, trained sealed and in the clear. */
export interface SeedReviews {
  readonly network: ReviewNetwork['name'];
  readonly sealed: ReviewRun;
  readonly clear: ReviewRun;
}

/** Tells the story and returns what it found. @throws HermeticError ABORTED, BAD_ARGUMENT without the data */
export async function runSeedReviews(options: SeedReviewsOptions): Promise<SeedReviews[]> {
  const { console } = options;
  const story = new Story(console);
  warnOfVector(console);
  story.title('Hermetic', 'The seed: film reviews on integer vectors');
  story.chapter('owner', 'Words and keys');
  const began = performance.now();
  const task = options.task ?? (await loadTask());
  const reviews = Math.min(options.reviews, task.train.rows.length);
  story.tell(
    `${formatCount(task.vocabulary.length)} words, each a row of ${REVIEW_HIDDEN} encrypted weights; ` +
      `${formatCount(reviews)} reviews, one a step; ${formatCount(task.test.rows.length)} to test on`,
    (performance.now() - began) / 1000,
  );
  const outcomes: SeedReviews[] = [];
  for (const network of [ORIGINAL_REVIEWS, CORRECTED_REVIEWS]) {
    outcomes.push(await trainBoth(story, network, task, reviews));
  }
  tellOutcomes(story, outcomes);
  if (console.json) console.result(toObject(task, reviews, outcomes), () => '');
  return outcomes;
}

async function loadTask(): Promise<ReviewTask> {
  const { train, test } = await loadImdbUdacity();
  return reviewTask(train, test);
}

async function trainBoth(
  story: Story,
  network: ReviewNetwork,
  task: ReviewTask,
  reviews: number,
): Promise<SeedReviews> {
  const what = network.name === 'original' ? "the post's polynomial" : 'a polynomial that keeps its range';
  story.chapter('trainer', `Train on encrypted weights, with ${what}`);
  const sealed = await train(story, 'sealed', sealedBackend(REVIEW_HIDDEN), network, task, reviews);
  const clear = await train(story, 'in the clear', clearBackend(REVIEW_HIDDEN), network, task, reviews);
  story.tell(
    `${formatRate(reviews / sealed.seconds)} reviews/s; in the clear ${formatRate(reviews / clear.seconds)}`,
    sealed.seconds,
  );
  return { network: network.name, sealed, clear };
}

async function train<V>(
  story: Story,
  how: 'sealed' | 'in the clear',
  backend: Backend<V>,
  network: ReviewNetwork,
  task: ReviewTask,
  reviews: number,
): Promise<ReviewRun> {
  const progress = story.progress({ unit: 'review', total: reviews, every: reviews });
  try {
    return await trainReviews(backend, {
      network,
      reviews,
      train: task.train,
      test: task.test,
      words: task.vocabulary.length,
      outputWeights: reviewOutputWeights(),
      marks: PUBLISHED_REVIEWS.map((published) => published.reviews),
      signal: story.console.io.signal,
      onReviews: (done, accuracy) => progress.update(done, `${how}, running accuracy ${formatPercent(accuracy, 1)}`),
    });
  } finally {
    progress.stop();
  }
}

function tellOutcomes(story: Story, outcomes: readonly SeedReviews[]): void {
  for (const { network, sealed, clear } of outcomes) {
    const rows = sealed.points.map(({ reviews, accuracy }, i) => {
      const published =
        network === 'original' ? PUBLISHED_REVIEWS.find((entry) => entry.reviews === reviews) : undefined;
      return [
        `training, ${formatCount(reviews)} reviews`,
        published && `${formatPercent(published.accuracy, 1)}`,
        formatPercent(accuracy, 1),
        formatPercent(clear.points[i].accuracy, 1),
      ];
    });
    const last = [
      'test, opened',
      undefined,
      formatPercent(sealed.testAccuracy, 1),
      formatPercent(clear.testAccuracy, 1),
    ];
    tellTable(story, [network, 'post (quoted)', 'sealed', 'float64'], [...rows, last]);
  }
  const [first] = outcomes;
  const quoted = PUBLISHED_REVIEWS[0].reviewsPerSecond;
  const rate = first.sealed.points[first.sealed.points.length - 1].reviewsPerSecond;
  story.line();
  story.row(
    'speed',
    story.colors.bold(`${formatRate(rate)} reviews/s`),
    `the post: ${quoted}, so ${formatCount(rate / quoted)} times`,
  );
  story.line();
  story.tell(
    'Training accuracy is counted as the post does: each review before it is learned from, favourable where the ' +
      "prediction reaches the mean of all so far. Sums of the output go far beyond the radius of the Taylor series; the post's " +
      'slipped polynomial bends there, and the true one would diverge.',
  );
  story.line();
}

function toObject(task: ReviewTask, reviews: number, outcomes: readonly SeedReviews[]): Record<string, unknown> {
  const summary = ({ points, seconds, testAccuracy }: ReviewRun): Record<string, unknown> => ({
    points,
    seconds,
    reviewsPerSecond: reviews / seconds,
    testAccuracy,
  });
  return {
    demo: 'seed-imdb',
    scheme: 'vector',
    broken: BREAK_COMMAND,
    words: task.vocabulary.length,
    reviews,
    testReviews: task.test.rows.length,
    published: PUBLISHED_REVIEWS,
    networks: outcomes.map(({ network, sealed, clear }) => ({
      network,
      sealed: summary(sealed),
      clear: summary(clear),
    })),
  };
}
