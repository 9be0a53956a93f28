import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { loadSealedModel, loadTrainerKeys } from '../trainer/index.ts';
import { say } from './memory-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'hermetic-privacy-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const PASSPHRASE = ['--passphrase-file', at('pw')];
const key = ['--key', at('keys/owner.key'), ...PASSPHRASE, '--threads', '1'];
const learn = ['--data', at('many.csv'), '--batch', '128', '--steps', '3', '--momentum', '0', '--learning-rate', '0.3'];

/** Two classes far apart. */
function rows(count: number, seed: number): string {
  const random = new SeededRandom(seed);
  const lines = Array.from({ length: count }, () => {
    const label = random.integer(2);
    const [a, b] = [0, 1].map(() => (label === 1 ? 1 : -1) + random.normal(0, 0.2));
    return `${a.toFixed(3)},${b.toFixed(3)},${label}`;
  });
  return `a,b,y\n${lines.join('\n')}\n`;
}

beforeAll(async () => {
  writeFileSync(at('many.csv'), rows(2000, 1));
  writeFileSync(at('pw'), 'correct horse battery staple\n');
  for (const words of [
    ['keygen', '--set', 'insecure-9-9-3', ...PASSPHRASE, '--out', at('keys'), '--threads', '1'],
    [
      'init',
      '--data',
      at('many.csv'),
      '--label',
      'y',
      '--layers',
      '1:lin4',
      '--seed',
      '1',
      '--out',
      at('m.safetensors'),
    ],
    ['seal', at('m.safetensors'), ...key, '--batch', '128', '--out', at('m.sealed')],
  ]) {
    expect((await say([...words, '--quiet'])).code).toBe(0);
  }
});

const train = (...words: string[]) =>
  say(['train', at('m.sealed'), '--keys', at('keys/trainer.keys'), '--threads', '1', ...learn, '--json', ...words]);

describe('train --privacy', () => {
  it('says ε, δ and the noise beforehand, writes them into the model, and trains', async () => {
    const said = await train('--privacy', '8', '--out', at('t.sealed'));
    expect(said.code).toBe(0);
    expect(said.stderr).toMatch(
      /^privacy: ε 8 a row \(features [\d.]+, label [\d.]+\), δ 0\.00001; noise [\d.]+ on every feature of rows of norm 1\.4 at most, \d+ % of the labels true$/m,
    );
    expect(said.stderr).not.toMatch(/accuracy will suffer/);
    expect(said.json().privacy).toMatchObject({ epsilon: 8, delta: 1e-5 });
    const keys = await loadTrainerKeys(at('keys/trainer.keys'), { threads: 1, onWarning: () => {} });
    const { provenance } = await loadSealedModel(at('t.sealed'), keys);
    keys.dispose();
    expect(provenance.at(-1)).toMatchObject({ kind: 'training', privacy: { epsilon: 8, delta: 1e-5 } });
  });

  it('is tried out by simulate, which tells what accuracy is left', async () => {
    const words = ['simulate', at('m.sealed'), ...learn, '--test', at('many.csv'), '--no-time', '--json'];
    const accuracy = async (...privacy: string[]): Promise<number> => {
      const { twin } = (await say([...words, ...privacy])).json();
      return (twin as { test: { accuracy: number } }).test.accuracy;
    };
    expect(await accuracy()).toBeGreaterThan(0.99);
    expect(await accuracy('--privacy', '8')).toBeGreaterThan(0.9);
  });

  it('warns where there are too few rows for so small an ε', async () => {
    writeFileSync(at('few.csv'), rows(300, 2));
    const words = ['simulate', at('m.sealed'), '--data', at('few.csv'), ...learn.slice(2), '--no-time', '--json'];
    const simulated = await say([...words, '--privacy', '0.1']);
    expect(simulated.code).toBe(0);
    expect(simulated.stderr).toMatch(/accuracy will suffer: 2 features take some \d+ rows, and there are 300/);
    expect(simulated.json()).toMatchObject({ privacy: { epsilon: 0.1 } });
  });

  it.each(['0', '-1', '101', 'strong'])('refuses %s', async (epsilon) => {
    const said = await train('--privacy', epsilon, '--out', at('v.sealed'));
    expect(said.code).toBe(2);
    expect(said.stderr).toMatch(/a number above 0, at most 100/);
  });
});
