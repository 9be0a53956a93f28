/**
 * A training process that is interrupted, killed, locked out or left alone by its owner: it says so in one line, and the
 * same command again ends where the recipe ends in the clear, with no step lost or done twice.
 */

import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainingRecipe } from '../src/nn/architecture.ts';
import { createRefreshService } from '../src/owner/owner-refresh.ts';
import type { RefreshService } from '../src/owner/refresh-service.ts';
import { createRefreshServer, hashToken, type Listener, listen } from '../src/server/index.ts';
import { freePort } from './fixtures/postgres.ts';
import { largestDifference } from './fixtures/sealed-round.ts';
import { makeWorkshop, type Running, type Said, type Workshop } from './fixtures/workshop.ts';

const STEPS = 5;
const TOLERANCE = 2 ** -12;
const TOKEN = 'a-token';

let shop: Workshop;
let service: RefreshService;
let listener: Listener;
/** Called with the number of each refresh call, before it is answered; what it returns is answered instead. */
let onCall: (call: number) => Promise<Uint8Array | undefined> | Uint8Array | undefined;
let calls: number;

beforeAll(async () => {
  shop = await makeWorkshop();
  await writeFile(shop.at('token'), TOKEN);
  service = createRefreshService(shop.owner);
  listener = await serve(0);
}, 60_000);
afterAll(async () => {
  await listener.close();
  await shop.close();
});

async function serve(port: number): Promise<Listener> {
  const answer = async (party: string, request: Uint8Array): Promise<Uint8Array> => {
    const instead = await onCall(++calls);
    return instead ?? service.answer(party, request);
  };
  const { maxRequestBytes } = service;
  const parties = [{ name: 'trainer', tokenHash: await hashToken(TOKEN) }];
  return listen(createRefreshServer({ answer, maxRequestBytes }, { parties }), { port });
}

/** Starts a training with the checkpoint folder `run`, whose model becomes `run`.sealed. */
function train(run: string, options: { url?: string; limit?: number } = {}): Running {
  const { url = listener.url, limit } = options;
  const recipe = `--batch 16 --steps ${STEPS} --learning-rate 0.2 --momentum 0.9 --threads 1`;
  const files = `--data data.csv --keys trainer.keys --token-file token --checkpoint ${run} --out ${run}.sealed`;
  return shop.start(`train model.sealed ${files} ${recipe} --refresh ${url} --json`.split(' '), limit);
}

function watch(hook: typeof onCall = () => undefined): void {
  calls = 0;
  onCall = hook;
}

/** The run has ended well, and its weights are those of the twin. */
async function expectTwin(run: string, said: Said): Promise<void> {
  expect(said.stderr.filter((line) => line.startsWith('error'))).toEqual([]);
  expect(said.code).toBe(0);
  const { recipe } = JSON.parse(said.stdout) as { recipe: TrainingRecipe };
  expect(recipe.steps).toBe(STEPS);
  expect(largestDifference([...(await shop.weights(`${run}.sealed`))], await shop.twin(recipe))).toBeLessThan(
    TOLERANCE,
  );
}

function expectOneLine({ code, stderr }: Said, wanted: number, message: RegExp): void {
  const lines = stderr.filter((line) => /^(error|stopped): /.test(line));
  expect(lines, stderr.join('\n')).toHaveLength(1);
  expect(lines[0]).toMatch(message);
  expect(stderr.join('\n')).not.toMatch(/^ +at /m);
  expect(code).toBe(wanted);
}

const untilTrue = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
};

