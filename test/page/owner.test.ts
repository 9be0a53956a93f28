/** The owner's views in a browser, over a service in memory: the whole way, what can fail, and who cannot see or point. */
import { describe, expect, it } from 'vitest';
import { HermeticError } from '../../src/base/errors.ts';
import { chromiumPath, needsChromium } from '../fixtures/chromium.ts';
import { inspectView } from './inspect-view.ts';
import { CODE, OWNER_TOKEN } from './mock-service.ts';
import { csvFile, patients, usePage } from './page-tests.ts';
import { appendAudit, busyWorld, emptyWorld, hex } from './scenario.ts';

const REVIEWS = `networks/${hex('network reviews')}`;

describe.skipIf(chromiumPath === undefined)(`the owner's page${needsChromium}`, () => {
  const go = usePage('owner');

  it('asks for a token, says when it is wrong, and goes where one wanted to go', async () => {
    const { page } = await go({ as: 'nobody', route: 'audit' });
    await page.getByLabel('Owner’s token').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Give the token that').waitFor();
    await page.getByLabel('Owner’s token').fill('wrong-token-0123456789abcdefghijklmnopqrstuv');
    await page.keyboard.press('Enter');
    await page.getByText('does not know this token').waitFor();
    await page.getByLabel('Owner’s token').fill(OWNER_TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Audit log' }).waitFor();
    expect(await page.title()).toBe('Audit log · Hermetic');
    await page.reload();
    await page.getByRole('heading', { name: 'Audit log' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Owner’s token').waitFor();
    expect(await page.evaluate(() => sessionStorage.getItem('hermetic.owner'))).toBeNull();
  });

  it('shows runs, networks and storage, and decides on unlocks', async () => {
    const { page, mock } = await go({ route: 'overview' });
    await page.getByText('step 17 of 40').waitFor();
    expect(await page.locator('.plot').getAttribute('aria-label')).toContain('Hospital North: step 17 of 40, 785 rows');
    expect(await page.locator('canvas').count()).toBe(1);
    // What is known of the loss, where the key is: of the head that the run began with, and of no step of it.
    await page.getByText('Film reviews, head’s loss 0.0571').first().waitFor();
    await page.getByText('head: 88.3 % right, loss 0.0571').waitFor();
    expect(await inspectView(page)).toEqual([]);

    const north = page.getByRole('article', { name: 'Request of Hospital North' });
    await expect
      .poll(() => north.innerText())
      .toContain('166 of 200 rows remain that this party may be answered, 118 after this');
    const bits = north.getByRole('meter', { name: 'Bits of the key of Hospital North' });
    expect(await bits.getAttribute('aria-valuetext')).toBe('34 of 517 bits used, 48 more asked for');
    await north.getByText('34 of 517 bits of the key are used. This releases 48 bits; 435 remain after.').waitFor();
    await north.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Answered 48 rows to Hospital North.').waitFor();
    const lab = page.getByRole('article', { name: 'Request of Lab Œdegaard & Sons' });
    expect(await lab.getByRole('button', { name: 'Approve' }).isDisabled()).toBe(true);
    await lab.getByText('This would release 256 bits, and 77 are left.').waitFor();
    await lab.getByText('or give Lab Œdegaard & Sons a fresh key').waitFor();
    await lab.getByRole('button', { name: 'Deny…' }).click();
    await page.keyboard.type('Too many rows at once');
    await page.keyboard.press('Enter');
    await page.getByText('None. A trainer asks').waitFor();
    await page.getByText('Denied the request of Lab Œdegaard & Sons.').waitFor();
    expect(mock.world.unlocks.map(({ status, reason }) => [status, reason])).toEqual([
      ['answered', undefined],
      ['denied', 'Too many rows at once'],
    ]);
  });

  it('draws the curve of a run as the service tells of it', async () => {
    const { page, mock } = await go({ route: 'overview' });
    await page.getByText('step 17 of 40').waitFor();
    mock.world.runs[0] = { ...mock.world.runs[0], step: 18, rowsPerSecond: 600, lastSeenAt: new Date().toISOString() };
    mock.emit('run');
    await page.getByText('step 18 of 40').waitFor();
    // The chart begins where the run began: the service was asked for it once for each curve.
    const past = mock.asked.filter(({ path }) => path.includes('/runs/')).map(({ path }) => path.split('/').at(-1));
    expect(past.slice(0, 2)).toEqual(['run-a', 'run-b']);
    await page.getByRole('button', { name: 'Steps', exact: true }).click();
    expect(await page.getByRole('button', { name: 'Steps', exact: true }).getAttribute('aria-pressed')).toBe('true');
  });

  it('walks the lineage by keyboard and tells of each model', async () => {
    const { page } = await go({ route: REVIEWS });
    const graph = page.getByRole('listbox', { name: /Models/ });
    await graph.waitFor();
    expect(await inspectView(page)).toEqual([]);
    const chosen = () => graph.getByRole('option', { selected: true }).getAttribute('aria-label');
    expect(await chosen()).toBe('Lab Œdegaard & Sons, round 2, accepted, accuracy 88.3 %, the head');
    await graph.getByRole('option', { selected: true }).focus();
    await page.keyboard.press('ArrowDown');
    expect(await chosen()).toBe('South Clinic, round 2, refused, accuracy 61.8 %');
    await page.getByText('61.77 % after 84.31 %').waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    expect(await chosen()).toBe('Hospital North, round 1, accepted, accuracy 84.3 %');
    await page.keyboard.press('Home');
    expect(await chosen()).toBe('Owner, round 0, sealed, accuracy 50.1 %');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-model'))).toBe(hex('m0'));
    const losses = page.locator('.losses .plot');
    expect(await losses.getAttribute('aria-label')).toBe(
      'round 0: loss 0.2688, round 1: loss 0.0742, round 2: loss 0.0571',
    );
    await page.getByText('0.2688 on them').waitFor();
    await page.getByText('The same as a table').click();
    expect(await page.locator('details table tbody tr').count()).toBe(9);
  });

  it('downloads sealed, and opens only after a warning', async () => {
    const { page } = await go({ route: REVIEWS });
    const [sealed] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download sealed' }).click(),
    ]);
    expect(sealed.suggestedFilename()).toBe('film-reviews-round-2.sealed');
    await page.getByRole('button', { name: 'Open…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Open this model' });
    await dialog.getByText('Whoever has the opened file has the network.').waitFor();
    expect(await inspectView(page)).toEqual([]);
    const act = dialog.getByRole('button', { name: /Open and download/ });
    expect(await act.isDisabled()).toBe(true);
    await dialog.getByLabel('I keep the file to myself').check();
    const [plain] = await Promise.all([page.waitForEvent('download'), act.click()]);
    expect(plain.suggestedFilename()).toBe('film-reviews-round-2.safetensors');
    await dialog.getByText('Opened: film-reviews-round-2.safetensors, 128 kB').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Open…');
  });

  it('invites: name, time, budget and policy, and shows the link once', async () => {
    const { page, mock, url } = await go({ route: REVIEWS });
    await page.getByRole('button', { name: 'Invite a trainer' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Make the invitation' }).click();
    await dialog.getByText('Give a name that you recognise').waitFor();
    await dialog.getByLabel('Name').fill('Hospital West');
    await dialog.getByLabel('Valid for').fill('7');
    await dialog.getByLabel('Refreshes').fill('300');
    await dialog.getByRole('radio', { name: /At once, while rows last/ }).check();
    await dialog.getByLabel('Rows in all').fill('50');
    await dialog.getByLabel('Of each row').selectOption('rounded');
    await dialog.getByLabel('Bits', { exact: true }).fill('13');
    await dialog.getByRole('button', { name: 'Make the invitation' }).click();
    await dialog.getByText('Give 1 to 12 bits.').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await dialog.getByLabel('Bits', { exact: true }).fill('3');
    await dialog.getByRole('button', { name: 'Make the invitation' }).click();
    expect(await dialog.getByLabel('Link').inputValue()).toBe(`${url}/#/join/${CODE}`);
    expect(await inspectView(page)).toEqual([]);
    // It is said for a few seconds only.
    const said = dialog.getByText('Copied').waitFor();
    await dialog.getByRole('button', { name: 'Copy the link' }).click();
    await said;
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(CODE);
    expect(mock.bodyOf('POST', '/v1/invitations')).toEqual({
      name: 'Hospital West',
      networkId: hex('network reviews'),
      hours: 168,
      refreshBudget: 300,
      unlocks: { mode: 'quota', rows: 50, release: { kind: 'rounded', bits: 3 } },
    });
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('rowheader', { name: 'Hospital West' }).waitFor();
    expect(await page.content()).not.toContain(CODE);
  });

  it('changes budgets, rekeys and revokes', async () => {
    const { page, mock } = await go({ route: REVIEWS });
    await page.getByRole('button', { name: 'Change Hospital North' }).click();
    await page.getByRole('dialog').getByLabel('Refreshes in all').fill('2500');
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByText('412 of 2,500').waitFor();
    await page.getByRole('button', { name: 'Rekey Hospital North' }).click();
    await page.getByRole('dialog').getByText('Its own count of bits starts at zero').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Make a fresh key' }).click();
    await expect.poll(() => mock.world.parties[0].keyId).not.toBe(hex('key Hospital North'));
    await page.getByRole('button', { name: 'Revoke Hospital North' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke now' }).click();
    await expect
      .poll(() =>
        page
          .getByRole('row', { name: /Hospital North/ })
          .first()
          .innerText(),
      )
      .toContain('revoked');
    expect(await page.getByRole('button', { name: 'Revoke Hospital North' }).count()).toBe(0);
  });

  it('gives up a retired key, once the owner has read what that means', async () => {
    const { page, mock } = await go({ route: REVIEWS });
    await page.getByText('an earlier trainer’s key has no more').first().waitFor();
    await page.getByText('not in use any more').click();
    await page.getByRole('button', { name: 'Give up…' }).first().click();
    await page.getByRole('dialog').getByText('may then come to read what was sealed under this key').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('dialog').getByRole('button', { name: 'Give this key up' }).click();
    await page.getByText('given up', { exact: true }).waitFor();
    expect(mock.world.keys.filter(({ givenUpAt }) => givenUpAt !== undefined)).toHaveLength(1);
  });

  it('edits gates in percents and points', async () => {
    const { page, mock } = await go({ route: REVIEWS });
    await page.getByRole('button', { name: 'Edit gates' }).click();
    expect(await page.getByLabel('Accuracy lost').inputValue()).toBe('1');
    await page.getByLabel('Accuracy lost').fill('2.5');
    await page.getByLabel('Least accuracy').fill('400');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Give a number from 0 to 100').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByLabel('Least accuracy').fill('80');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Accuracy of at least 80 %').waitFor();
    expect(mock.world.networks[0].gates).toEqual({ accuracyDrop: 0.025, accuracyFloor: 0.8, normChange: 0.8 });
  });

  it('makes a network, after saying what is missing and how to mend it', async () => {
    const { page, mock } = await go({ world: emptyWorld(), route: 'overview' });
    await page.getByText('No network yet').waitFor();
    await page.getByText('Nobody is training').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('link', { name: 'Make the first network' }).click();
    await page.getByLabel('Layers', { exact: true }).fill('8:squar,1:lin4');
    await page.getByRole('button', { name: 'Make and seal the network' }).click();
    await page.getByText('Give the network a name.').waitFor();
    await page.getByText("Unknown activation 'squar'").waitFor();
    await page.getByText('Give a sample of the data').waitFor();
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-invalid'))).toBe('true');
    await page.getByLabel('Name').fill('Readmission');
    await page.getByLabel('Layers', { exact: true }).fill('8:square,1:lin4');
    await page.getByLabel('Sample', { exact: true }).setInputFiles(csvFile('broken.csv', Buffer.from('a,b\n1\n')));
    await page.getByText(/the row does not fit the header/).waitFor();
    await page.getByLabel('Sample', { exact: true }).setInputFiles(csvFile('sample.csv', patients(40)));
    await page.getByText('sample.csv: 40 rows, 4 columns').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByLabel('Accuracy lost').fill('2');
    await page.getByRole('button', { name: 'Make and seal the network' }).click();
    await page.getByText('A gate on accuracy or loss needs rows').waitFor();
    await page.getByLabel(/Held-out rows/).setInputFiles(csvFile('held.csv', patients(20)));
    await page.getByText('held.csv: 20 rows').waitFor();
    mock.fail(
      /POST \/v1\/networks/,
      400,
      new HermeticError('PLAN_REFUSED', 'set L14 has too few levels', { mend: 'Take L15.' }),
    );
    await page.getByRole('button', { name: 'Make and seal the network' }).click();
    await page.getByRole('alert').getByText('Take L15.').waitFor();
    await page.getByRole('radio', { name: /L15/ }).check();
    await page.getByRole('button', { name: 'Make and seal the network' }).click();
    await page.getByRole('heading', { name: 'Readmission' }).waitFor();
    await page.getByText('Nobody is invited').waitFor();
    expect(await inspectView(page)).toEqual([]);
    const sent = mock.bodyOf('POST', '/v1/networks');
    expect(sent).toMatchObject({
      name: 'Readmission',
      set: 'L15',
      layers: '8:square,1:lin4',
      label: 'readmitted',
      gates: { accuracyDrop: 0.02 },
    });
  }, 120_000);

  it('shows what each key has answered, and leads to a fresh one', async () => {
    const { page, mock } = await go({ route: REVIEWS });
    const bits = (name: string) => page.getByRole('meter', { name: `Bits that the key of ${name} has answered` });
    expect(await bits('Hospital North').first().getAttribute('aria-valuenow')).toBe('34');
    await page.getByText('440 of 517 bits used, 77 left').waitFor();
    await page.getByText('Few bits are left. Give Lab Œdegaard & Sons a fresh key').waitFor();
    await page.getByText('2 keys that are not in use any more').click();
    await page.getByText('500 of 517 bits used, 17 left').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('button', { name: 'Rekey Lab Œdegaard & Sons…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make a fresh key' }).click();
    await page.getByText('3 keys that are not in use any more').waitFor();
    expect(await bits('Lab Œdegaard & Sons').first().getAttribute('aria-valuenow')).toBe('0');
    expect(mock.world.keys.filter(({ partyId }) => partyId === mock.world.parties[1].id)).toHaveLength(2);
  });

  it('answers nothing under a key that the trainer no longer has', async () => {
    const world = busyWorld();
    world.unlocks[0] = { ...world.unlocks[0], keyId: hex('key north before') };
    const { page } = await go({ world, route: 'overview' });
    const north = page.getByRole('article', { name: 'Request of Hospital North' });
    await north.getByText('Hospital North has another key by now').waitFor();
    expect(await north.getByRole('button', { name: 'Approve' }).isDisabled()).toBe(true);
    expect(await inspectView(page)).toEqual([]);
  });

  it('pages and filters the log, newest first, and cries out when the chain is broken', async () => {
    const { page, mock } = await go({ route: 'audit' });
    await page.getByText('Chain verified').waitFor();
    const row = (index: number) => page.locator('tbody tr').nth(index).innerText();
    const span = (text: string) => page.getByRole('status').getByText(text, { exact: true }).waitFor();
    await span('1–50 of 140 entries');
    expect(await row(0)).toContain('open');
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('button', { name: 'Older' }).click();
    await span('51–100 of 140 entries');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('log');
    await page.getByRole('button', { name: 'Older' }).click();
    await span('101–140 of 140 entries');
    expect(await page.getByRole('button', { name: 'Older' }).isDisabled()).toBe(true);
    await page.getByLabel('Action').selectOption('gate');
    await span('1 entry');
    expect(await row(0)).toContain('accuracy 0.8431, passed true');
    await page.getByLabel('Who').selectOption('owner');
    await page.getByText('Nothing of this kind is in the log').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.getByRole('button', { name: 'Show everything' }).click();
    await span('1–50 of 140 entries');
    await page.getByLabel('Order').selectOption('oldest');
    await expect.poll(() => row(0)).toContain('create');
    await page.getByLabel('Order').selectOption('newest');
    await expect.poll(() => row(0)).toContain('open');
    appendAudit(mock.world.audit, 'owner', 'revoke', hex('someone'));
    mock.emit('party');
    await expect.poll(() => row(0)).toContain('revoke');
    mock.intact = false;
    await page.reload();
    await page.getByText('The chain is broken').waitFor();
    await page.getByText('An entry was changed, or is missing.').waitFor();
  });

  it('shows what was done with one network, by a link from it', async () => {
    const { page } = await go({ route: REVIEWS });
    await page.getByRole('link', { name: 'What was done with it' }).click();
    await page.getByText('Chain verified').waitFor();
    expect(await page.getByLabel('Network').locator('option:checked').innerText()).toBe('Film reviews');
    await page.getByText('10 entries', { exact: true }).first().waitFor();
  });

  it('sees by itself that an entry is missing, and that one is not what it was', async () => {
    const world = busyWorld();
    world.audit.splice(-7, 1);
    const { page, mock } = await go({ world, route: 'audit' });
    await page.getByText('The chain is broken').waitFor();
    mock.world = busyWorld();
    await page.reload();
    await page.getByText('Chain verified').waitFor();
    const [last] = mock.world.audit.slice(-1);
    mock.world.audit[mock.world.audit.length - 1] = { ...last, hash: hex('rewritten', 64) };
    mock.emit('party');
    await page.getByText('The chain is broken').waitFor();
  });

  it('says what to do when the service is away, and goes on when it is back', async () => {
    const { page } = await go({ route: 'overview' });
    await page.getByText('step 17 of 40').waitFor();
    await page.route('**/v1/**', (route) => route.abort());
    await page.getByRole('link', { name: 'Film reviews' }).click();
    await page.getByRole('alert').getByText('The service does not answer.').waitFor();
    expect(await inspectView(page)).toEqual([]);
    await page.unroute('**/v1/**');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Film reviews' }).waitFor();
  });

  it('goes back to the door when the token is no longer valid, and back in from there', async () => {
    const { page, mock } = await go({ route: REVIEWS });
    await page.getByRole('heading', { name: 'Film reviews' }).waitFor();
    for (const _ of [1, 2, 3])
      mock.fail(/overview|lineage/, 401, new HermeticError('POLICY_DENIED', 'the token is missing or unknown'));
    mock.emit('party');
    await page.getByText('Your token is no longer valid. Sign in again.').waitFor();
    mock.failures = [];
    await page.getByLabel('Owner’s token').fill(OWNER_TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Film reviews' }).waitFor();
  });

  it('shows a network that is not there, and an address that leads nowhere', async () => {
    const { page, url } = await go({ route: `networks/${'0'.repeat(32)}` });
    await page.getByRole('alert').getByText('There is no such thing.').waitFor();
    await page.goto(`${url}/#/nowhere`);
    await page.getByRole('heading', { name: 'There is nothing at this address' }).waitFor();
    expect(await inspectView(page)).toEqual([]);
  });

  it('is worked by keyboard alone, from the skip link on', async () => {
    const { page } = await go({ route: 'overview' });
    await page.getByText('step 17 of 40').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('New network');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
    expect(outline).toBe('solid');
  });

  it('does not move what one is about to press', async () => {
    const { page, url } = await go({ route: REVIEWS });
    await page.getByRole('listbox', { name: /Models/ }).waitFor();
    await page.goto(`${url}/#/overview`);
    await page.getByText('step 17 of 40').waitFor();
    const shift = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          new PerformanceObserver((list) => {
            const shifts = list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[];
            resolve(shifts.reduce((sum, { value, hadRecentInput }) => sum + (hadRecentInput ? 0 : value), 0));
          }).observe({ type: 'layout-shift', buffered: true });
          setTimeout(() => resolve(0), 500);
        }),
    );
    expect(shift).toBeLessThan(0.05);
  });

  it('asks nobody but its own service', async () => {
    const { page, url } = await go({ route: 'overview' });
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.reload();
    await page.getByText('step 17 of 40').waitFor();
    await page.goto(`${url}/#/audit`);
    await page.getByText('Chain verified').waitFor();
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.filter((address) => !address.startsWith(`${url}/`))).toEqual([]);
  });
});
