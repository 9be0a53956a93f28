/**
 * The same network, by the same code, learns exclusive or on every scheme, as its twin in the clear does. Rings are small, and
 * say that they are insecure; `hermetic compare` takes those of 128 bits.
 */
import { describe, expect, it } from 'vitest';
import { createParty } from '../src/cli/schemes/parties.ts';
import { rotationsOf, trainOnScheme, xorTask } from '../src/cli/schemes/train.ts';
import { loadXor } from '../src/data/xor.ts';
import { SCHEME_NAMES } from '../src/schemes/traits.ts';

const { signal } = new AbortController();
const task = await xorTask(undefined, signal);

describe('exclusive or', () => {
  it.each(SCHEME_NAMES)('is learned on %s', async (scheme) => {
    const party = await createParty(scheme, {
      slots: task.slots,
      rotations: rotationsOf(task),
      insecure: true,
      threads: 1,
    });
    try {
      const run = await trainOnScheme(task, party, signal);
      expect(run.steps).toBe(task.recipe.steps);
      expect(run.accuracy).toBe(1);
      const { labels } = loadXor();
      run.outputs.forEach((y, row) => {
        expect(Math.abs(y - labels[row])).toBeLessThan(0.2);
      });
      expect(run.maxWeightError).toBeLessThan(2 ** -4);
      expect(run.refreshes > 0).toBe(party.capabilities.levels === 'owner');
    } finally {
      party.dispose();
    }
  });

  it('is not known before it is learned', () => {
    expect(task.network.model.weights).not.toEqual(task.twin.weights);
    expect(task.twin.accuracy).toBe(1);
  });
});
