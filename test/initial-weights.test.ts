/**
 * Weights that an owner seals begin as secret as the key they lie under: drawn from the system's generator, 53 bits each.
 * Expanded from a short seed they are told by any label that the owner answers: the signs of a few dozen of them single
 * out the seed, and the seed tells all the others.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { say } from '../src/cli/memory-io.ts';
import type { LayerWeights } from '../src/nn/architecture.ts';
import { dense, sequential } from '../src/nn/model.ts';
import { createKeys } from '../src/owner/owner-keys.ts';
import { open, seal } from '../src/owner/seal.ts';
import { readModelFile } from '../src/protocol/model-file.ts';
import { csv, makeNetwork, OWNER_TOKEN, SET, startService } from './fixtures/service.ts';
import { type DrawnWords, recordSystemRandom } from './fixtures/system-random.ts';

/** What sealing and opening may change of a weight. */
const SEALED = 2 ** -14;

let drawn: DrawnWords;
beforeEach(() => {
  drawn = recordSystemRandom();
});
afterEach(() => drawn.restore());

/** Of Glorot's uniform initialization, the default. */
function bounds(weights: readonly LayerWeights[], inputs: number, units: readonly number[]): [Float64Array, number][] {
  return weights.map(({ kernel }, i) => [kernel, Math.sqrt(6 / ((units[i - 1] ?? inputs) + units[i]))]);
}

function expectSecret(weights: readonly LayerWeights[], tolerance: number): void {
  for (const [kernel, bound] of bounds(weights, 6, [4, 1])) {
    expect(Math.max(...kernel.map(Math.abs))).toBeGreaterThan(0);
    expect(drawn.explain(kernel, bound, tolerance)).toBe(true);
  }
}

const network = () => sequential([dense({ units: 4, inputShape: [6] }), dense({ units: 1, activation: 'lin4' })]);

describe('initial weights are drawn from the system’s generator', () => {
  it('by build', () => {
    expectSecret(network().build().getWeights(), 0);
    // A seed is another thing, and this would notice.
    const seeded = network().build({ seed: 1 }).getWeights();
    for (const [kernel, bound] of bounds(seeded, 6, [4, 1])) expect(drawn.explain(kernel, bound)).toBe(false);
  });

  it('by seal, of a model that was never built', async () => {
    const keys = await createKeys({ set: SET, threads: 1 });
    try {
      expectSecret(open(seal(network(), keys, { batch: 16 }), keys).weights, SEALED);
    } finally {
      keys.dispose();
    }
  });

  it('by hermetic init, which says what --seed does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hermetic-test-init-'));
    try {
      const [data, out] = [join(folder, 'sample.csv'), join(folder, 'model.safetensors')];
      writeFileSync(data, csv());
      const words = ['init', '--data', data, '--label', 'y', '--layers', '4:linear,1:lin4', '--out', out];
      const quiet = await say(words);
      expect([quiet.code, quiet.stderr]).toEqual([0, '']);
      expectSecret(readModelFile(new Uint8Array(readFileSync(out))).weights, 0);
      const seeded = await say([...words, '--force', '--seed', '1']);
      expect(seeded.code).toBe(0);
      expect(seeded.stderr.match(/--seed are no secret/g)).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('by the service', { timeout: 60_000 }, async () => {
    const test = await startService();
    try {
      const { headId } = await makeNetwork(test);
      const opened = await test.call('POST', `/v1/models/${headId}/open`, { token: OWNER_TOKEN });
      expectSecret(readModelFile(new Uint8Array(await opened.arrayBuffer())).weights, SEALED);
    } finally {
      await test.close();
    }
  });
});
