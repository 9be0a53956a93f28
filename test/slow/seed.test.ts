/** The post's network, mended: under fresh keys, and from first weights of each its own, it learns every time. */
import { expect, it } from 'vitest';
import { studySeed } from '../../src/cli/seed/demo-seed.ts';
import { CORRECTED } from '../../src/cli/seed/xor-network.ts';

const DRAWS = 20;

it(`learns sealed on at least 19 of ${DRAWS} draws of keys, as in the clear`, async () => {
  const study = await studySeed(CORRECTED, 'drawn', DRAWS, new AbortController().signal);
  expect(study.clearConverged).toBe(DRAWS);
  expect(study.converged).toBeGreaterThanOrEqual(19);
});
