/**
 * Training on many machines under kill -9, restarts, delays and lies, as real processes on a real PostgreSQL. After each
 * the state is bit for bit that of a run in one process.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  BOOTSTRAPPED,
  type ClusterWorkshop,
  makeClusterWorkshop,
  type Proc,
  STEPS,
  startProcess,
} from './fixtures/cluster-workshop.ts';
import { postgresPrograms } from './fixtures/postgres.ts';

const LIAR = new URL('fixtures/lying-worker.mjs', import.meta.url).pathname;

/** They say that they are skipped where Debian's PostgreSQL is not installed. */
const missing = (await postgresPrograms()) === undefined;

/** Several processes at a time, on a machine that may be busy. */
const SLOW_MS = 300_000;

let shop: ClusterWorkshop;
let procs: Proc[] = [];
beforeAll(async () => {
  if (missing) return;
  shop = await makeClusterWorkshop();
  await shop.project(BOOTSTRAPPED);
  await shop.expected(BOOTSTRAPPED);
}, SLOW_MS);
afterEach(async () => {
  for (const proc of procs) proc.kill();
  await Promise.all(procs.map(({ ended }) => ended));
  procs = [];
});
afterAll(() => shop?.close(), 30_000);

const watched = (proc: Proc): Proc => {
  procs.push(proc);
  return proc;
};
const worker = (...more: string[]): Proc => watched(shop.work(BOOTSTRAPPED, ...more));
const coordinator = (run: string, ...more: string[]): Proc =>
  watched(shop.coordinate(BOOTSTRAPPED, run, '--progress', 'json', ...more));
const stepDone = (step: number): RegExp => new RegExp(`"event":"step","step":${step},`);

async function expectSameBits(run: string, proc: Proc): Promise<void> {
  expect(await proc.ended, proc.lines.join('\n')).toBe(0);
  expect(await shop.state(BOOTSTRAPPED, run)).toEqual(await shop.expected(BOOTSTRAPPED));
}

describe.skipIf(missing)('kill -9', () => {
  it('of workers, each amid its units, while others come: the bits are the same', { timeout: SLOW_MS }, async () => {
    const [first, second] = [worker(), worker()];
    await shop.ready(first, second);
    const run = coordinator('worker-killed');
    await run.said(stepDone(1));
    await first.next(/ done in/);
    first.kill();
    await run.said(stepDone(3));
    worker();
    await second.next(/refresh done|gradient done/);
    second.kill();
    await expectSameBits('worker-killed', run);
    expect(run.lines.join('\n')).toMatch(/is gone, and with it/);
  });

  it('of the coordinator, again and again: it goes on, and its workers never notice', {
    timeout: SLOW_MS,
  }, async () => {
    const [first] = [worker(), worker()];
    for (let kills = 0; ; kills++) {
      const before = shop.steps('coordinator-killed');
      const run = coordinator('coordinator-killed');
      // The last steps are its own: where it was quicker than its executioner, it dies less often.
      if (kills === 3 || (kills > 0 && before > STEPS - 3)) {
        await expectSameBits('coordinator-killed', run);
        break;
      }
      // At other moments each time: after a step, and while units of the next are under way.
      await run.said(stepDone(before + 1));
      await new Promise((resolve) => setTimeout(resolve, 70 * kills));
      run.kill();
      await run.ended;
      const { runs } = JSON.parse((await shop.run('runs', '--database', shop.postgres.url, '--json')).stdout());
      expect(runs[0]).toMatchObject({ state: 'interrupted', steps: STEPS });
      expect(runs[0].step).toBeGreaterThan(before);
    }
    expect(first.lines.filter((line) => line.startsWith('joined'))).toHaveLength(1);
  });
});

describe.skipIf(missing)('a restart of PostgreSQL', () => {
  it('amid a run is waited for by all', { timeout: SLOW_MS }, async () => {
    worker();
    worker();
    const run = coordinator('database-restarted');
    await run.said(stepDone(2));
    await shop.postgres.restart();
    await run.said(stepDone(4));
    await shop.postgres.restart();
    await expectSameBits('database-restarted', run);
  });
});