describe('a run that is killed', () => {
  const newest = (run: string): number => Number(/\d+/.exec(shop.list(run).at(-1) ?? '0')?.[0]);
  const writing = (run: string): boolean => shop.list(run).some((name) => name.endsWith('.tmp'));
  /** When to pull the plug, once the call has come in. */
  const moments: [string, (kill: () => void, run: string) => void][] = [
    ['before the owner answers', (kill) => kill()],
    ['while a checkpoint is written', (kill, run) => void untilTrue(() => writing(run) || newest(run) >= 2).then(kill)],
    ['as soon as a checkpoint is there', (kill, run) => void untilTrue(() => newest(run) >= 2).then(kill)],
    ['amid the next step', (kill, run) => void untilTrue(() => newest(run) >= 2).then(() => setTimeout(kill, 15))],
  ];

  it.each(moments)('%s', async (moment, plan) => {
    const run = `killed-${moment.replaceAll(' ', '-')}`;
    watch(async (call) => {
      if (call === 2) plan(() => child.kill('SIGKILL'), run);
      // However slow the executioner, the run gets no further than this.
      if (call > 2) await said;
      return undefined;
    });
    const { child, said } = train(run);
    expect((await said).code).toBeUndefined();
    expect(shop.list('.')).not.toContain(`${run}.sealed`);
    const kept = newest(run);
    expect(kept).toBeGreaterThanOrEqual(1);
    watch();
    await expectTwin(run, await train(run).said);
    // One call a step that was not in the checkpoint: nothing was done twice.
    expect(calls).toBe(STEPS - kept);
    const checkpoints = [STEPS - 1, STEPS].map((step) => `step-00000${step}.checkpoint`);
    expect(shop.list(run)).toEqual([...checkpoints, 'written-model']);
    expect(shop.list('.').filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('Ctrl-C', () => {
  it('finishes the step, keeps it, and ends with 130; the same command goes on', async () => {
    watch((call) => {
      if (call === 2) child.kill('SIGINT');
      return undefined;
    });
    const { child, said } = train('stopped');
    expectOneLine(await said, 130, /^stopped: .*after step 2 of 5\. The same command again goes on from there/);
    expect(shop.list('stopped')).toContain('step-000002.checkpoint');
    watch();
    const again = await train('stopped').said;
    expect(again.stderr.join('\n')).toMatch(/going on after step 2/);
    await expectTwin('stopped', again);
    expect(calls).toBe(3);
  });
});

describe('a checkpoint folder', () => {
  it('is for one run at a time', async () => {
    let second: Said | undefined;
    watch(async (call) => {
      if (call === 1) second = await train('shared').said;
      return undefined;
    });
    await expectTwin('shared', await train('shared').said);
    expectOneLine(second as Said, 1, /another run is at work in shared\. Wait/);
  });

  it('on a full disk loses nothing', async () => {
    watch((call) => {
      if (call === 3) child.kill('SIGKILL');
      return undefined;
    });
    const { child, said } = train('full');
    await said;
    const kept = shop.list('full');
    watch();
    expectOneLine(await train('full', { limit: 8 }).said, 1, /cannot write full\/step-000003\.checkpoint \(EFBIG\)/);
    expect(shop.list('full')).toEqual(kept);
    await expectTwin('full', await train('full').said);
  });
});

describe('an owner', () => {
  it('who goes away and comes back is waited for', async () => {
    // Its port is free for a moment: not one that the system would give to somebody else.
    const own = await serve(await freePort());
    watch((call) => {
      // The connection is cut without an answer; a second later the server is there again.
      if (call === 3)
        void own.close().then(async () => {
          back = await serve(own.port);
        });
      return call === 3 ? new Promise(() => {}) : undefined;
    });
    let back: Listener | undefined;
    const said = await train('patient', { url: own.url }).said;
    expect(said.stderr.join('\n')).toMatch(/warning: the owner's server .* cannot be reached; attempt 2/);
    await expectTwin('patient', said);
    await back?.close();
  });

  it('who is away, lies or fails is given up, and the run can go on later', { timeout: 60_000 }, async () => {
    watch((call) => (call <= 2 ? undefined : crypto.getRandomValues(new Uint8Array(5000))));
    const lies = train('lies').said;
    await untilTrue(() => calls > 2);
    const away = train('away', { url: 'http://127.0.0.1:9' }).said;
    expectOneLine(await lies, 1, /answer is nonsense \(this is not a Hermetic file.*same command again/);
    expectOneLine(await away, 1, /127\.0\.0\.1:9 cannot be reached\. Check that `hermetic serve` runs/);
    expect(shop.list('lies')).toEqual(['step-000001.checkpoint', 'step-000002.checkpoint']);
    expect(shop.list('away')).toEqual([]);
    watch();
    await expectTwin('lies', await train('lies').said);
    expect(calls).toBe(3);
  });

  it('who does not know the token, or holds another key, is named as such', async () => {
    watch();
    await writeFile(shop.at('token'), 'another');
    expectOneLine(await train('denied').said, 4, /does not know the token.*--token-file/);
    await writeFile(shop.at('token'), TOKEN);
    const files = '--keys stranger.keys --data data.csv --checkpoint foreign --out foreign.sealed';
    const recipe = '--batch 16 --steps 1 --learning-rate 0.1 --threads 1';
    await shop.run(
      'seal model.safetensors --key stranger.key --passphrase-file pw --batch 16 --out s.sealed'.split(' '),
    );
    const words = `train s.sealed ${files} ${recipe} --refresh ${listener.url} --token-file token`;
    expectOneLine(await shop.run(words.split(' ')), 3, /holds another key/);
  });
});
