/** The trainer's views in a browser, over a service in memory and training without ciphertexts. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../../src/base/errors.ts';
import { verifyTrainingRecord } from '../../src/protocol/training-record.ts';
import { chromiumPath, needsChromium } from '../fixtures/chromium.ts';
import { inspectView } from './inspect-view.ts';
import { CODE, OWNER_TOKEN } from './mock-service.ts';
import { csvFile, patients, usePage } from './page-tests.ts';
import { busyWorld, hex } from './scenario.ts';

describe.skipIf(chromiumPath === undefined)(`the trainer's page${needsChromium}`, () => {
  const go = usePage('trainer');

  async function prepare(page: Page, steps: number): Promise<void> {
    await page.getByRole('button', { name: 'Fetch keys and network' }).click();
    await page.getByLabel('CSV file').setInputFiles(csvFile('discharges.csv', patients(600)));
    await page.getByLabel('Steps', { exact: true }).fill(String(steps));
    await expect.poll(() => page.locator('.estimate').innerText()).toContain(`${steps} of 1,588 left`);
  }

  it('says what an invitation means, and accepts it once', async () => {
    const { page, mock, url } = await go({ as: 'nobody' });
    await page.getByLabel('Invitation link').fill('https://somewhere.example/');
    await page.keyboard.press('Enter');
    await page.getByText('This is no invitation.').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByLabel('Invitation link').fill(`${url}/#join=${CODE}`);
    await page.keyboard.press('Enter');
    const leaves = page.getByRole('row', { name: /Your rows and labels/ });
    await expect.poll(() => leaves.innerText()).toMatch(/never\s+you alone/);
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('button', { name: 'Accept the invitation' }).click();
    await page.getByRole('heading', { name: 'Train Film reviews' }).waitFor();
    expect(page.url()).toBe(`${url}/#/train`);
    const accepted = mock.bodyOf('POST', '/v1/invitations/accept') as { publicKey: string };
    expect(accepted.publicKey).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(
      await page.evaluate(() =>
        Object.values({ ...localStorage })
          .join()
          .includes('code-'),
      ),
    ).toBe(false);
    await page.goto(`${url}/#/join/${CODE}`);
    await page.getByText('You already take part with this browser.').waitFor();
    await page.getByRole('button', { name: 'Accept the invitation' }).click();
    await page.getByRole('alert').getByText('Ask the owner for another one.').waitFor();
    // The old invitation is whole: its token, and the key that its records are signed with.
    await page.goto(`${url}/#/train`);
    await page.getByRole('heading', { name: 'Train Film reviews' }).waitFor();
    expect(await publicKeyOf(page)).toBe(accepted.publicKey);
  });

  it('trains from a CSV to a signed result that passes the gates', async () => {
    const { page, mock } = await go({ as: 'nobody', route: `join/${CODE}` });
    await page.getByRole('button', { name: 'Accept the invitation' }).click();
    await page.getByText('153 MB, fetched once').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('button', { name: 'Fetch keys and network' }).click();
    await page.getByText('The network reads 3 columns and the labels “readmitted” (no, yes).').waitFor();
    await page.getByLabel('CSV file').setInputFiles(csvFile('wrong.csv', Buffer.from('a,b\n1,2\n')));
    await page.getByRole('alert').getByText('Give a CSV with the columns age, stay, visits.').waitFor();
    await page.getByLabel('CSV file').setInputFiles(csvFile('discharges.csv', patients(600, 'ward')));
    await page.getByText("The model does not know the column 'ward': ignored.").waitFor();
    await expect.poll(() => page.locator('.facts').innerText()).toMatch(/600 rows\s+3 features\s+400 no\s+200 yes/);
    expect(await page.getByLabel('Steps', { exact: true }).inputValue()).toBe('12');
    expect(await page.getByLabel('Learning rate').inputValue()).toBe('0.012');
    await page.getByLabel('Steps', { exact: true }).fill('6000');
    await page.getByRole('alert').getByText('Take at most 5,000 steps.').waitFor();
    await page.getByLabel('Steps', { exact: true }).fill('2000');
    await page.getByText('more refreshes than you have left').waitFor();
    await page.getByLabel('Steps', { exact: true }).fill('8');
    await page.getByLabel('Privacy ε').fill('4');
    await expect.poll(() => page.locator('.estimate').innerText()).toContain('8 of 1,588 left');
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('button', { name: 'Start training' }).click();
    await page.getByRole('button', { name: 'Sign and hand back' }).waitFor();
    await expect
      .poll(() => page.getByRole('region', { name: 'Training' }).innerText())
      .toMatch(/20\.8 MB\s+Received\s+35\.2 MB/);
    expect(await inspectView(page)).toEqual([]);

    await page.getByRole('button', { name: 'Sign and hand back' }).click();
    await page.getByText('Accepted: thank you.').waitFor();
    await expect
      .poll(() => page.getByRole('row', { name: /Accuracy lost/ }).innerText(), { timeout: 8000 })
      .toMatch(/Accuracy lost\s+✓\s+passed\s*$/);
    expect(await inspectView(page)).toEqual([]);
    const sent = mock.bodyOf('POST', '/v1/submissions') as {
      record: string;
      signature: string;
    };
    const { publicKey } = mock.bodyOf('POST', '/v1/invitations/accept') as {
      publicKey: string;
    };
    const record = await verifyTrainingRecord(sent, publicKey);
    expect(record).toMatchObject({
      previous: hex('record 2', 64),
      parentModel: hex('m7'),
      rows: 600,
      steps: 8,
      run: 'owner-run',
      privacy: { epsilon: 4 },
    });
    const [receipt] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Keep a copy of the record' }).click(),
    ]);
    const kept = JSON.parse(await readFile(await receipt.path(), 'utf8')) as { record: string; salt: string };
    expect(kept.record).toBe(sent.record);
    expect(kept.salt).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(mock.asked)).not.toContain(kept.salt);
    await page.getByRole('button', { name: 'Train again' }).click();
    await page.getByRole('button', { name: 'Fetch keys and network' }).waitFor();
  }, 120_000);

  it('waits where the connection is lost, and goes on by itself', async () => {
    const { page } = await go({ route: 'train' });
    await prepare(page, 14);
    const fail = (fault: object) =>
      page.evaluate((text) => localStorage.setItem('fake.fault', text), JSON.stringify(fault));
    await fail({ step: 3, summary: 'the owner’s server cannot be reached' });
    await page.route('**/v1/health', (route) => route.abort());
    await page.getByRole('button', { name: 'Start training' }).click();
    await page.getByRole('heading', { name: 'Waiting for the service' }).waitFor();
    await page.getByText('Step 3 is kept in this browser').waitFor();
    expect(await inspectView(page)).toEqual([]);
    // It is still away.
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByRole('heading', { name: 'Waiting for the service' }).waitFor();
    await page.unroute('**/v1/health');
    // As a laptop does that wakes up.
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await page.getByRole('button', { name: 'Sign and hand back' }).waitFor();
    await page.getByText('step 14 of 14').last().waitFor();
  }, 120_000);

  it('need not be waited for, and then goes on when it is told to', async () => {
    const { page } = await go({ route: 'train' });
    await prepare(page, 9);
    const fault = JSON.stringify({ step: 2, summary: 'the owner’s server cannot be reached' });
    await page.evaluate((text) => localStorage.setItem('fake.fault', text), fault);
    await page.route('**/v1/health', (route) => route.abort());
    await page.getByRole('button', { name: 'Start training' }).click();
    await page.getByRole('button', { name: 'Stop waiting' }).click();
    await page.getByRole('heading', { name: 'Training broke off' }).waitFor();
    await page.getByRole('alert').getByText('The service does not answer.').waitFor();
    await page.getByRole('button', { name: 'Go on from step 2' }).click();
    await page.getByRole('button', { name: 'Sign and hand back' }).waitFor();
  }, 120_000);

  it.each([
    [
      '"this token has expired. Ask the owner."',
      'Your invitation has expired or was revoked.',
      'Ask the owner to extend it',
    ],
    ['"the budget of refresh calls is used up"', 'Your refreshes are used up.', 'Ask the owner for more'],
    ['"not on Sundays"', "The owner's service refused: not on Sundays.", 'The last step is kept'],
  ])(
    'says in a trainer’s words what %s means, and keeps the run',
    async (got, title, mend) => {
      const { page } = await go({ route: 'train' });
      await prepare(page, 9);
      const fault = JSON.stringify({ step: 2, code: 'POLICY_DENIED', summary: 'the call was refused', got });
      await page.evaluate((text) => localStorage.setItem('fake.fault', text), fault);
      await page.getByRole('button', { name: 'Start training' }).click();
      const alert = page.getByRole('alert');
      await alert.getByText(title).waitFor();
      await alert.getByText(mend).waitFor();
      await page.getByRole('button', { name: 'Go on from step 2' }).click();
      await page.getByRole('button', { name: 'Sign and hand back' }).waitFor();
    },
    120_000,
  );

  it('works where the browser keeps nothing', async () => {
    const { page, url } = await go({ as: 'nobody' });
    await page.addInitScript(() => {
      for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, name, {
          get: () => {
            throw new DOMException('no', 'SecurityError');
          },
        });
    });
    await page.goto(`${url}/#/audit`);
    await page.reload();
    await page.getByLabel('Owner’s token').fill(OWNER_TOKEN);
    await page.keyboard.press('Enter');
    await page.getByText('Chain verified').waitFor();
  });

  it('pauses, goes on, stops, and resumes after a reload', async () => {
    const { page } = await go({ route: 'train' });
    await prepare(page, 60);
    const pace = (ms: number) => page.evaluate((text) => localStorage.setItem('fake.pace', text), `${ms}`);
    // So slow that the run is never over before it is told something.
    await pace(500);
    await page.getByRole('button', { name: 'Start training' }).click();
    await page
      .getByText(/step [1-9]\d* of 60/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('heading', { name: 'Paused' }).waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('link', { name: 'Predict' }).click();
    await page.getByText('A run is under way in this tab.').waitFor();
    await page.getByRole('link', { name: 'Train' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Training', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('heading', { name: 'Stopped' }).waitFor();
    await page.getByRole('button', { name: /Go on from step/ }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Runs in this browser' }).waitFor();
    expect(await inspectView(page)).toEqual([]);
    const step = Number(/step (\d+) of 60/.exec(await page.getByText(/step \d+ of 60/).innerText())?.[1]);
    expect(step).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('heading', { name: 'Training', exact: true }).waitFor();
    const now = Number(/step (\d+) of/.exec(await page.locator('.under').innerText())?.[1]);
    expect(now).toBeGreaterThanOrEqual(step);
    await pace(10);
    await page.getByRole('button', { name: 'Sign and hand back' }).waitFor();
  }, 120_000);

  it('tells a screen reader of a run now and then, not at each step', async () => {
    const { page } = await go({ route: 'train' });
    await prepare(page, 40);
    await page.evaluate(() => {
      const heard: string[] = [];
      Object.assign(window, { heard });
      new MutationObserver((changes) => {
        for (const { target } of changes) {
          const element = target instanceof Element ? target : target.parentElement;
          const text = element?.closest('[aria-label="Training"] [role="status"]')?.textContent ?? '';
          if (text !== '' && text !== heard.at(-1)) heard.push(text);
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    await page.getByRole('button', { name: 'Start training' }).click();
    await page.getByRole('button', { name: 'Sign and hand back' }).waitFor();
    const heard = (await page.evaluate('window.heard')) as string[];
    expect(heard.length).toBeGreaterThan(3);
    expect(heard.length).toBeLessThan(16);
    expect(heard.some((text) => /^Training: step \d+ of 40, .* left$/.test(text))).toBe(true);
  });

  it('says why there is one thread', async () => {
    const { page } = await go({ route: 'train', isolated: false });
    await page.getByText('Training will use one thread.').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await prepare(page, 4);
    await page.getByRole('button', { name: 'Start training' }).click();
    await page.getByText('One thread, because the page is not isolated').waitFor();
  });

  it('shows which gates refuse, and lets the result be sent again after a failure', async () => {
    const { page, mock } = await go({ as: 'nobody', route: `join/${CODE}` });
    await page.getByRole('button', { name: 'Accept the invitation' }).click();
    await prepare(page, 4);
    await page.getByRole('button', { name: 'Start training' }).click();
    mock.accepts = false;
    mock.fail(
      /submissions/,
      409,
      new HermeticError('WRONG_KEY', 'the model is sealed under a retired key', { mend: 'Fetch the network anew.' }),
    );
    await page.getByRole('button', { name: 'Sign and hand back' }).click();
    await page.getByRole('alert').getByText('Fetch the network anew.').waitFor();
    await page.getByRole('button', { name: 'Sign and hand back' }).click();
    await page.getByText('Refused by the owner’s gates.').waitFor();
    await expect
      .poll(() => page.getByRole('row', { name: /Accuracy lost/ }).innerText())
      .toMatch(/failed\s+not passed; the owner knows by how much/);
    expect(await inspectView(page)).toEqual([]);
  });

  it.each([
    [false, 'It is the head of the network now, round 3.'],
    [true, 'Another trainer’s result was accepted meanwhile and leads on.'],
  ])('says what an accepted result is to the network, outrun: %s', async (outrun, said) => {
    const { page, mock } = await go({ as: 'nobody', route: `join/${CODE}` });
    mock.outrun = outrun;
    await page.getByRole('button', { name: 'Accept the invitation' }).click();
    await prepare(page, 4);
    await page.getByRole('button', { name: 'Start training' }).click();
    await page.getByRole('button', { name: 'Sign and hand back' }).click();
    await page.getByText('Accepted: thank you.').waitFor();
    await page.getByText(said).waitFor();
  });

  it('predicts sealed, asks for rows, and shows the answers when they come', async () => {
    const { page, mock } = await go({ route: 'predict' });
    await page.getByText('None asked for yet.').waitFor();
    await page.getByRole('button', { name: 'Fetch keys and network' }).click();
    await page.getByLabel('CSV file').setInputFiles(csvFile('new.csv', patients(300)));
    await page.getByRole('button', { name: 'Predict 300 rows, sealed' }).click();
    await page.getByText('166 of 200 answers are left').waitFor();
    expect(await page.getByRole('textbox', { name: 'Rows' }).inputValue()).toBe('0-9');
    await page.getByRole('textbox', { name: 'Rows' }).fill('0-400');
    await page.getByRole('button', { name: 'Ask for these answers' }).click();
    await page.getByText('Give row numbers from 0 to 299').waitFor();
    await page.getByRole('textbox', { name: 'Rows' }).fill('0-199');
    await page.getByRole('button', { name: 'Ask for these answers' }).click();
    await page.getByText('These are 200 rows; 166 are left.').waitFor();
    await page.getByRole('textbox', { name: 'Rows' }).fill('3, 7-9');
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('button', { name: 'Ask for these answers' }).click();
    await page.getByText('waits for the owner').waitFor();
    expect(mock.bodyOf('POST', '/v1/unlocks')).toMatchObject({
      rows: [3, 7, 8, 9],
    });
    const index = mock.world.unlocks.length - 1;
    mock.world.unlocks[index] = {
      ...mock.world.unlocks[index],
      status: 'answered',
      decidedAt: new Date().toISOString(),
      answers: [3, 7, 8, 9].map((row) => ({ row, label: row % 2 })),
    };
    await page.reload();
    await expect.poll(() => page.locator('.answers').innerText()).toMatch(/row 3\s+yes\s+row 7\s+yes\s+row 8\s+no/);
    expect(await inspectView(page)).toEqual([]);
    const [csv] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download as CSV' }).click(),
    ]);
    expect(await readFile(await csv.path(), 'utf8')).toBe('row,class\n3,yes\n7,yes\n8,no\n9,yes\n');
  });

  it('lets features leave only with consent, in verified mode', async () => {
    const world = busyWorld();
    const { page, mock } = await go({ world, route: 'predict' });
    mock.trainer = world.parties[1].id;
    await page.reload();
    await page.getByRole('button', { name: 'Fetch keys and network' }).click();
    await page.getByLabel('CSV file').setInputFiles(csvFile('new.csv', patients(50)));
    await page.getByRole('button', { name: 'Predict 50 rows, sealed' }).click();
    const ask = page.getByRole('button', { name: 'Ask for these answers' });
    await ask.waitFor();
    expect(await ask.isDisabled()).toBe(true);
    await page.getByRole('textbox', { name: 'Rows' }).fill('1-2');
    await page.getByLabel(/The features of these rows leave this tab/).check();
    await ask.click();
    await page.getByText('waits for the owner').waitFor();
    const body = mock.bodyOf('POST', '/v1/unlocks');
    expect(body).toMatchObject({
      rows: [1, 2],
      features: [
        [1, 0, 1],
        [2, 0, 1],
      ],
    });
  });

  it('leaves nothing behind', async () => {
    const { page } = await go({ route: 'train' });
    await page.getByRole('button', { name: /Leave and forget everything/ }).click();
    const dialog = page.getByRole('dialog');
    expect(await inspectView(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Delete and leave' }).click();
    await page.getByRole('heading', { name: 'Train a network that you cannot read' }).waitFor();
    expect(await page.evaluate(() => Object.keys(localStorage))).toEqual([]);
    expect(await publicKeyOf(page)).toBeUndefined();
  });

  it('says so when the owner has ended it', async () => {
    const { page, mock } = await go({ route: 'train' });
    await page.getByRole('heading', { name: 'Train Film reviews' }).waitFor();
    mock.fail(/me$/, 401, new HermeticError('POLICY_DENIED', 'the token is missing or unknown'));
    await page.reload();
    await page.getByRole('alert').getByText('Ask the owner for another one.').waitFor();
    expect(await inspectView(page)).toEqual([]);
  });
});

/** The public half of the signing key in this browser. */
function publicKeyOf(page: Page): Promise<string | undefined> {
  return page.evaluate(
    () =>
      new Promise<string | undefined>((resolve, reject) => {
        const opening = indexedDB.open('hermetic', 1);
        opening.onerror = () => reject(opening.error);
        opening.onupgradeneeded = () => opening.result.createObjectStore('keys');
        opening.onsuccess = () => {
          const request = opening.result.transaction('keys').objectStore('keys').get('signing');
          request.onsuccess = () => resolve((request.result as { publicKey?: string } | undefined)?.publicKey);
        };
      }),
  );
}
