import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { HermeticError } from '../base/errors.ts';
import { exitCodes, failureOf } from './exit-codes.ts';
import { wrapHelp } from './help-text.ts';
import { say } from './memory-io.ts';

const COMMANDS =
  'keygen init seal serve train open evaluate predict unlock rekey simulate inspect demo bench completion'.split(' ');

describe('help', () => {
  it.each(['--hepl', '--halp'])('is what %s means', async (word) => {
    expect((await say(['train', word])).stderr).toMatch(/Did you mean --help\?/);
  });

  const nested = [
    'service invite',
    'service create',
    'demo xor',
    'break unlock',
    'store move',
    'worker',
    'request-unlock',
  ];

  it.each(['', ...COMMANDS, ...nested])('%s keeps within 80 columns', async (command) => {
    const { code, stdout } = await say([...command.split(' ').filter(Boolean), '--help']);
    expect(code).toBe(0);
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it('fills paragraphs, and goes on under the words of a table', () => {
    const long = `${'word '.repeat(20)}end`;
    const text = `USAGE\n  hermetic x\n\n${long}\n${long}\n\n  hermetic y ${long}\n\nFLAGS\n  --a  ${long}   [default = false]\n`;
    const lines = wrapHelp(text, 60).split('\n');
    expect(lines.slice(3, 5)).toEqual(['word '.repeat(12).trim(), `${'word '.repeat(8)}end word word word`]);
    expect(lines.find((line) => line.startsWith('  hermetic y'))).toMatch(/^ {2}hermetic y word .* \\$/);
    const table = lines.slice(lines.indexOf('FLAGS') + 1);
    expect(table[0]).toMatch(/^ {2}--a {2}word/);
    expect(table[1]).toMatch(/^ {7}word/);
    expect(table.join(' ')).not.toMatch(/default/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
  });
});

describe('hermetic completion', () => {
  const home = mkdtempSync(join(tmpdir(), 'hermetic-home-'));
  afterAll(() => rmSync(home, { recursive: true }));
  const env = { HOME: home, SHELL: '/bin/bash' };

  it('says why it cannot be installed', async () => {
    const fish = await say(['completion', 'install'], { env: { HOME: home, SHELL: '/bin/fish' } });
    expect([fish.code, fish.stderr]).toEqual([2, expect.stringContaining('got SHELL=/bin/fish')]);
    const bare = await say(['completion', 'install'], { env });
    expect([bare.code, bare.stderr]).toEqual([1, expect.stringMatching(/there is no .*\.bashrc.*touch/)]);
  });

  it('is written into .bashrc, and taken out', async () => {
    writeFileSync(join(home, '.bashrc'), 'alias ll="ls -l"\n');
    const installed = await say(['completion', 'install'], { env });
    expect([installed.code, installed.stdout]).toEqual([0, expect.stringContaining('Restart bash')]);
    expect(readFileSync(join(home, '.bashrc'), 'utf8')).toMatch(/^alias ll.*\n(.*\n)*complete .* hermetic/);
    expect((await say(['completion', 'uninstall'], { env })).code).toBe(0);
    expect(readFileSync(join(home, '.bashrc'), 'utf8')).not.toMatch(/hermetic/);
  });
});

describe('hermetic', () => {
  it('lists every command and the exit codes', async () => {
    const { code, stdout, stderr } = await say(['--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ +${command} +\\S`, 'm'));
    expect(stdout).toContain('130 interrupted');
  });

  it.each(COMMANDS)('says how %s is used', async (command) => {
    const { code, stdout } = await say([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`hermetic ${command}`);
  });

  it('tells its version', async () => {
    const { code, stdout } = await say(['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('proposes what an unknown command may have meant', async () => {
    const { code, stdout, stderr } = await say(['inspet', 'x']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe("error: there is no command 'inspet'. Did you mean 'inspect'?\n");
  });

  it('proposes nothing where nothing is alike', async () => {
    const { code, stderr } = await say(['break', 'foo']);
    expect(code).toBe(2);
    expect(stderr).toBe("error: there is no command 'foo'. hermetic --help lists the commands.\n");
  });

  it.each([
    [['evaluate', 'm', '--date', 'x'], /there is no option --date. Did you mean --data\?/],
    [['evaluate', 'm'], /the option --data is missing/],
    [['evaluate', '--data', 'x'], /the argument .*model\.safetensors.* is missing/],
    [['inspect', 'a', 'b'], /one word too many: 'b'/],
    [['init', '--data', 'x', '--out', 'y', '--seed', 'NaN'], /--seed.*whole number.*got 'NaN'/],
    [['init', '--data', 'x', '--out', 'y', '--seed', '1.5'], /--seed.*whole number.*got '1.5'/],
    [['init', '--data', 'x', '--out', 'y', '--recipe', 'imbd'], /imdb/],
    [['simulate', 'm', '--data', 'x', '--batch', '100'], /--batch.*power of two/],
    [['simulate', 'm', '--data', 'x', '--learning-rate', '-1'], /--learning-rate.*above 0/],
    [['simulate', 'm', '--data', 'x', '--momentum', '1'], /--momentum.*below 1/],
    [['evaluate', 'm', '--data', 'x', '--part', '3/2'], /--part.*such as 1\/2/],
    [['train', 'm', '--keys', 'k', '--data', 'd', '--out', 'o', '--refresh', 'ftp://x'], /--refresh.*http/],
  ])('refuses %j as usage, in one line', async (words, message) => {
    const { code, stdout, stderr } = await say(words);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('tells errors as JSON too where JSON is asked for', async () => {
    const said = await say(['inspect', '/no/such/file', '--json']);
    expect(said.code).toBe(1);
    expect(said.json()).toMatchObject({ schema: 1, error: { code: 'DISK', exitCode: 1 } });
    expect((said.json().error as { mend: string }).mend).toContain('check the path');
    expect(said.stderr).toMatch(/^error: cannot read \/no\/such\/file/);
    const usage = await say(['inspect', '--json']);
    expect(usage.json()).toMatchObject({ schema: 1, error: { code: 'USAGE', exitCode: 2 } });
  });

  it('shows a stack only where it is asked for', async () => {
    expect((await say(['inspect', '/no/such'])).stderr).not.toContain('    at ');
    expect((await say(['inspect', '/no/such'], { env: { HERMETIC_DEBUG: '1' } })).stderr).toContain('    at ');
  });

  it('completes commands and options', async () => {
    const commands = await say(['complete', 'hermetic', 'se']);
    expect(commands.stdout.split('\n')).toEqual(expect.arrayContaining(['seal', 'serve']));
    expect(commands.stdout).not.toContain('train');
    const options = await say(['complete', 'hermetic', 'seal', '--pass']);
    expect(options.stdout).toContain('--passphrase-file');
    const next = await say(['complete', 'hermetic', 'demo'], { env: { COMP_LINE: 'hermetic demo ' } });
    expect(next.stdout).toContain('mnist38');
  });
});

describe('exit codes', () => {
  it.each([
    ['BAD_ARGUMENT', 2],
    ['BAD_DATA', 1],
    ['BAD_FILE', 3],
    ['WRONG_KEY', 3],
    ['WRONG_PASSPHRASE', 3],
    ['POLICY_DENIED', 4],
    ['LEVELS_EXHAUSTED', 5],
    ['PLAN_REFUSED', 5],
    ['REFRESH_FAILED', 1],
    ['DISK', 1],
    ['ABORTED', 130],
  ] as const)('%s ends with %i', (code, exitCode) => {
    const failure = failureOf(new HermeticError(code, 'this', { mend: 'Do that.\nOr that.' }));
    expect(failure).toMatchObject({ code, exitCode, message: 'this. Do that. Or that.', mend: 'Do that.\nOr that.' });
  });

  it('knows an abort and exhausted memory by what the platform throws', () => {
    expect(failureOf(new DOMException('x', 'AbortError')).exitCode).toBe(exitCodes.interrupted);
    expect(failureOf(new RangeError('Array buffer allocation failed')).code).toBe('OUT_OF_MEMORY');
    expect(failureOf(new TypeError('bug'))).toMatchObject({ code: 'UNEXPECTED', exitCode: 1 });
    expect(failureOf('a string').message).toBe('a string');
  });
});
