/** A page over a mock service in Chromium, for one test at a time, and what every file of such tests begins and ends with. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { launchChromium, servePage, watchErrors } from '../fixtures/chromium.ts';
import { buildPage } from './build-page.ts';
import { MockService, OWNER_TOKEN, TRAINER_TOKEN } from './mock-service.ts';
import { busyWorld, type World } from './scenario.ts';

export interface Visit {
  readonly page: Page;
  readonly mock: MockService;
  readonly url: string;
  /** Errors of the page and its console, those of the network apart: empty at the end of a good test. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

export interface VisitOptions {
  readonly folder: string;
  readonly world: World;
  readonly as: 'nobody' | 'owner' | 'trainer';
  /** Address behind '#'. */
  readonly route?: string;
  readonly isolated?: boolean;
}

export async function visit(browser: Browser, options: VisitOptions): Promise<Visit> {
  const mock = new MockService(options.world);
  const server = await servePage({
    folder: options.folder,
    service: mock.app,
    ...(options.isolated !== undefined && { isolated: options.isolated }),
  });
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
    acceptDownloads: true,
  });
  // A machine may be busy, and what never comes is told of as well after a while.
  context.setDefaultTimeout(30_000);
  await admit(context, options.as);
  const page = await context.newPage();
  const all = watchErrors(page);
  await page.goto(`${server.url}/#/${options.route ?? ''}`);
  return {
    page,
    mock,
    url: server.url,
    get errors() {
      // The browser itself notes every answer that is an error; those the tests ask for.
      return all.filter((text) => !text.startsWith('Failed to load resource'));
    },
    close: async () => {
      await context.close();
      await server.close();
    },
  };
}

async function admit(context: BrowserContext, as: VisitOptions['as']): Promise<void> {
  if (as === 'owner') {
    await context.addInitScript((token) => {
      if (sessionStorage.getItem('seen') === null) sessionStorage.setItem('hermetic.owner', token);
      sessionStorage.setItem('seen', '1');
    }, OWNER_TOKEN);
  }
  if (as === 'trainer') {
    await context.addInitScript((token) => {
      if (sessionStorage.getItem('seen') === null) localStorage.setItem('hermetic.trainer', token);
      sessionStorage.setItem('seen', '1');
    }, TRAINER_TOKEN);
  }
}

/** A CSV of `rows` patients, as the fake network reads them. */
export function patients(rows: number, extra: string = ''): Buffer {
  const lines = Array.from(
    { length: rows },
    (_, i) => `${40 + (i % 50)},${i % 9},${i % 4},${i % 3 === 0 ? 'yes' : 'no'}${extra === '' ? '' : ',north'}`,
  );
  return Buffer.from(`age,stay,visits,readmitted${extra === '' ? '' : `,${extra}`}\n${lines.join('\n')}\n`);
}

export function csvFile(name: string, buffer: Buffer): { name: string; mimeType: string; buffer: Buffer } {
  return { name, mimeType: 'text/csv', buffer };
}

/** The page on a browser of its own for each file; a visit must end without an error in the console. */
export function usePage(as: VisitOptions['as']): (options: Partial<VisitOptions>) => Promise<Visit> {
  let browser: Browser;
  let folder: string;
  let open: Visit | undefined;

  beforeAll(async () => {
    folder = await buildPage('fake');
    browser = await launchChromium();
  }, 300_000);

  afterEach(async () => {
    const errors = open?.errors;
    await open?.close();
    open = undefined;
    expect(errors ?? []).toEqual([]);
  });

  afterAll(() => browser?.close());

  return async (options) => {
    open = await visit(browser, { folder, world: busyWorld(), as, ...options });
    return open;
  };
}
