import { buildApplication, buildRouteMap, run } from '@stricli/core';
import { describe, expect, it } from 'vitest';
import { demoSeed, demoSeedImdb } from '../commands/demo-seed.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { Story } from '../demo/story.ts';
import type { Io } from '../io.ts';
import { studySeed, tellTraining, trainSeedPair } from './demo-seed.ts';
import { runSeedReviews } from './demo-seed-imdb.ts';
import type { ReviewTask } from './review-words.ts';
import { tableLine } from './table.ts';
import { CORRECTED, ORIGINAL } from './xor-network.ts';

interface Heard {
  readonly io: Io;
  stdout: string;
  stderr: string;
}

function listen(): Heard {
  const heard = { stdout: '', stderr: '' };
  const io: Io = {
    stdout: { write: (text: string) => void (heard.stdout += text) },
    stderr: { write: (text: string) => void (heard.stderr += text) },
    env: {},
    signal: new AbortController().signal,
    unheard: new AbortController().signal,
    askSecret: undefined,
  };
  return Object.assign(heard, { io });
}

async function say(...words: string[]): Promise<Heard> {
  const heard = listen();
  const routes = { seed: demoSeed, 'seed-imdb': demoSeedImdb };
  const root = buildRouteMap<string, HermeticContext>({ routes, docs: { brief: 'demo' } });
  const { stdout, stderr } = heard.io;
  await run(buildApplication(root, { name: 'demo' }), words, { process: { stdout, stderr, env: {} }, io: heard.io });
  return heard;
}

describe('hermetic demo seed', () => {
  it('tells what was published beside what it finds, and that the scheme is broken', async () => {
    const { stdout, stderr } = await say('seed');
    expect(stderr).toMatch(/warning: the scheme .vector. hides nothing.*hermetic break vector/);
    const published = [...stdout.matchAll(/^loss, iteration (\d+) +([\d.]+) /gm)].map(([, at, loss]) => [+at, +loss]);
    expect(published).toEqual([
      [0, 2.529],
      [10, 2.071],
      [50, 1.829],
      [100, 1.769],
      [200, 1.605],
      [276, 0.732],
    ]);
    expect(stdout).toMatch(/^loss, iteration 0 +2\.529 +2\.5\d\d +2\.530$/m);
    expect(stdout).toMatch(/^loss, iteration 100 +1\.769 +1\.7\d\d +1\.782$/m);
    expect(stdout).toMatch(/hidden layer\s+learns at 15 where \.015 was meant/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('gives one JSON object, studies included', async () => {
    const { stdout } = await say('seed', '--corrected', '--draws', '2', '--json', '--quiet');
    const result = JSON.parse(stdout) as Record<string, unknown>;
    expect(result).toMatchObject({
      demo: 'seed',
      scheme: 'vector',
      broken: 'hermetic break vector',
      network: 'corrected',
      sealed: { converged: true, diverged: false },
      studies: [{ network: 'corrected', weights: 'drawn', draws: 2, converged: 2 }],
    });
  });

  it('tells of a run that ran away, in columns', () => {
    const heard = listen();
    const pair = trainSeedPair(ORIGINAL, 10);
    expect(pair.sealed.diverged).toBe(true);
    tellTraining(new Story(new Console(heard.io)), ORIGINAL, pair);
    expect(heard.stdout).toMatch(/^learned +no/m);
    expect(heard.stdout).toMatch(/^ +ran away @\d+ +noise of these keys/m);
    for (const line of heard.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(heard.stdout).not.toMatch(/NaN|undefined/);
  });

  it('studies stop when they are told to', async () => {
    await expect(studySeed(CORRECTED, 'drawn', 2, AbortSignal.abort())).rejects.toThrow('stopped');
  });
});

describe('hermetic demo seed-imdb', () => {
  const rows = Array.from({ length: 40 }, (_, i) => Int32Array.of(i % 2, 2 + (i % 3)));
  const words = { rows, labels: Int32Array.from(rows, (_, i) => i % 2) };
  const task: ReviewTask = { vocabulary: ['bad', 'good', 'a', 'b', 'c'], train: words, test: words };

  it('tells both networks, tested on what they have not seen', async () => {
    const heard = listen();
    const outcomes = await runSeedReviews({ console: new Console(heard.io), reviews: 30, task });
    expect(outcomes.map(({ network }) => network)).toEqual(['original', 'corrected']);
    expect(heard.stdout).toMatch(/^test, opened +– +100\.0 % +100\.0 %$/m);
    expect(heard.stdout).toMatch(/30 reviews, one a step;\s+40 to test on/);
    expect(heard.stderr).toMatch(/hides nothing/);
    for (const line of heard.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('gives one JSON object', async () => {
    const heard = listen();
    await runSeedReviews({ console: new Console(heard.io, { json: true, quiet: true }), reviews: 99, task });
    expect(JSON.parse(heard.stdout)).toMatchObject({
      demo: 'seed-imdb',
      reviews: 40,
      words: 5,
      networks: [{ network: 'original', sealed: { testAccuracy: 1 } }, { network: 'corrected' }],
    });
  });
});

it('tables keep their columns', () => {
  expect(tableLine(['a', 'b', 'c'])).toBe(`a${' '.repeat(25)}${' '.repeat(12)}b${' '.repeat(12)}c`);
});
