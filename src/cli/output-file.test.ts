import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeDemoFolder } from './demo/demo-folder.ts';
import { type Said, say } from './memory-io.ts';

/** A ring that anyone can break, for speed. */
const SET = 'insecure-10-9-3';
const folder = mkdtempSync(join(tmpdir(), 'hermetic-output-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const passphrase = ['--passphrase-file', at('pw')];
const key = ['--key', at('keys/owner.key'), ...passphrase, '--threads', '1'];
const data = ['--data', at('rows.csv')];
const trainerKeys = ['--keys', at('keys/trainer.keys'), '--threads', '1'];
const layers = ['--label', 'y', '--layers', '1:lin4', '--seed', '1'];
const recipe = ['--batch', '32', '--steps', '3', '--learning-rate', '0.5', '--momentum', '0', '--no-shadow'];

async function succeed(...words: string[]): Promise<Said> {
  const said = await say([...words, '--json', '--quiet']);
  expect(said.stderr.replace(/^warning: .*\n/gm, '')).toBe('');
  expect(said.code).toBe(0);
  return said;
}

/** The command is refused as usage, and the file is as it was. */
async function keeps(path: string, words: string[], message: RegExp): Promise<void> {
  const before = readFileSync(path);
  const said = await say(words);
  expect(said.stderr.replace(/^warning: .*\n/gm, '')).toMatch(message);
  expect(said.code).toBe(2);
  expect(readFileSync(path).equals(before)).toBe(true);
}

const train = (...more: string[]): string[] => ['train', at('m.sealed'), ...trainerKeys, ...data, ...recipe, ...more];

beforeAll(async () => {
  const rows = Array.from({ length: 64 }, (_, i) => [Math.sin(i), Math.cos(7 * i)] as const);
  writeFileSync(at('rows.csv'), `a,b,y\n${rows.map(([a, b]) => `${a},${b},${a + b > 0 ? 1 : 0}`).join('\n')}\n`);
  writeFileSync(at('pw'), 'correct horse battery staple\n');
  await succeed('keygen', '--set', SET, ...passphrase, '--out', at('keys'), '--threads', '1');
  await succeed('keygen', '--set', SET, ...passphrase, '--out', at('other'), '--threads', '1');
  await succeed('init', ...data, ...layers, '--out', at('m.safetensors'));
  await succeed('seal', at('m.safetensors'), ...key, '--batch', '32', '--out', at('m.sealed'));
  await succeed('predict', at('m.sealed'), ...trainerKeys, ...data, '--rows', '0,1', '--out', at('p.sealed'));
});

describe('a file to write', () => {
  it('is never a key, of whatever kind, forced or not', async () => {
    for (const name of ['keys/owner.key', 'keys/trainer.keys', 'other/owner.key']) {
      const out = ['--out', at(name), '--force'];
      await keeps(
        at(name),
        ['open', at('m.sealed'), ...key, ...out],
        /is read by this command|is a key, which is never/,
      );
      await keeps(at(name), ['init', ...data, ...layers, ...out], /is a key, which is never written over/);
      await keeps(at(name), ['predict', at('m.sealed'), ...trainerKeys, ...data, ...out], /is read by|is a key/);
      await keeps(at(name), train(...out), /is read by|is a key/);
      await keeps(at(name), ['unlock', at('p.sealed'), ...key, '--rows', '0', ...out], /is read by|is a key/);
    }
  });

  it('is never one that the command reads, by whatever path', async () => {
    symlinkSync(at('m.sealed'), at('link'));
    linkSync(at('p.sealed'), at('twin'));
    const force = '--force';
    await keeps(
      at('rows.csv'),
      ['init', ...data, ...layers, '--out', at('rows.csv'), force],
      /is read by this command/,
    );
    await keeps(at('m.safetensors'), ['seal', at('m.safetensors'), ...key, '--out', at('m.safetensors')], /is read by/);
    await keeps(at('pw'), ['open', at('m.sealed'), ...key, '--out', at('pw'), force], /is read by/);
    await keeps(
      at('p.sealed'),
      ['unlock', at('p.sealed'), ...key, '--rows', '0', '--out', at('twin'), force],
      /is read by/,
    );
    await keeps(at('m.sealed'), train('--out', at('link'), force), /is read by/);
    const rekey = [
      'rekey',
      at('m.sealed'),
      '--from',
      at('keys/owner.key'),
      '--to',
      at('other/owner.key'),
      ...passphrase,
    ];
    await keeps(at('m.sealed'), [...rekey, '--out', at('link'), force], /is read by/);
  });

  it('is no Hermetic file of another kind, nor the count of answers', async () => {
    const open = ['open', at('m.sealed'), ...key, '--force', '--out'];
    await keeps(at('p.sealed'), [...open, at('p.sealed')], /of another kind \(sealed-predictions\).*remove this one/);
    await keeps(at('m.safetensors'), [...train('--force', '--out'), at('m.safetensors')], /is a plain model/);
    writeFileSync(at('new.unlocks'), '{"version":1}');
    await keeps(at('new.unlocks'), [...open, at('new.unlocks')], /the count of a key's answers/);
    writeFileSync(at('future'), 'HERMETIC and so on, in a version to come');
    await keeps(at('future'), [...open, at('future')], /a damaged Hermetic file, or one of a newer version/);
  });

  it('is another file only where --force says so', async () => {
    writeFileSync(at('notes.txt'), 'mine');
    const unlock = ['unlock', at('p.sealed'), ...key, '--private', '--out', at('notes.txt')];
    await keeps(at('notes.txt'), unlock, /notes.txt is there already. Name another file, or add --force/);
    await succeed(...unlock, '--force');
    expect(readFileSync(at('notes.txt'), 'utf8')).toMatch(/^row,label/);
    const init = ['init', ...data, ...layers, '--out', at('again.safetensors')];
    await succeed(...init);
    await keeps(at('again.safetensors'), init, /is there already.*--force/);
    await succeed(...init, '--force');
  });

  it('is refused before anything is counted or made', async () => {
    const said = await say(['unlock', at('p.sealed'), ...key, '--rows', '0', '--out', at('m.sealed')]);
    expect(said.code).toBe(2);
    expect(existsSync(at('keys/owner.key.unlocks'))).toBe(false);
  });
});

describe('hermetic train', () => {
  it('that is finished may be called again, and nothing else may take its place', async () => {
    const words = train('--checkpoint', at('run'), '--out', at('t.sealed'));
    await succeed(...words);
    expect((await succeed(...words)).json()).toMatchObject({ steps: 0 });
    expect((await say(words)).stdout).toMatch(/all 3 steps were taken before, loss locked/);
    await keeps(at('t.sealed'), train('--out', at('t.sealed')), /is there already/);
    await keeps(at('t.sealed'), train('--checkpoint', at('run2'), '--out', at('t.sealed')), /is there already/);
    await succeed(...train('--out', at('t.sealed'), '--force'));
    await keeps(at('t.sealed'), words, /is there already/);
  });
});

describe('the folder of a demonstration', () => {
  it('is new, empty, or that of an earlier one', async () => {
    await takeDemoFolder(at('demo'));
    writeFileSync(at('demo/report.json'), '{}');
    await takeDemoFolder(at('demo'));
    mkdirSync(at('mine'));
    writeFileSync(at('mine/thesis.tex'), '');
    await expect(takeDemoFolder(at('mine'))).rejects.toThrow(/mine holds files that are no demonstration's/);
  });
});