describe.skipIf(missing)('a worker that is late', () => {
  it('loses its unit to another, and gets new ones when it is back', { timeout: SLOW_MS }, async () => {
    const [slow, other] = [worker(), worker()];
    await shop.ready(slow, other);
    const run = coordinator('straggler', '--deadline', '1.5');
    // It has joined, and is given its share from now on.
    await slow.said(/ done in/);
    slow.kill('SIGSTOP');
    await run.said(/is late with/);
    await run.next(/"event":"step"/);
    slow.kill('SIGCONT');
    await slow.next(/ done in/);
    await slow.next(/ done in/);
    await expectSameBits('straggler', run);
  });
});

describe.skipIf(missing).each(['noise', 'residue', 'forged', 'missing'])('a worker that answers with %s', (mode) => {
  it('is found out at once and gets no more work', { timeout: SLOW_MS }, async () => {
    const files = [`${BOOTSTRAPPED.name}/trainer.keys`, 'data.csv'];
    const liar = watched(startProcess(shop.folder, [LIAR, mode, shop.postgres.url, 'blobs', ...files]));
    const run = coordinator(`liar-${mode}`);
    await liar.said(/joined/);
    worker();
    await expectSameBits(`liar-${mode}`, run);
    expect(run.lines.filter((line) => /gets no more work/.test(line))).toHaveLength(1);
    expect(await liar.ended).toBe(1);
    expect(liar.lines.join('\n')).toMatch(/CLUSTER: the coordinator trusts this worker no more/);
    const { stdout } = await shop.run('runs', '--database', shop.postgres.url);
    expect(stdout()).toMatch(/^liar \([0-9a-f]{6}\), run [0-9a-f]{12}: in quarantine, .*\w/m);
  });
});

describe.skipIf(missing)('a worker that computes something else, in valid ciphertexts', () => {
  const files = [`${BOOTSTRAPPED.name}/trainer.keys`, 'data.csv', `${BOOTSTRAPPED.name}/bootstrapping.keys`];
  const liar = (mode: string): Proc =>
    watched(startProcess(shop.folder, [LIAR, mode, shop.postgres.url, 'blobs', ...files]));

  it.each(['valid', 'renewed'])(
    'is found out by audits (%s), and its work of the step is done anew',
    {
      timeout: SLOW_MS,
    },
    async (mode) => {
      const bad = liar(mode);
      const honest = worker();
      await Promise.all([bad.said(/waiting/), honest.said(/waiting/)]);
      const run = coordinator(`audited-${mode}`, '--audit', '1');
      await expectSameBits(`audited-${mode}`, run);
      const told = run.lines.filter((line) => /gave a false answer to \d\/\w+\/\d: [1-9]\d* of its answers/.test(line));
      expect(told, run.lines.join('\n')).toHaveLength(1);
      if (mode === 'renewed') expect(told[0]).toMatch(/\/refresh\//);
      expect(await bad.ended).toBe(1);
      expect(bad.lines.join('\n')).toMatch(/CLUSTER: the coordinator trusts this worker no more/);
    },
  );

  it('is found out by the coordinator where it is alone', { timeout: SLOW_MS }, async () => {
    const bad = liar('valid');
    const run = coordinator('audited-alone', '--audit', '1');
    await run.said(/gave a false answer to 0\/gradient/);
    expect(await bad.ended).toBe(1);
    worker();
    await expectSameBits('audited-alone', run);
  });

  it('is not found out without: the model is another', { timeout: SLOW_MS }, async () => {
    liar('valid');
    const run = coordinator('unaudited');
    expect(await run.ended, run.lines.join('\n')).toBe(0);
    expect(await shop.state(BOOTSTRAPPED, 'unaudited')).not.toEqual(await shop.expected(BOOTSTRAPPED));
  });
});
