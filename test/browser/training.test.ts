/** Training in a real browser: the same result as in Node, over reloads, with threads where the page is isolated. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TrainingRecipe } from '../../src/nn/architecture.ts';
import type { TrainedModel, TrainProgress } from '../../web/training/api.ts';
import {
  chromiumPath,
  launchChromium,
  needsChromium,
  type PageServer,
  servePage,
  watchErrors,
} from '../fixtures/chromium.ts';
import { largestDifference } from '../fixtures/sealed-round.ts';
import { buildTestPage, makePageOwner, type PageOwner, TOKEN } from '../fixtures/training-page.ts';

const BATCH = 16;
const recipe: TrainingRecipe = {
  loss: 'delta',
  learningRate: 0.2,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 0,
  schedule: { kind: 'constant' },
  batch: BATCH,
  steps: 4,
  firstStep: 0,
  seed: 5,
};
/** As in test/sealed-round.test.ts, where Node trains the same network on the same ring. */
const TOLERANCE = 2 ** -12;

/** A page is built and a browser started, on a machine that may be busy. */
const SLOW_MS = 180_000;

describe.skipIf(chromiumPath === undefined)(`training in Chromium${needsChromium}`, () => {
  let owner: PageOwner;
  let browser: Browser;
  let page: Page;
  let site: Awaited<ReturnType<typeof buildTestPage>>;
  let servers: Record<'isolated' | 'plain', PageServer>;
  let errors: string[];

  beforeAll(async () => {
    [owner, browser, site] = await Promise.all([makePageOwner(BATCH), launchChromium(), buildTestPage()]);
    const { folder } = site;
    const { service } = owner;
    servers = {
      isolated: await servePage({ folder, service }),
      plain: await servePage({ folder, service, isolated: false }),
    };
  }, SLOW_MS);
  afterAll(async () => {
    await browser?.close();
    await Promise.all([servers?.isolated.close(), servers?.plain.close(), site?.remove()]);
    owner?.dispose();
  });
  afterEach(async () => {
    owner.delayMs = 0;
    owner.answersLeft = Number.POSITIVE_INFINITY;
    await page.context().close();
    expect(errors).toEqual([]);
  });

  async function visit(server: 'isolated' | 'plain' = 'isolated'): Promise<void> {
    page = await (await browser.newContext()).newPage();
    errors = watchErrors(page);
    await page.goto(`${servers[server].url}/`);
  }

  const accessOf = () => ({
    service: { url: new URL(page.url()).origin, token: TOKEN },
    files: owner.files,
  });

  const load = (threads?: number) =>
    page.evaluate((request) => training.load(request), {
      ...accessOf(),
      ...(threads !== undefined && { threads }),
    });

  const readCsv = (csv: string = owner.csv, purpose: 'train' | 'predict' = 'train') =>
    page.evaluate(([csv, purpose]) => training.data({ name: 'rows.csv', csv: new Blob([csv]), purpose }), [
      csv,
      purpose,
    ] as const);

  type Trained = Omit<TrainedModel, 'file'> & { readonly base64: string; readonly progress: TrainProgress[] };

  /** Trains, or goes on with a run, and brings the file here. */
  const train = (what: TrainingRecipe | string): Promise<Trained> =>
    page.evaluate(async (what) => {
      const progress: TrainProgress[] = [];
      const options = { onProgress: (now: TrainProgress) => progress.push(now) };
      const { file, ...rest } =
        typeof what === 'string'
          ? await training.resume(what, options)
          : await training.train({ recipe: what, report: false }, options);
      const bytes = new Uint8Array(await file.arrayBuffer());
      let text = '';
      for (const byte of bytes) text += String.fromCharCode(byte);
      return { ...rest, base64: btoa(text), progress };
    }, what);

  const weightsOf = ({ base64 }: Trained) => owner.open(new Uint8Array(Buffer.from(base64, 'base64')));

  async function expectTrained(trained: Trained, steps: number): Promise<void> {
    const twin = owner.twin({ ...recipe, steps });
    expect(largestDifference(await weightsOf(trained), twin)).toBeLessThan(TOLERANCE);
    expect(trained.recipe).toEqual({ ...recipe, steps });
  }

  it('gives what the twin learns, on two threads, and counts every byte', async () => {
    await visit();
    expect(await page.evaluate(() => training.environment())).toMatchObject({ isolated: true, storage: 'disk' });
    const network = await load(2);
    expect(network).toMatchObject({ threads: 2, batch: BATCH, insecure: true, features: 6 });
    expect(network.downloaded).toBe(owner.files.keys.bytes + owner.files.model.bytes);
    await readCsv();
    const before = { ...owner.traffic };
    const trained = await train(recipe);
    await expectTrained(trained, 4);
    const { received, sent, refreshes } = owner.traffic;
    expect(trained.traffic).toEqual({
      sent: received - before.received,
      received: sent - before.sent,
      refreshes: refreshes - before.refreshes,
    });
    expect(trained.traffic.refreshes).toBe(4);
    const { progress } = trained;
    expect(progress.map(({ step }) => step)).toEqual(progress.map(({ step }) => step).toSorted((a, b) => a - b));
    expect(progress.at(-1)).toMatchObject({ step: 4, steps: 4, state: 'finishing' });
    expect(new Set(progress.map(({ phase }) => phase))).toContain('backward');
    expect(trained.dataDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(trained.privacy).toBeUndefined();
    // The result is kept, and predicts.
    await readCsv(owner.csv, 'predict');
    const [kept, predictions] = await page.evaluate(
      async (run) => [await training.trained(run), await training.predict({ run })] as const,
      trained.run,
    );
    expect(kept?.modelId).toBe(trained.modelId);
    expect(predictions).toMatchObject({ modelId: trained.modelId, rows: 64 });
  });

  it('has one thread where the page is not isolated, and the same result', async () => {
    await visit('plain');
    expect(await page.evaluate(() => training.environment())).toMatchObject({ isolated: false, threads: 1 });
    expect((await load()).threads).toBe(1);
    await readCsv();
    await expectTrained(await train(recipe), 4);
  });

  it('goes on after a reload amid a step, and does not download again', async () => {
    await visit();
    await load();
    await readCsv();
    // However late the reload comes, the run gets no further than this.
    owner.answersLeft = 3;
    const steps = 12;
    await page.evaluate(
      async (recipe) => {
        await new Promise<void>((resolve, reject) => {
          const onProgress = ({ step, phase }: TrainProgress) => {
            if (step >= 3 && phase === 'loss') resolve();
          };
          training.train({ recipe, report: false }, { onProgress }).catch(reject);
        });
      },
      { ...recipe, steps },
    );
    const { keys, model } = owner.downloads;
    await page.reload();
    owner.answersLeft = Number.POSITIVE_INFINITY;
    const [run] = await page.evaluate(() => training.runs());
    expect(run).toMatchObject({ steps, finished: false, busy: false, data: { name: 'rows.csv', rows: 64 } });
    expect(run.step).toBeGreaterThanOrEqual(3);
    expect(run.step).toBeLessThan(steps);
    expect((await load()).downloaded).toBe(0);
    expect(owner.downloads).toEqual({ keys, model });
    const trained = await train(run.run);
    expect(trained.progress.find(({ note }) => note?.startsWith('going on after'))?.step).toBe(run.step);
    await expectTrained(trained, steps);
    // The copy of the data and the checkpoints are gone, the result is kept.
    const kept = await page.evaluate(async (run) => {
      const root = await navigator.storage.getDirectory();
      const folder = await (
        await (await root.getDirectoryHandle('hermetic')).getDirectoryHandle('runs')
      ).getDirectoryHandle(run);
      const names: string[] = [];
      for await (const name of folder.keys()) names.push(name);
      return names.toSorted();
    }, run.run);
    expect(kept).toEqual(['run.json', 'trained.sealed']);
  });

  it('holds, goes on and stops between steps, and keeps a second tab out', async () => {
    await visit();
    await load();
    await readCsv();
    owner.delayMs = 30;
    const states = await page.evaluate(
      async ([recipe, access]) => {
        const seen: string[] = [];
        let paused = () => {};
        const untilPaused = new Promise<void>((resolve) => {
          paused = resolve;
        });
        const stop = new AbortController();
        const onProgress = ({ state, step }: TrainProgress) => {
          if (seen.at(-1) !== state) seen.push(state);
          if (state === 'running' && step === 1 && !seen.includes('paused')) void training.pause();
          if (state === 'paused') paused();
          if (state === 'running' && step === 4) stop.abort();
        };
        const running = training.train({ recipe, report: false }, { onProgress, signal: stop.signal });
        const ended = running.then(
          () => 'done',
          (error: { code?: string }) => error.code ?? 'unknown',
        );
        await untilPaused;
        const second = new TrainingWorkerOfPage();
        const [{ run, busy }] = await second.runs();
        await second.load(access);
        const refused = await second.resume(run).then(
          () => 'done',
          (error: { code?: string }) => error.code ?? 'unknown',
        );
        second.close();
        const wasHeld = await training.continue();
        return { ended: await ended, seen, busy, refused, wasHeld };
      },
      // So many that it has not ended by itself, however late it is told to stop.
      [{ ...recipe, steps: 500 }, accessOf()] as const,
    );
    expect(states).toMatchObject({ ended: 'ABORTED', busy: true, refused: 'DISK', wasHeld: true });
    expect(states.seen.slice(0, 5)).toEqual(['checking', 'running', 'pausing', 'paused', 'running']);
    expect(states.seen.at(-1)).toBe('stopping');
    const [run] = await page.evaluate(() => training.runs());
    expect(run).toMatchObject({ finished: false, busy: false });
    await page.evaluate((run) => training.discard(run), run.run);
    expect(await page.evaluate(() => training.runs())).toEqual([]);
  });
});
