/** The time that single operations take, on keys made for the purpose. */

import { availableParallelism } from 'node:os';
import { HermeticError } from '../base/errors.ts';
import { createKeys } from '../owner/owner-keys.ts';
import { CkksEvaluator } from '../schemes/ckks/evaluator.ts';

export interface OperationTime {
  readonly name: string;
  readonly logN: number;
  readonly logQP: number;
  readonly threads: number;
  /** Median of one operation at the top level. */
  readonly ms: number;
}

/** Measures for this long each, after a first run that counts for nothing. */
const BUDGET_MS = 400;
const MOST_RUNS = 200;

/** One after the other. HermeticError BAD_ARGUMENT for an unknown set, ABORTED. */
export async function* measureOperations(
  set: string,
  threads: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<OperationTime> {
  const keys = await createKeys({
    set,
    needs: { rotations: [1], conjugation: false, relinearization: true },
    ...(threads !== undefined && { threads }),
  });
  try {
    const { logN, logQP, slots, maxLevel, set: name } = keys.context.parameters;
    const evaluator = new CkksEvaluator(keys.context, keys.evaluationKeys);
    const values = { re: Float64Array.from({ length: slots }, (_, i) => Math.sin(i)) };
    const a = keys.scheme.encrypt(values, maxLevel);
    const operations: readonly (readonly [string, () => unknown])[] = [
      ['encrypt (secret key)', () => keys.scheme.encrypt(values, maxLevel)],
      ['decrypt', () => keys.scheme.decrypt(a)],
      ['add', () => evaluator.add(a, a)],
      ['multiply by plaintext', () => evaluator.multiplyPlain(a, values.re)],
      ['multiply, relinearize, rescale', () => evaluator.rescale(evaluator.multiply(a, a))],
      ['rotate', () => evaluator.rotate(a, 1)],
      ['refresh (owner)', () => keys.scheme.reencryptMasked(a, maxLevel)],
    ];
    for (const [operation, work] of operations) {
      if (signal.aborted) throw new HermeticError('ABORTED', `stopped before ${operation} on ${name}`);
      const ms = median(() => evaluator.scope(() => void work()));
      yield { name: operation, logN, logQP, threads: threads ?? availableParallelism(), ms };
    }
  } finally {
    keys.dispose();
  }
}

function median(work: () => void): number {
  work();
  const times: number[] = [];
  const end = performance.now() + BUDGET_MS;
  while (times.length < MOST_RUNS && (times.length < 3 || performance.now() < end)) {
    const began = performance.now();
    work();
    times.push(performance.now() - began);
  }
  times.sort((x, y) => x - y);
  return times[Math.floor(times.length / 2)];
}
