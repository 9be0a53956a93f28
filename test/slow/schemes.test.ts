/** `hermetic compare` as it is typed: every scheme at its own size, 128 bits where it claims them. */
import { expect, it } from 'vitest';
import { say } from '../../src/cli/memory-io.ts';
import type { SchemeFigures } from '../../src/cli/schemes/figures.ts';
import { SCHEME_NAMES } from '../../src/schemes/traits.ts';

it('exclusive or is learned on every scheme', async () => {
  const { code, json } = await say(['compare', '--json', '--quiet']);
  expect(code).toBe(0);
  const { schemes } = json() as { schemes: SchemeFigures[] };
  expect(schemes.map(({ scheme }) => scheme)).toEqual(SCHEME_NAMES);
  expect(schemes.map(({ accuracy }) => accuracy)).toEqual(SCHEME_NAMES.map(() => 1));
  expect(schemes.map(({ security }) => security)).toEqual(['none', 'broken', '128 bits', 'broken', '128 bits']);
});
