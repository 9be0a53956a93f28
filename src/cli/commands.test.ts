import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { readModelFile } from '../protocol/model-file.ts';
import { say } from './memory-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'hermetic-cli-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** y = 1 where a > b. */
function writeRows(name: string, rows: number, seed: number): void {
  const random = new SeededRandom(seed);
  const lines = Array.from({ length: rows }, () => {
    const [a, b] = [random.normal(0, 1), random.normal(0, 1)];
    return `${a.toFixed(4)},${b.toFixed(4)},${a > b ? 'yes' : 'no'}`;
  });
  writeFileSync(at(name), `a,b,y\n${lines.join('\n')}\n`);
}

beforeAll(async () => {
  writeRows('train.csv', 300, 1);
  writeRows('test.csv', 100, 2);
  writeFileSync(at('prices.csv'), `a,price\n${Array.from({ length: 30 }, (_, i) => `${i},${i * 3.5}`).join('\n')}\n`);
  const made = await say([
    'init',
    '--data',
    at('train.csv'),
    '--label',
    'y',
    '--layers',
    '4:square,1:lin4',
    '--seed',
    '3',
    '--out',
    at('model.safetensors'),
  ]);
  expect(made.stderr).toMatch(/^warning: weights from --seed are no secret/);
  expect(made.code).toBe(0);
});

describe('hermetic init', () => {
  it('writes a model with settings and the public distribution, not the seed', () => {
    const model = readModelFile(new Uint8Array(readFileSync(at('model.safetensors'))));
    expect(model.architecture.layers.map(({ inputs, units }) => [inputs, units])).toEqual([
      [2, 4],
      [4, 1],
    ]);
    expect(model.features).toMatchObject({ inputs: { columns: ['a', 'b'] }, label: { classes: ['no', 'yes'] } });
    expect(model.provenance).toEqual([
      { kind: 'init', initializers: [{ kind: 'glorotUniform' }, { kind: 'glorotUniform' }] },
    ]);
  });

  it('gives the same weights for the same seed, and others without one', async () => {
    const words = ['init', '--data', at('train.csv'), '--label', 'y', '--layers', '4:square,1:lin4'];
    const kernel = async (name: string, more: string[]): Promise<number[]> => {
      expect((await say([...words, ...more, '--out', at(name)])).code).toBe(0);
      return [...readModelFile(new Uint8Array(readFileSync(at(name)))).weights[0].kernel];
    };
    const first = await kernel('a.safetensors', ['--seed', '3']);
    expect(first).toEqual([...readModelFile(new Uint8Array(readFileSync(at('model.safetensors')))).weights[0].kernel]);
    expect(await kernel('b.safetensors', [])).not.toEqual(await kernel('c.safetensors', []));
  });

  it('takes text with a vocabulary', async () => {
    writeFileSync(
      at('text.csv'),
      'mail,kind\nbuy now cheap,spam\nsee you at noon,ham\ncheap cheap,spam\nnoon it is,ham\n',
    );
    const said = await say([
      'init',
      '--data',
      at('text.csv'),
      '--label',
      'kind',
      '--text',
      'mail',
      '--vocabulary',
      '5',
      '--layers',
      '1:lin4',
      '--out',
      at('text.safetensors'),
      '--json',
    ]);
    expect(said.json()).toMatchObject({ schema: 1, features: 5, classes: 2, parameters: 6 });
  });

  it('makes the network of a recipe', async () => {
    const said = await say([
      'init',
      '--recipe',
      'xor',
      '--data',
      'xor:train',
      '--out',
      at('xor.safetensors'),
      '--json',
    ]);
    expect(said.json()).toMatchObject({ features: 3, parameters: 17 });
  });

  it.each([
    [['--data', 'train.csv', '--label', 'y'], 2, /network is not described.*--layers SPEC or --recipe/],
    [['--data', 'train.csv', '--layers', '1'], 2, /Give --label COLUMN/],
    [['--data', 'train.csv', '--label', 'z', '--layers', '1'], 1, /no column 'z'.*Did you mean 'y'|no column 'z'/],
    [['--data', 'train.csv', '--label', 'y', '--layers', '1:lin5'], 2, /lin5/],
    [['--data', 'train.csv', '--label', 'y', '--layers', '3:lin4'], 1, /2 classes do not fit 3 outputs/],
    [
      ['--data', 'prices.csv', '--label', 'price', '--layers', '1:lin4'],
      1,
      /do not fit 1 outputs.*numbers to be estimated.*library/,
    ],
    [
      ['--data', 'nowhere.csv', '--label', 'y', '--layers', '1'],
      1,
      /nowhere.csv cannot be read: there is no such file/,
    ],
    [['--data', 'train.csv', '--label', 'y', '--recipe', 'xor'], 1, /xor/],
  ])('refuses %j', async (words, code, message) => {
    const paths = words.map((word) => (word.endsWith('.csv') ? at(word) : word));
    const said = await say(['init', ...paths, '--out', at('never.safetensors')]);
    expect(said.stderr).toMatch(message);
    expect(said.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(said.code).toBe(code);
  });
});

describe('hermetic keygen', () => {
  it('finds out before it asks or works that the keys cannot be written', async () => {
    const said = await say(['keygen', '--set', 'insecure-10-9-3', '--out', at('train.csv/keys')]);
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/cannot write .*Part of the path is a file/);
  });
});

