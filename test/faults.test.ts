/** Bad input at the command line: one clear line with the mend, the right exit code, nothing written, no stack trace. */
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeWorkshop, type Said, type Workshop } from './fixtures/workshop.ts';

let shop: Workshop;
beforeAll(async () => {
  shop = await makeWorkshop();
}, 60_000);
afterAll(() => shop.close());

const failure = 1;
const usage = 2;
const refused = 3;
const exhausted = 5;

const OWNER = '--key owner.key --passphrase-file pw';
const RECIPE = '--batch 16 --steps 1 --learning-rate 0.1 --refresh none --threads 1';
const TRAIN = `train model.sealed --keys trainer.keys --data data.csv ${RECIPE} --out never`;
const instead = (old: string, other: string): string => TRAIN.replace(old, other);

/** The command fails as it should, and leaves the folder as it was. */
async function expectFailure(command: string, code: number, message: RegExp): Promise<void> {
  const before = shop.list('.');
  const said: Said = await shop.run(command.split(' '));
  const errors = said.stderr.filter((line) => line.startsWith('error: '));
  expect(errors, said.stderr.join('\n')).toHaveLength(1);
  expect(errors[0]).toMatch(message);
  expect(said.stderr.join('\n')).not.toMatch(/^ +at |HERMETIC_DEBUG/m);
  expect(said.stderr.at(-1)).toBe(errors[0]);
  expect(said.stdout).toBe('');
  expect(said.code).toBe(code);
  expect(shop.list('.')).toEqual(before);
}

describe('words that cannot be', () => {
  it.each<[string, RegExp]>([
    ['trian', /Did you mean 'train'/],
    ['train', /--data is missing/],
    ['train --data data.csv', /model\.sealed/],
    [instead('--batch 16', '--batch 12'), /--batch: expected a power of two/],
    [instead('--learning-rate 0.1', '--learning-rate NaN'), /--learning-rate: expected a number above 0/],
    [instead('--refresh none', '--refresh http://127.0.0.1:9'), /wants a token\. Give --token-file/],
    ['keygen --set insecure-99-1-1 --passphrase-file pw --out never', /unknown parameter set; expected L13, L14, L15/],
    [`open model.sealed --key owner.key --out never`, /nobody to ask\. Give --passphrase-file/],
  ])('%s', async (command, message) => {
    await expectFailure(command, usage, message);
  });
});

describe('files that cannot be', () => {
  const kinds: [string, string, (file: string) => string][] = [
    ['trainer.keys', 'train', (file) => instead('trainer.keys', file)],
    ['model.sealed', 'train', (file) => instead('model.sealed', file)],
    ['model.sealed', 'open', (file) => `open ${file} ${OWNER} --out never`],
    ['owner.key', 'open', (file) => `open model.sealed --key ${file} --passphrase-file pw --out never`],
    ['model.safetensors', 'seal', (file) => `seal ${file} ${OWNER} --out never`],
  ];

  it.each(kinds)('%s for %s', async (name, _, command) => {
    const good = await readFile(shop.at(name));
    const flipped = Buffer.from(good);
    flipped[9] ^= 1;
    const damaged: [Uint8Array, RegExp][] = [
      [good.subarray(0, good.length - 1), /truncated|fill the file/],
      [flipped, /version|JSON/],
      [Buffer.from('a,b\n1,2\n'), /not a (Hermetic|safetensors) file/],
    ];
    for (const [bytes, message] of damaged) {
      await writeFile(shop.at('damaged'), bytes);
      await chmod(shop.at('damaged'), 0o600);
      await expectFailure(command('damaged'), refused, message);
    }
    await expectFailure(command('nowhere'), failure, /cannot read nowhere \(ENOENT\).*check the path/);
    await expectFailure(command('.'), refused, /not a regular file/);
  });

  it('whose body was changed', async () => {
    for (const [name, command] of [kinds[0], kinds[2], kinds[3]].map(([name, , make]) => [name, make('damaged')])) {
      const bytes = await readFile(shop.at(name));
      bytes[bytes.length - 100] ^= 1;
      await writeFile(shop.at('damaged'), bytes, { mode: 0o600 });
      await expectFailure(command, refused, /is damaged \(its SHA-256 does not fit\).*copy or make it again/);
    }
  });

  it.each<[string, number, RegExp]>([
    [instead('model.sealed', 'trainer.keys'), refused, /another kind of file; expected sealed-model; got trainer-keys/],
    [instead('trainer.keys', 'stranger.keys'), refused, /the model was made under another key/],
    [instead('trainer.keys', 'small.keys'), refused, /made with other parameters/],
    ['open model.sealed --key stranger.key --passphrase-file pw --out never', refused, /made under another key/],
    ['open model.sealed --key small.key --passphrase-file pw --out never', refused, /made with other parameters/],
    ['open model.sealed --key owner.key --passphrase-file wrong --out never', refused, /passphrase does not open/],
    [`open model.sealed ${OWNER} --out no/such/folder`, failure, /cannot write no\/such\/folder \(ENOENT\)/],
    [`open model.sealed ${OWNER} --out .`, failure, /cannot write \. \(E(ISDIR|BUSY)\)/],
    [`evaluate model.sealed --data data.csv`, refused, /is sealed.*hermetic open/],
    ['keygen --passphrase-file pw --out data.csv --set insecure-7-1-1 --quiet', failure, /file of that name/],
  ])('%s', expectFailure);

  it('an owner key that others can read', async () => {
    await copyFile(shop.at('owner.key'), shop.at('lent.key'));
    await chmod(shop.at('lent.key'), 0o640);
    await expectFailure(
      'open model.sealed --key lent.key --passphrase-file pw --out never',
      refused,
      /got mode 640\. chmod 600 lent\.key/,
    );
  });
});

