import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadXor, xorSettings } from '../../data/xor.ts';
import { initialWeights } from '../../nn/initializers.ts';
import { recipe } from '../../nn/recipes.ts';
import { writeModelFile } from '../../protocol/model-file.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { SCHEMES } from '../../schemes/traits.ts';
import { say } from '../memory-io.ts';
import type { SchemeFigures } from './figures.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermetic-schemes-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const ATTACKED = ['vector', 'yashe'] as const;

describe('hermetic compare', () => {
  it('trains one network on the schemes asked for, and warns of those that hide nothing', async () => {
    const { code, json, stderr } = await say(['compare', '--schemes', 'clear,vector', '--json']);
    expect(code).toBe(0);
    const { schemes, twinAccuracy } = json() as { schemes: SchemeFigures[]; twinAccuracy: number };
    expect(schemes.map(({ scheme }) => scheme)).toEqual(['clear', 'vector']);
    expect(twinAccuracy).toBe(1);
    for (const { accuracy, maxWeightError, steps, ciphertextSlots } of schemes) {
      expect(ciphertextSlots).toBe(16);
      expect(accuracy).toBe(1);
      expect(maxWeightError).toBeLessThan(2 ** -9);
      expect(steps).toBe(15);
    }
    expect(stderr.replace(/\s+/g, ' ')).toContain(SCHEMES.vector.warning);
  });

  it('prints a table of 80 columns', async () => {
    const { stdout } = await say(['compare', '--schemes', 'clear', '--steps', '2']);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/clear .*approx/);
    expect(stdout).toMatch(/^clear +16 complex +nothing is hidden$/m);
  });

  it('names the schemes when it does not know one', async () => {
    const { code, stderr } = await say(['compare', '--schemes', 'rsa']);
    expect(code).toBe(2);
    expect(stderr).toContain('clear, vector, bfv, yashe, ckks');
  });
});

describe('hermetic demo xor --scheme', () => {
  it.each(ATTACKED)('%s learns, leaves a trainer’s files, and is opened from them', async (scheme) => {
    const out = join(folder, scheme);
    const { code, stdout, stderr } = await say(['demo', 'xor', '--scheme', scheme, '--out', out]);
    expect(code).toBe(0);
    expect(stdout).toContain('100.00 %');
    expect(stderr).toContain(`hermetic break ${scheme}`);
    const figures = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as SchemeFigures;
    figures.outputs.forEach((y, row) => {
      expect(Math.abs(y - loadXor().labels[row])).toBeLessThan(0.5);
    });
    const broken = await say(['break', scheme, out, '--keys', '2']);
    expect(broken.code).toBe(0);
    expect(broken.stdout.replace(/\s+/g, ' ')).toContain('17 weights read without a key that was given');
    const inspected = await say(['inspect', join(out, 'model.sealed'), '--json']);
    expect(inspected.json()).toMatchObject({ kind: 'teaching-model', scheme, demonstration: true });
  });

  it('leaves nothing of an earlier scheme in its folder', async () => {
    const out = join(folder, 'again');
    for (const scheme of ['vector', 'clear']) await say(['demo', 'xor', '--scheme', scheme, '--out', out]);
    expect((await readdir(out)).toSorted()).toEqual(['.hermetic-demo', 'report.json']);
  });

  it('keeps to exclusive or, and to refreshes by the owner', async () => {
    const imdb = await say(['demo', 'imdb', '--scheme', 'bfv']);
    expect([imdb.code, imdb.stderr]).toEqual([2, expect.stringContaining('hermetic demo xor --scheme bfv')]);
    const alone = await say(['demo', 'xor', '--scheme', 'bfv', '--refresh', 'bootstrap']);
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('does not bootstrap')]);
  });
});

describe('hermetic seal with a teaching scheme', () => {
  let model: string;

  beforeAll(async () => {
    model = join(folder, 'model.safetensors');
    const { architecture, initializers } = recipe('xor');
    const weights = initialWeights(architecture, initializers, 3);
    const bytes = writeModelFile({ architecture, weights, features: { ...xorSettings() }, provenance: [] });
    await writeFileAtomically(model, (sink) => sink.write(bytes));
  });

  it('is refused for a model that is not called a demonstration', async () => {
    const { code, stderr } = await say(['seal', model, '--scheme', 'vector', '--out', join(folder, 'real')]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/protects nothing/);
  });

  it('takes no key of an owner, for it makes its own', async () => {
    const words = ['--scheme', 'vector', '--demonstration', '--key', 'owner.key', '--out', join(folder, 'keyed')];
    const { code, stderr } = await say(['seal', model, ...words]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--key .*do not go with --scheme vector/);
  });

  it.each(ATTACKED)(
    'seals a demonstration with %s under a key that nobody keeps, and break reads it',
    async (scheme) => {
      const out = join(folder, `${scheme}-demonstration`);
      const sealed = await say(['seal', model, '--scheme', scheme, '--demonstration', '--out', out]);
      expect(sealed.code).toBe(0);
      const { stdout, code } = await say(['break', scheme, out, '--keys', '1']);
      expect(code).toBe(0);
      const first = initialWeights(recipe('xor').architecture, recipe('xor').initializers, 3)[0].kernel[0];
      expect(stdout).toContain(first.toFixed(2));
    },
  );

  it('wants the folder of its own scheme', async () => {
    const { code, stdout, stderr } = await say(['break', 'vector', folder]);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('public.keys');
  });

  it('is opened where none was named: one is sealed, and every weight comes out as it was', async () => {
    const { code, json } = await say(['break', 'vector', '--keys', '1', '--json', '--quiet']);
    expect(code).toBe(0);
    const { trials } = json() as { trials: { name: string; opened: boolean; facts: string[] }[] };
    const network = trials.find(({ name }) => name === 'a sealed network');
    expect(network?.opened).toBe(true);
    expect(network?.facts[1]).toMatch(/^All are those that were sealed, to 2\^-[12]\d\.$/);
  });

  it('asks for the key that the default scheme needs', async () => {
    const { code, stderr } = await say(['seal', model, '--out', join(folder, 'x.sealed')]);
    expect(code).toBe(2);
    expect(stderr).toContain('--key is missing');
  });
});
