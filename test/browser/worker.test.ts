/** What the training worker says of data before it trains, what it predicts, and what its storage promises. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataReport } from '../../web/training/api.ts';
import {
  chromiumPath,
  launchChromium,
  needsChromium,
  type PageServer,
  servePage,
  watchErrors,
} from '../fixtures/chromium.ts';
import { buildTestPage, makePageOwner, type PageOwner, TOKEN } from '../fixtures/training-page.ts';

type Told = { readonly code?: string; readonly message: string; readonly got?: string; readonly mend?: string };

/** A page is built and a browser started, on a machine that may be busy. */
const SLOW_MS = 180_000;

describe.skipIf(chromiumPath === undefined)(`the training worker in Chromium${needsChromium}`, () => {
  let owner: PageOwner;
  let browser: Browser;
  let server: PageServer;
  let page: Page;
  let site: Awaited<ReturnType<typeof buildTestPage>>;
  let errors: string[];

  beforeAll(async () => {
    [owner, browser, site] = await Promise.all([makePageOwner(16), launchChromium(), buildTestPage()]);
    server = await servePage({ folder: site.folder, service: owner.service });
    page = await browser.newPage();
    errors = watchErrors(page);
    await page.goto(`${server.url}/`);
    await load();
  }, SLOW_MS);
  afterAll(async () => {
    await browser?.close();
    await Promise.all([server?.close(), site?.remove()]);
    owner?.dispose();
    // Chromium itself reports the call that is refused.
    expect(errors?.filter((error) => !error.includes('401'))).toEqual([]);
  });

  const load = (token: string = TOKEN, files: PageOwner['files'] = owner.files) =>
    page.evaluate(
      ([url, token, files]) =>
        training.load({ service: { url, token }, files, threads: 1 }).then(
          (network) => ({ network }),
          ({ code, message, mend }: Told) => ({ error: { code, message, mend } }),
        ),
      [server.url, token, files] as const,
    );

  const read = (csv: string, purpose: 'train' | 'predict' = 'train') =>
    page.evaluate(
      ([csv, purpose]) =>
        training.data({ name: 'rows.csv', csv: new Blob([csv]), purpose }).then(
          (report) => ({ report: report as DataReport | undefined, error: undefined }),
          ({ code, message, got, mend }: Told) => ({ report: undefined, error: { code, message, got, mend } }),
        ),
      [csv, purpose] as const,
    );

  it('shows what it would use of a table, and what not', async () => {
    const [header, ...rows] = owner.csv.trim().split('\n');
    const wide = [`id,${header},comment`, ...rows.map((row, i) => `${i},${row},"a, b"`)].join('\n');
    const { report } = await read(wide);
    expect(report).toMatchObject({ rows: 64, features: 6, batches: [1, 2, 4, 8, 16] });
    expect(report?.columns.map(({ use }) => use)).toEqual([
      'ignored',
      ...Array.from({ length: 6 }, () => 'feature'),
      'label',
      'ignored',
    ]);
    expect(report?.head).toHaveLength(5);
    expect(report?.head[0][8]).toBe('a, b');
    expect(report?.classes.map(({ name }) => name)).toEqual(['no', 'yes']);
    expect(report?.classes.reduce((sum, { rows }) => sum + rows, 0)).toBe(64);
    expect(report?.warnings).toEqual(["the model does not know the columns 'id', 'comment': ignored"]);
  });

  it('asks about columns in another unit', async () => {
    const [header, ...rows] = owner.csv.trim().split('\n');
    const scaled = rows.map((row) => row.replace(/^[^,]+/, (first) => String(1000 * Number(first))));
    const { report } = await read([header, ...scaled].join('\n'));
    expect(report?.warnings).toHaveLength(1);
    expect(report?.warnings[0]).toMatch(/^column 'a': \d+ rows lie far/);
  });

  it.each<[string, (csv: string) => string, RegExp]>([
    ['a missing column', (csv) => csv.replace(/^a,/, 'x,'), /rows\.csv has no column 'a'/],
    [
      'a cell without a number',
      (csv) => csv.replace(/\n[^,]+,/, '\nmany,'),
      /column 'a', line 2: 'many' is not a number/,
    ],
    ['an unknown label', (csv) => csv.replace(/yes/, 'yess'), /'yess' is not a class of the model.*Did you mean 'yes'/],
    ['no rows', () => 'a,b,c,d,e,f,y\n', /no rows below its header/],
  ])('tells of %s with its place', async (_, change, words) => {
    const { error } = await read(change(owner.csv));
    expect(error?.code).toBe('BAD_DATA');
    expect(error?.message).toMatch(words);
    expect(error?.mend).toBeDefined();
  });

  it('refuses a run that cannot be, with what would fit', async () => {
    await read(owner.csv);
    const told = await page.evaluate(() =>
      training.estimate({ steps: 3, batch: 64 }).then(
        () => undefined,
        ({ code, mend }: Told) => ({ code, mend }),
      ),
    );
    expect(told?.code).toBe('PLAN_REFUSED');
    expect(told?.mend).toBeDefined();
    const estimate = await page.evaluate(() => training.estimate({ steps: 3, batch: 16, momentum: 0.9 }));
    expect(estimate).toMatchObject({ steps: 3, batch: 16, refreshes: 3, epochs: 0.75, secondsPerStep: undefined });
    expect(estimate.sends).toBe(3 * estimate.sizes.refreshUp);
    expect(estimate.memory).toBeGreaterThan(0);
  });

  it('predicts for the owner to open, without labels', async () => {
    const unlabelled = owner.csv.replaceAll(/,(y|yes|no)(?=\n|$)/g, '');
    expect((await read(unlabelled, 'predict')).report).toMatchObject({ rows: 64, classes: [] });
    const { base64, rows } = await page.evaluate(async () => {
      const { file, rows } = await training.predict();
      const bytes = new Uint8Array(await file.arrayBuffer());
      return { rows, base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
    });
    expect(rows).toBe(64);
    expect(await owner.labels(new Uint8Array(Buffer.from(base64, 'base64')))).toEqual(owner.ownLabels());
    const [features] = await page.evaluate(() => training.features([7]));
    expect(features).toHaveLength(6);
  });

  it('refuses a file that is not what the service announced, and a token that it does not know', async () => {
    const { keys, model } = owner.files;
    const other = { keys: { ...keys, sha256: 'ab'.repeat(32) }, model };
    expect(await load(TOKEN, other)).toMatchObject({ error: { code: 'BAD_FILE' } });
    expect(await load(TOKEN)).toMatchObject({ network: { downloaded: 0 } });
    const unseen = { keys: { ...keys, sha256: 'cd'.repeat(32) }, model };
    expect(await load('another-token', unseen)).toMatchObject({ error: { code: 'POLICY_DENIED' } });
  });

  it.each(['disk', 'memory'] as const)('keeps files in %s whole or not at all, and downloads once', async (kind) => {
    expect(await page.evaluate((kind) => tryStorage(kind), kind)).toEqual({
      kind,
      files: {
        failed: 'Error: amid a write',
        afterWrite: [1, 2, 3],
        names: ['one', 'part'],
        moved: { names: ['one'], one: [0, 5, 2] },
        missing: 'DISK',
        left: [[], undefined, undefined],
      },
      downloads: {
        damaged: 'BAD_FILE',
        broken: 'Error: broken off',
        rest: 3,
        again: 0,
        offsets: [0, 0, 2],
        progress: [0, 1, 2, 3, 4, 5, 0, 1, 2, 2, 3, 4, 5, 5],
        kept: [1, 2, 3, 4, 5],
      },
    });
  });
});
