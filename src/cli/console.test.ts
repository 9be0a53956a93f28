import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { colorsFor, visibleLength } from './colors.ts';
import { Console } from './console.ts';
import { Story, wrap } from './demo/story.ts';
import { Timeline } from './demo/timeline.ts';
import { lineReader } from './demo/trainer-process.ts';
import { failureOf } from './exit-codes.ts';
import { errorBits, formatBytes, formatCount, formatDuration, formatPercent } from './format.ts';
import { type Io, isLively, wantsColor } from './io.ts';
import { fraction, integer, part, positiveNumber, powerOfTwo, rowList } from './parsers.ts';
import { warnIfShort } from './passphrase.ts';
import { barOf, progressLine } from './progress.ts';
import { readOrMakeToken, readToken } from './token-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'hermetic-console-'));
afterAll(() => rmSync(folder, { recursive: true }));

function listen(): { io: Io; out: () => string; err: () => string } {
  let out = '';
  let err = '';
  const io: Io = {
    stdout: { write: (text) => void (out += text) },
    stderr: { write: (text) => void (err += text) },
    env: {},
    signal: new AbortController().signal,
    unheard: new AbortController().signal,
    askSecret: undefined,
  };
  return { io, out: () => out, err: () => err };
}

describe('numbers for people', () => {
  it.each([
    [0.4, '0 ms'],
    [950, '950 ms'],
    [6_840, '6.8 s'],
    [59_000, '59 s'],
    [156_000, '2m36s'],
    [3_900_000, '1h05m'],
    [Number.NaN, '–'],
  ])('%d ms', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it.each([
    [512, '512 B'],
    [4_230, '4.2 kB'],
    [999_600, '1.0 MB'],
    [150_216_365, '150 MB'],
  ])('%d bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('groups, rounds and counts bits', () => {
    expect(formatCount(1234567.8)).toBe('1,234,568');
    expect(formatPercent(0.87816)).toBe('87.82 %');
    expect(formatPercent(Number.NaN)).toBe('–');
    expect(errorBits(2 ** -20)).toBe(20);
    expect(errorBits(0)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('parsers', () => {
  it('take what is right', () => {
    expect(integer(0)('12')).toBe(12);
    expect(powerOfTwo(1, 1024)('256')).toBe(256);
    expect(positiveNumber('1e-3')).toBe(0.001);
    expect(part('2/3')).toEqual({ index: 2, parts: 3 });
    expect(rowList('0,5,17')).toEqual([0, 5, 17]);
    expect(rowList('0-2,9')).toEqual([0, 1, 2, 9]);
  });

  it('throw a HermeticError for everything else, and never give NaN', () => {
    const parsers = [integer(0, 100), powerOfTwo(1, 64), positiveNumber, fraction];
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.double().map(String), fc.constantFrom('NaN', 'Infinity', '0x10', '', ' ')),
        (word) => {
          for (const parse of parsers) {
            try {
              expect(Number.isFinite(parse(word))).toBe(true);
            } catch (error) {
              expect(error).toBeInstanceOf(HermeticError);
            }
          }
        },
      ),
    );
    expect(() => part('0/2')).toThrow(/such as 1\/2/);
    for (const bad of ['1,x', '3-1', '1-2-3', '0-1000000', '-1']) expect(() => rowList(bad)).toThrow(HermeticError);
  });
});

describe('Console', () => {
  it('puts results on stdout and the rest on stderr', () => {
    const { io, out, err } = listen();
    const console = new Console(io);
    console.result({ a: 1 }, () => 'one');
    console.note('by the way');
    console.warn('careful');
    expect(out()).toBe('one\n');
    expect(err()).toBe('by the way\nwarning: careful\n');
  });

  it('is quiet but for warnings, and gives JSON with the schema first', () => {
    const { io, out, err } = listen();
    const console = new Console(io, { json: true, quiet: true });
    console.result({ auc: Number.NaN }, () => 'never');
    console.note('never');
    console.warn('careful');
    console.progress({ unit: 'step', total: 3 }).update(1);
    expect(out()).toBe('{"schema":1,"auc":null}\n');
    expect(err()).toBe('warning: careful\n');
  });

  it('lets nobody paint the screen: not by a name, not in an error, not in JSON', async () => {
    const { io, out, err } = listen();
    const name = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e';
    const console = new Console(io);
    console.result({}, () => `${colorsFor({ write() {}, isTTY: true }, {}).bold('ours')} ${name}`);
    console.note(name);
    console.warn(name);
    new Console(io, { json: true }).result({ name }, () => '');
    let shown = [out(), err(), failureOf(new HermeticError('BAD_FILE', name)).message].join('');
    for (const ours of ['\n', '\u001b[1m', '\u001b[22m', '\u001b[0m']) shown = shown.replaceAll(ours, '');
    expect(shown).toMatch(/^[\x20-\x7e]*$/);
    expect(out()).toContain('\u001b[1mours');
    expect(JSON.parse(out().split('\n')[1])).toEqual({ schema: 1, name });
  });

  it('tells progress in a line every N steps where nobody watches', () => {
    const { io, err } = listen();
    const progress = new Console(io).progress({ unit: 'step', total: 40, every: 10 });
    for (let step = 1; step <= 40; step++) progress.update(step, 'loss locked');
    progress.stop();
    const lines = err().trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^step 10\/40 · .*\/step · ETA .* · loss locked$/);
    expect(lines[3]).toMatch(/^step 40\/40 · .*\/step · loss locked$/);
  });

  it('prints lines above a bar that is drawn, whole, and draws it again', () => {
    let text = '';
    const stderr = { write: (more: string) => void (text += more), isTTY: true, columns: 80 };
    const console = new Console({ ...listen().io, stderr });
    const progress = console.progress({ unit: 'step', total: 4 });
    progress.update(1);
    const before = text.length;
    console.warn('careful');
    const written = text.slice(before);
    // The line is cleared, wraps where it is long, and stands where the bar shall end.
    expect(written.startsWith('\r\u001b[2K\u001b[?7h')).toBe(true);
    const [line, bar] = written.split('\u001b7');
    expect(line).toMatch(/careful\n/);
    expect(bar).toContain('step 1/4');
    progress.stop();
    text = '';
    console.note('over');
    expect(text).toBe('over\n');
  });

  it('heeds NO_COLOR, CI and dumb terminals', () => {
    const terminal = { write: () => {}, isTTY: true };
    expect(wantsColor(terminal, {})).toBe(true);
    expect(wantsColor(terminal, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColor(terminal, { TERM: 'dumb' })).toBe(false);
    expect(wantsColor({ write: () => {} }, {})).toBe(false);
    expect(isLively(terminal, {})).toBe(true);
    expect(isLively(terminal, { CI: 'true' })).toBe(false);
  });

  it('keeps progress within the terminal', () => {
    const plain = colorsFor({ write: () => {} }, {});
    const options = { unit: 'step', total: 40 };
    const pace = { perUnit: 6_800, remaining: 156_000 };
    const line = progressLine(options, 17, pace, 'level 7/14 · refresh in 3 · loss locked', plain, 80);
    expect(line).toMatch(/^step 17\/40 (▕.+▏|·) 6\.8 s\/step · ETA 2m36s · level 7\/14 · refresh in 3 · loss locked$/);
    expect(line.length).toBeLessThan(80);
    expect(progressLine({ unit: 'MB', total: 150 }, 30, { perUnit: 20, remaining: 2400 }, '', plain)).toMatch(
      / 50 MB\/s /,
    );
    expect(progressLine(options, 40, pace, 'done', plain, 200)).toContain(`▕${'█'.repeat(20)}▏`);
  });

  it('draws bars of constant width', () => {
    const plain = colorsFor({ write: () => {} }, {});
    for (const share of [0, 0.01, 1 / 3, 0.5, 0.999, 1, 2]) expect(barOf(share, plain)).toHaveLength(22);
    expect(barOf(1, plain)).toBe(`▕${'█'.repeat(20)}▏`);
  });
});

describe('Story', () => {
  it('keeps within 80 columns, with the time at the right', () => {
    const { io, out } = listen();
    const story = new Story(new Console(io));
    story.chapter('owner', 'Keys');
    story.tell(`${'many words '.repeat(30)}end`, 6.1);
    const lines = out().trimEnd().split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines[lines.length - 1]).toMatch(/ 6\.1 s$/);
    expect(lines[lines.length - 1]).toHaveLength(80);
  });

  it('leaves stdout to JSON', () => {
    const { io, out, err } = listen();
    new Story(new Console(io, { json: true })).line('once upon a time');
    expect([out(), err()]).toEqual(['', 'once upon a time\n']);
  });

  it('wraps by what is seen', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(visibleLength('\u001b[1mbold\u001b[22m')).toBe(4);
  });
});

