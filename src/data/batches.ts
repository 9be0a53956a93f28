/** Batches of a data set, in a seeded order that any step can be asked for directly (see `batches` of the network room). */

import { checkPowerOfTwo } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { type BatchSource, batches } from '../nn/feature-rows.ts';
import type { Dataset } from './dataset.ts';

/**
 * The rows of `dataset` as an endless stream of shuffled epochs, cut into batches; `next(step)` depends on the seed and
 * the step alone, so that a resumed run and an uninterrupted one see the same rows.
 * @param options batch: rows of a step, a power of two; seed: of the order, public
 * @throws HermeticError BAD_DATA when there are fewer rows than a batch takes: some would count more than others
 */
export function datasetBatches(
  dataset: Dataset,
  options: { readonly batch: number; readonly seed: number },
): BatchSource {
  checkPowerOfTwo('batch', options.batch, 1, 2 ** 24);
  requireBatch(dataset.features.rows, options.batch);
  return batches({ features: dataset.features, targets: dataset.targets.values }, options);
}

/** @throws HermeticError BAD_DATA when there are fewer rows than a batch takes, with the largest batch that fits */
export function requireBatch(rows: number, batch: number): void {
  if (rows >= batch) return;
  throw new HermeticError('BAD_DATA', 'there are fewer rows than a batch takes', {
    expected: `at least ${batch}`,
    got: `${rows}`,
    mend: rows < 1 ? 'Add rows.' : `Add rows, or use a batch of ${2 ** Math.floor(Math.log2(rows))}.`,
  });
}