describe('plans that cannot be', () => {
  it.each<[string, number, RegExp]>([
    [instead('--steps 1', '--steps 9'), exhausted, /needs more levels.*Train \d steps?, or refresh the weights/],
    [instead('--batch 16', '--batch 32'), exhausted, /cannot take this batch.*Use 16/],
    [`seal model.safetensors ${OWNER} --batch 4096 --out never`, exhausted, /batch is too large.*or less/],
  ])('%s', expectFailure);
});

describe('data that cannot be', () => {
  const change: [string, (text: string) => string, RegExp][] = [
    ['a missing column', (t) => t.replaceAll(/^[^,]*,/gm, ''), /has no column 'a'.*Name one of its columns/],
    [
      'a surplus column',
      (t) => t.replaceAll(/^(?=.)/gm, '7,').replace('7,', 'z,'),
      /more features.*Remove these columns/,
    ],
    ['text for a number', (t) => t.replace(/\n[^,]*/, '\nhigh'), /column 'a', line 2: 'high' is not a number/],
    ['NaN', (t) => t.replace(/\n[^,]*/, '\nNaN'), /line 2: the value is missing \('NaN'\).*Fill it in/],
    ['an empty cell', (t) => t.replace(/\n[^,]*/, '\n'), /line 2: the cell is empty/],
    ['infinity', (t) => t.replace(/\n[^,]*/, '\nInfinity'), /line 2: 'Infinity' is not a finite number/],
    ['one class only', (t) => t.replaceAll('odd', 'even'), /nothing to tell apart.*Add rows of another class/],
    ['an unknown class', (t) => t.replace('odd', 'prime'), /'prime' is not a class of the model/],
    ['no rows', (t) => t.slice(0, t.indexOf('\n') + 1), /no rows below its header/],
    ['too few rows', (t) => t.split('\n').slice(0, 11).join('\n'), /fewer rows than a batch takes.*batch of 8/],
    ['two columns of one name', (t) => t.replace('a,b', 'a,a'), /more than one column is called 'a'/],
    ['a ragged row', (t) => t.replace('\n', '\n1,2\n'), /line 2: the row does not fit the header/],
    ['nothing', () => '', /is empty/],
    ['bytes', () => '\u0000\u0001', /not a text file/],
  ];

  it.each(change)('%s', async (_, damage, message) => {
    await writeFile(shop.at('other.csv'), damage(await readFile(shop.at('data.csv'), 'utf8')));
    await expectFailure(instead('data.csv', 'other.csv'), failure, message);
  });

  it('a file that is not there', async () => {
    await expectFailure(instead('data.csv', 'nowhere.csv'), failure, /no such file/);
  });
});

describe('--json', () => {
  it('tells the error as an object too', async () => {
    const { code, stdout } = await shop.run([...instead('trainer.keys', 'stranger.keys').split(' '), '--json']);
    const told = { code: 'WRONG_KEY', exitCode: refused, message: expect.any(String), mend: expect.any(String) };
    expect(JSON.parse(stdout)).toEqual({ schema: 1, error: told });
    expect(code).toBe(refused);
  });
});
