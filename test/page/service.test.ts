/**
 * The page over the real service and the real training worker, at 128 bits: an owner and a trainer, each with a browser of
 * their own, from the making of a network to an answer.
 */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listener, listen } from '../../src/server/node/listener.ts';
import { chromiumPath, launchChromium, needsChromium, watchErrors } from '../fixtures/chromium.ts';
import { OWNER_TOKEN, startService, type TestService } from '../fixtures/service.ts';
import { buildPage } from './build-page.ts';
import { csvFile } from './page-tests.ts';

/** Two columns, and a class that is which of them is larger. */
function rows(count: number, salt: number): Buffer {
  const lines = Array.from({ length: count }, (_, i) => {
    const [a, b] = [((i * 37 + salt) % 19) / 19, ((i * 53 + 7 * salt) % 23) / 23];
    return `${a.toFixed(3)},${b.toFixed(3)},${a > b ? 'left' : 'right'}`;
  });
  return Buffer.from(`a,b,side\n${lines.join('\n')}\n`);
}

describe.skipIf(chromiumPath === undefined)(`the page over the owner's service${needsChromium}`, () => {
  let browser: Browser;
  let test: TestService;
  let listener: Listener;

  beforeAll(async () => {
    test = await startService({ web: await buildPage('real') });
    listener = await listen(test.service.app, { port: 0 });
    browser = await launchChromium();
  }, 300_000);

  afterAll(async () => {
    await browser?.close();
    await listener?.close();
    await test?.close();
  });

  async function person(): Promise<{ context: BrowserContext; page: Page; errors: string[] }> {
    const context = await browser.newContext({ acceptDownloads: true });
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    return { context, page, errors: watchErrors(page) };
  }

  it('goes from a new network to an unlocked answer', async () => {
    const owner = await person();
    await owner.page.goto(`${listener.url}/#/networks/new`);
    await owner.page.getByLabel('Owner’s token').fill(OWNER_TOKEN);
    await owner.page.keyboard.press('Enter');
    await owner.page.getByLabel('Name').fill('Sides');
    await owner.page.getByLabel('Layers', { exact: true }).fill('1:lin4');
    await owner.page.getByLabel('Sample', { exact: true }).setInputFiles(csvFile('sample.csv', rows(60, 1)));
    await owner.page.getByLabel(/Held-out rows/).setInputFiles(csvFile('held.csv', rows(50, 2)));
    await owner.page.getByLabel('Column to learn').selectOption('side');
    await owner.page.getByRole('radio', { name: /L13/ }).check();
    await owner.page.getByLabel('Rows a step').fill('32');
    await owner.page.getByLabel('Accuracy lost').fill('100');
    await owner.page.getByRole('button', { name: 'Make and seal the network' }).click();
    await owner.page.getByRole('heading', { name: 'Sides' }).waitFor();
    await owner.page.getByText('128 bits').first().waitFor();

    await owner.page.getByRole('button', { name: 'Invite a trainer' }).click();
    await owner.page.getByLabel('Name').fill('Hospital North');
    await owner.page.getByRole('radio', { name: /You decide/ }).check();
    await owner.page.getByRole('button', { name: 'Make the invitation' }).click();
    const link = await owner.page.getByLabel('Link').inputValue();
    await owner.page.getByRole('button', { name: 'Done' }).click();

    const trainer = await person();
    await trainer.page.goto(link);
    await trainer.page.getByRole('button', { name: 'Accept the invitation' }).click();
    await trainer.page.getByRole('button', { name: 'Fetch keys and network' }).click();
    await trainer.page.getByText(/Both files|Fetched .* they are what the service announced/).waitFor();
    await trainer.page.getByLabel('CSV file').setInputFiles(csvFile('mine.csv', rows(96, 3)));
    await trainer.page.getByText('96 rows read.').waitFor({ state: 'attached' });
    await trainer.page.getByLabel('Steps', { exact: true }).fill('4');
    await trainer.page.getByRole('button', { name: 'Start training' }).click();
    await trainer.page
      .getByText(/step [1-4] of 4/)
      .first()
      .waitFor();
    await owner.page.goto(`${listener.url}/#/overview`);
    await owner.page.getByText(/step [1-4] of 4/).waitFor();
    await trainer.page.getByRole('button', { name: 'Sign and hand back' }).click();
    await trainer.page.getByText('Accepted: thank you.').waitFor();

    await trainer.page.getByRole('link', { name: 'Predict', exact: true }).click();
    await trainer.page.getByLabel('CSV file').setInputFiles(csvFile('new.csv', rows(20, 4)));
    await trainer.page.getByLabel('With').selectOption({ label: 'your result on mine.csv, 4 steps' });
    await trainer.page.getByRole('button', { name: 'Predict 20 rows, sealed' }).click();
    await trainer.page.getByRole('textbox', { name: 'Rows' }).fill('0-3');
    await trainer.page.getByRole('button', { name: 'Ask for these answers' }).click();
    await trainer.page.getByText('waits for the owner').waitFor();

    const request = owner.page.getByRole('article', { name: 'Request of Hospital North' });
    await request.getByRole('button', { name: 'Approve' }).click();
    await owner.page.getByText('Answered 4 rows to Hospital North.').waitFor();
    await expect
      .poll(() => trainer.page.locator('.answers').innerText(), { timeout: 60_000 })
      .toMatch(/row 0\s+(left|right)\s+row 1\s+(left|right)/);

    await owner.page.getByRole('link', { name: 'Sides' }).click();
    const head = owner.page.getByRole('option', { selected: true });
    expect(await head.getAttribute('aria-label')).toMatch(
      /^Hospital North, round 1, accepted, accuracy \d.*, the head$/,
    );
    await owner.page.getByText('Loss by round').waitFor();
    expect(await owner.page.locator('.losses .plot').getAttribute('aria-label')).toMatch(
      /^round 0: loss [\d.]+, round 1: loss [\d.]+$/,
    );
    await owner.page.getByRole('button', { name: 'Open…' }).click();
    await owner.page.getByLabel('I keep the file to myself').check();
    const [plain] = await Promise.all([
      owner.page.waitForEvent('download'),
      owner.page.getByRole('button', { name: /Open and download/ }).click(),
    ]);
    expect(plain.suggestedFilename()).toBe('sides-round-1.safetensors');
    await owner.page.keyboard.press('Escape');
    await owner.page.getByRole('link', { name: 'Audit log' }).click();
    await owner.page.getByText('Chain verified').waitFor();
    const actions = await owner.page.getByLabel('Action').locator('option').allInnerTexts();
    expect(actions).toEqual(expect.arrayContaining(['invite', 'open', 'refresh', 'rekey', 'seal']));
    expect([...owner.errors, ...trainer.errors]).toEqual([]);
    await owner.context.close();
    await trainer.context.close();
  }, 300_000);
});
