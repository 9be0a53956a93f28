import { buildApplication, run, type StricliProcess } from '@stricli/core';
import { describe, expect, it } from 'vitest';
import type { HermeticContext } from '../context.ts';
import type { Io } from '../io.ts';
import { breakCommands } from './break.ts';

interface Said {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

async function say(words: string): Promise<Said> {
  const said = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      said[name] += text;
    },
  });
  const [stdout, stderr] = [stream('stdout'), stream('stderr')];
  const never = new AbortController().signal;
  const io: Io = { stdout, stderr, env: {}, signal: never, unheard: never, askSecret: undefined };
  const process: StricliProcess = { stdout, stderr, env: {} };
  const context: HermeticContext = { process, io };
  await run(buildApplication<HermeticContext>(breakCommands, { name: 'break' }), words.split(' '), context);
  return { code: process.exitCode, ...said };
}

describe('hermetic break', () => {
  it.each([
    ['unlock --set insecure-9-1-1', 'unlock', 6],
    ['refresh --set insecure-7-1-1 --calls 50', 'refresh', 2],
    ['cpad --set insecure-9-1-1', 'cpad', 3],
  ])('%s gives one object', async (words, attack, trials) => {
    const { code, stdout } = await say(`${words} --threads 1 --json --quiet`);
    const report = JSON.parse(stdout) as Record<string, unknown> & { trials: { against: string; opened: boolean }[] };
    expect(report).toMatchObject({ schema: 1, attack, paper: expect.any(String), rule: expect.any(String) });
    expect(report.trials).toHaveLength(trials);
    expect(report.trials[0]).toMatchObject({ against: 'unsafe', opened: true, right: 1, asClaimed: true });
    expect(report.asClaimed).toBe(true);
    expect(code).toBe(0);
  });

  it.each([
    ['cpad --set insecure-9-1-1 --threads 1', '2020/1533', ['closed', 'N = 512']],
    ['unlock --set insecure-9-1-1 --threads 1', '2014/535', ['closed', 'N = 512']],
    [
      'vector --keys 200',
      '2016/775',
      [
        '200 of 200 secret keys, exactly',
        'Least squares',
        'A guess of one error',
        'chosen ciphertexts',
        'every weight',
      ],
    ],
    ['yashe --keys 1', '2016/127', ['1 of 1 secret keys, exactly', 'every weight', 'N = 32']],
  ])('explains itself within 80 columns: %s', async (attack, paper, words) => {
    const { code, stdout } = await say(attack);
    expect(code).toBe(0);
    for (const word of ['Knows', 'Asks', 'Why it works', 'OPEN', ...words, paper, 'SECURITY.md']) {
      expect(stdout).toContain(word);
    }
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('gives the verdict alone when quiet', async () => {
    const { stdout, stderr } = await say('cpad --set insecure-9-1-1 --threads 1 --quiet');
    expect(stdout.trim().split('\n')).toHaveLength(4);
    expect(stderr).toBe('');
  });

  it('refuses an unknown set', async () => {
    const { code, stdout } = await say('cpad --set L99');
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
  });
});
