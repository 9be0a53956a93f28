import { describe, expect, it } from 'vitest';
import { bytesToHex } from '../base/bytes.ts';
import { noiseKey, openNoise, SEALED_SEED_DIGITS, sealNoise } from './noise-key.ts';

const privacy = { epsilon: 2, delta: 1e-5, bound: 3, seed: '1f'.repeat(32) };
const run = 'ab'.repeat(16);

describe('the seed of noise on its way', () => {
  it('is opened by those who have the key, for its own run', async () => {
    const sealed = await sealNoise(await noiseKey('secret'), run, privacy);
    expect(sealed).toMatchObject({ epsilon: 2, delta: 1e-5, bound: 3 });
    expect(sealed.seed).toHaveLength(SEALED_SEED_DIGITS);
    expect(sealed.seed).not.toContain('1f1f1f');
    expect(bytesToHex(await openNoise(await noiseKey('secret'), run, sealed))).toBe(privacy.seed);
    for (const key of [undefined, await noiseKey('guess')]) {
      await expect(openNoise(key, run, sealed)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
    await expect(openNoise(await noiseKey('secret'), 'other', sealed)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('is sealed alike for a run that goes on, and otherwise for another run or seed', async () => {
    const key = await noiseKey('secret');
    const first = await sealNoise(key, run, privacy);
    expect(await sealNoise(key, run, privacy)).toEqual(first);
    const others = [
      await sealNoise(key, 'other', privacy),
      await sealNoise(key, run, { ...privacy, seed: '2e'.repeat(32) }),
    ];
    for (const other of others) expect(other.seed.slice(0, 24)).not.toBe(first.seed.slice(0, 24));
  });
});
