/**
 * Figures that others measured, quoted: Andrew Trask, "Building Safe A.I.: A Tutorial for Encrypted Deep Learning",
 * iamtrask.github.io, March 2017, and re-runs of its program. Nothing here is computed.
 */

export interface PublishedLoss {
  readonly iteration: number;
  /** Σ |δ| over the four rows, as the post prints it. */
  readonly loss: number;
}

export const PUBLISHED_LOSSES: readonly PublishedLoss[] = [
  { iteration: 0, loss: 2.529 },
  { iteration: 10, loss: 2.071 },
  { iteration: 50, loss: 1.829 },
  { iteration: 100, loss: 1.769 },
  { iteration: 200, loss: 1.605 },
  { iteration: 276, loss: 0.732 },
];

/** For the rows whose right answers are 0, 1, 1, 0. */
export const PUBLISHED_PREDICTIONS: readonly number[] = [-0.112, 0.721, 0.688, 0.052];

/** The program re-run on ten draws of keys. */
export const RERUN_CONVERGED = { converged: 1, draws: 10 } as const;

/** Seconds an iteration, of the program re-run. */
export const RERUN_SECONDS_PER_ITERATION = { fastest: 0.19, slowest: 0.5 } as const;

export interface PublishedReviews {
  readonly source: 'post' | 'notebook';
  readonly reviews: number;
  /** Running training accuracy. */
  readonly accuracy: number;
  readonly reviewsPerSecond: number;
}

export const PUBLISHED_REVIEWS: readonly PublishedReviews[] = [
  { source: 'post', reviews: 1042, accuracy: 0.756, reviewsPerSecond: 1.94 },
  { source: 'notebook', reviews: 2127, accuracy: 0.753, reviewsPerSecond: 1.83 },
];