describe('hermetic evaluate', () => {
  it('prints rows, accuracy and AUC', async () => {
    const said = await say(['evaluate', at('model.safetensors'), '--data', at('test.csv'), '--label', 'y', '--json']);
    expect(said.code).toBe(0);
    const { schema, rows, accuracy, auc, loss } = said.json() as Record<string, number>;
    expect([schema, rows]).toEqual([1, 100]);
    for (const value of [accuracy, auc, loss]) expect(value).toBeGreaterThan(0);
    expect(said.stdout.trimEnd().split('\n')).toHaveLength(1);
    const text = await say(['evaluate', at('model.safetensors'), '--data', at('test.csv')]);
    expect(text.stdout).toContain(`accuracy  ${(100 * accuracy).toFixed(2)} %`);
  });

  it.each([
    ['missing.csv', 'a,y\n1,no\n2,yes\n', 1, /no column 'b'/],
    ['words.csv', 'a,b,y\n1,two,no\n', 1, /column 'b', line 2: 'two' is not a number/],
    ['nan.csv', 'a,b,y\n1,2,no\nNaN,2,yes\n', 1, /column 'a', line 3: the value is missing/],
    ['more.csv', 'a,b,c,y\n1,2,3,no\n', 1, /more features than the model was made for/],
    ['class.csv', 'a,b,y\n1,2,maybe\n', 1, /'maybe' is not a class of the model/],
    ['short.csv', 'a,b,y\n1,2\n', 1, /line 2: the row does not fit the header/],
    ['empty.csv', '', 1, /is empty/],
    ['binary.csv', 'a\0b', 1, /not a text file/],
  ])('refuses %s in one line with the mend', async (name, content, code, message) => {
    writeFileSync(at(name), content);
    const said = await say(['evaluate', at('model.safetensors'), '--data', at(name), '--label', 'y', '--json']);
    expect(said.stderr).toMatch(message);
    expect(said.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(said.code).toBe(code);
    expect(said.json()).toMatchObject({ schema: 1, error: { code: 'BAD_DATA', exitCode: code } });
  });

  it.each([
    ['random.bin', Uint8Array.from({ length: 200 }, (_, i) => (i * 97) % 251)],
    ['nothing.bin', new Uint8Array(0)],
    ['sealed.bin', new TextEncoder().encode('HERMETIC and so on')],
  ])('refuses the model %s', async (name, bytes) => {
    writeFileSync(at(name), bytes);
    const said = await say(['evaluate', at(name), '--data', at('test.csv'), '--label', 'y']);
    expect(said.code).toBe(3);
    expect(said.stderr).toMatch(/^error: /);
  });

  it.each([[['/dev/zero', '--data', at('test.csv')]], [[at('model.safetensors'), '--data', '/dev/zero']]])(
    'does not read a device to its end: %j',
    async (words) => {
      const said = await say(['evaluate', ...words]);
      expect(said.stderr).toMatch(/not a regular file|is a device/);
    },
  );

  it('refuses a truncated model', async () => {
    const bytes = readFileSync(at('model.safetensors'));
    writeFileSync(at('cut.safetensors'), bytes.subarray(0, bytes.length - 9));
    expect((await say(['evaluate', at('cut.safetensors'), '--data', at('test.csv')])).code).toBe(3);
  });
});

describe('hermetic inspect', () => {
  it('tells what a model is, without a weight', async () => {
    const said = await say(['inspect', at('model.safetensors'), '--json']);
    expect(said.json()).toMatchObject({
      schema: 1,
      kind: 'safetensors',
      weights: 17,
      layers: [{ inputs: 2 }, { units: 1 }],
    });
    const text = await say(['inspect', at('model.safetensors')]);
    expect(text.stdout).toMatch(/^kind +safetensors$/m);
    expect(text.stdout).toMatch(/^size +[\d.]+ k?B \(\d+ bytes\)$/m);
    expect(text.stdout).toMatch(/^tensors +name layers.0.kernel .*\n +name layers.0.bias /m);
    expect(text.stdout).toMatch(/^features.label.classes +no, yes$/m);
  });

  it('says of a foreign file that it is unknown', async () => {
    expect((await say(['inspect', at('train.csv'), '--json'])).json()).toMatchObject({ kind: 'unknown' });
  });
});

describe('hermetic simulate', () => {
  const words = [
    'simulate',
    at('model.safetensors'),
    '--data',
    at('train.csv'),
    '--batch',
    '64',
    '--quiet',
    '--no-time',
  ];

  it('plans, proposes a learning rate and trains the twin', async () => {
    const said = await say([...words, '--steps', '12', '--test', at('test.csv'), '--json']);
    expect(said.stderr).toBe('');
    const result = said.json() as {
      plan: { levels: { perStep: number }; refreshes: number; bytes: Record<string, number> };
      recipe: { learningRate: number };
      twin: { loss: number[]; test: { accuracy: number } };
    };
    expect(result.plan.levels.perStep).toBeGreaterThan(3);
    expect(result.plan.refreshes).toBe(12);
    expect(result.plan.bytes.refreshUp).toBeGreaterThan(1e5);
    expect(result.recipe.learningRate).toBeGreaterThan(0);
    expect(result.twin.loss).toHaveLength(12);
    expect(result.twin.test.accuracy).toBeGreaterThan(0.6);
  });

  it('says what it counts and what it does not', async () => {
    const said = await say([...words.filter((word) => word !== '--no-time'), '--steps', '2', '--learning-rate', '0.1']);
    expect(said.stdout).toMatch(/^time .* rows\/s on this machine, without the way to the owner and back$/m);
    expect(said.stdout).toMatch(/^sizes .*, memory .* beside the program itself \(about \d+ MB\)$/m);
  });

  it('refuses a run that needs more levels than there are, with what would fit', async () => {
    const said = await say([...words, '--steps', '12', '--refresh', 'none', '--learning-rate', '0.1']);
    expect(said.code).toBe(5);
    expect(said.stderr).toMatch(/needs more levels than there are.*Train 1 step/);
  });

  it('refuses a batch larger than the data', async () => {
    const said = await say(['simulate', at('model.safetensors'), '--data', at('train.csv'), '--batch', '512']);
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/fewer rows than a batch.*batch of 256/);
  });

  it('stops when it is told to', async () => {
    const said = await say([...words, '--learning-rate', '0.1'], { signal: AbortSignal.abort() });
    expect(said.code).toBe(130);
  });
});