describe('Timeline', () => {
  it('keeps who did what and when', async () => {
    const timeline = new Timeline();
    expect(await timeline.phase('owner', 'think', () => 42)).toBe(42);
    timeline.add('trainer', 'train', 1, 2);
    expect(timeline.phases.map(({ name, actor }) => [name, actor])).toEqual([
      ['think', 'owner'],
      ['train', 'trainer'],
    ]);
    expect(timeline.lastSeconds).toBe(2);
  });
});

describe('lineReader', () => {
  it('gives whole lines however they arrive', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,9}$/)), fc.array(fc.nat(20)), (words, cuts) => {
        const text = words.map((word) => `${word}\n`).join('');
        const seen: string[] = [];
        const read = lineReader((line) => seen.push(line));
        let rest = text;
        for (const cut of cuts) {
          read(rest.slice(0, cut));
          rest = rest.slice(cut);
        }
        read(rest);
        expect(seen).toEqual(words);
      }),
    );
  });
});

describe('passphrases', () => {
  it('are warned of where they are short', () => {
    const { io, err } = listen();
    warnIfShort(new Console(io), 'short enough');
    expect(err()).toBe('');
    warnIfShort(new Console(io), 'hunter2');
    expect(err()).toMatch(/^warning: the passphrase has fewer than 12 characters/);
    expect(err()).not.toContain('hunter2');
  });
});

describe('token files', () => {
  it('are made once, for their owner alone', async () => {
    const path = join(folder, 'token');
    const first = await readOrMakeToken(path);
    expect(first.made).toBe(true);
    expect(first.token).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await readOrMakeToken(path)).toEqual({ token: first.token, made: false });
    expect(readFileSync(path, 'utf8').trim()).toBe(first.token);
  });

  it('are short', async () => {
    await expect(readToken('/dev/zero')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await expect(readToken(join(folder, 'none'))).rejects.toMatchObject({ code: 'DISK' });
  });

  it('must not be empty', async () => {
    writeFileSync(join(folder, 'empty'), '\n');
    await expect(readToken(join(folder, 'empty'))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});
