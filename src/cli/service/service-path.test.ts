import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareEmbedded } from '../../../test/fixtures/databases.ts';
import { ServiceClient } from '../../client/service-client.ts';
import type { CreateNetwork, Lineage, UnlockView } from '../../protocol/service/types.ts';
import { Console } from '../console.ts';
import { type Said, say } from '../memory-io.ts';
import { run } from '../run.ts';
import { type RunningService, startService } from './running-service.ts';

/** A ring that anyone can break, for speed: only a service that was told to takes it. */
const SET = 'insecure-10-9-3';
const folder = mkdtempSync(join(tmpdir(), 'hermetic-service-'));
const at = (name: string): string => join(folder, name);
const silent = { write: () => {} };
const io = {
  stdout: silent,
  stderr: silent,
  env: {},
  signal: new AbortController().signal,
  unheard: new AbortController().signal,
  askSecret: undefined,
};

let running: RunningService;
let owner: string[];
let networkId = '';

async function succeed(...words: string[]): Promise<Record<string, unknown>> {
  const said = await say([...words, '--json', '--quiet']);
  expect(said.stderr.replace(/^warning: .*\n/gm, '')).toBe('');
  expect(said.code).toBe(0);
  return said.json();
}

async function tell(...words: string[]): Promise<Said> {
  const said = await say(words);
  expect(said.code, said.stderr).toBe(0);
  return said;
}

const service = (...words: string[]) => succeed('service', ...words, ...owner);

/** Rows whose class is the sign of a + b. */
function csv(from: number, to: number, label = (a: number, b: number): number => Number(a + b > 0)): string {
  const rows = Array.from({ length: to - from }, (_, i) => [Math.sin(from + i), Math.cos(7 * (from + i))] as const);
  return `a,b,y\n${rows.map(([a, b]) => `${a.toFixed(3)},${b.toFixed(3)},${label(a, b)}`).join('\n')}\n`;
}

/** Within six steps of this rate the network forgets its first weights, which the service draws. */
const fast = ['--learning-rate', '2'];
const recipe = ['--batch', '32', '--steps', '6', '--momentum', '0', '--threads', '1'];

beforeAll(async () => {
  writeFileSync(at('ada.csv'), csv(0, 64));
  writeFileSync(at('ben.csv'), csv(64, 128));
  writeFileSync(
    at('lies.csv'),
    csv(0, 64, (a, b) => Number(a + b <= 0)),
  );
  mkdirSync(at('store'));
  await prepareEmbedded(at('store'));
  running = await startService(new Console(io), {
    folder: at('store'),
    passphrase: 'correct horse battery staple',
    port: 0,
    threads: 1,
    tokenFile: at('owner.token'),
    allowInsecure: true,
    insecureTestWorkFactor: 10,
  });
  owner = ['--server', running.url, '--token-file', at('owner.token')];
  const client = new ServiceClient({ url: running.url, token: running.ownerToken ?? '' });
  const wish = {
    name: 'signs',
    layers: '1:lin4',
    sampleCsv: csv(0, 64),
    label: 'y',
    heldOutCsv: csv(200, 264),
    set: SET,
    batch: 32,
    gates: { accuracyDrop: 0.1 },
  };
  networkId = (await client.createNetwork(wish as unknown as CreateNetwork)).id;
});

afterAll(async () => {
  await running.close();
  rmSync(folder, { recursive: true });
});

describe('a round by two trainers on the command line', () => {
  it('shows the owner what is there', async () => {
    expect(await service('status')).toMatchObject({ networks: [{ name: 'signs', set: SET, securityBits: 0 }] });
    expect((await tell('service', 'networks', ...owner)).stdout).toMatch(/signs .* 2-1 /);
    expect(await service('gates', 'signs', '--accuracy-drop', '0.2')).toMatchObject({ gates: { accuracyDrop: 0.2 } });
    expect((await tell('service', 'gates', ...owner)).stdout).toMatch(/accuracy drop 0.2; 64 rows held out/);
  });

  it('lets Ada join, train and hand in', async () => {
    const unlocks = ['--unlock-mode', 'manual', '--unlock-rows', '8'];
    const { url } = await service('invite', 'Ada', '--refreshes', '20', ...unlocks);
    // As an attempt leaves it that was accepted and heard nothing of it: a token, a key, and no more.
    await succeed('join', url as string, '--out', at('ada'));
    for (const name of readdirSync(at('ada'))) {
      if (name !== 'token' && name !== 'signing.key') rmSync(at(`ada/${name}`));
    }
    const joined = await succeed('join', url as string, '--out', at('ada'));
    expect(joined).toMatchObject({ party: { name: 'Ada', refreshes: { used: 0, budget: 20 } } });
    for (const secret of ['token', 'signing.key']) expect(statSync(at(`ada/${secret}`)).mode & 0o777).toBe(0o600);
    const again = await say(['join', url as string, '--out', at('ada-again')]);
    expect(existsSync(at('ada-again'))).toBe(false);
    expect([again.code, again.stderr]).toEqual([4, expect.stringContaining('invitation')]);
    const trained = await succeed('train', '--joined', at('ada'), '--data', at('ada.csv'), ...fast, ...recipe);
    expect(trained).toMatchObject({ steps: 6, loss: 'locked', submission: { status: 'accepted', round: 1 } });
    const { runs } = await service('status');
    expect(runs).toMatchObject([{ step: 6, steps: 6, state: 'finished' }]);
  });

  it('gives Ben the head under a key of his own', async () => {
    const { url } = await service('invite', 'Ben', '--network', 'signs');
    await succeed('join', url as string, '--out', at('ben'));
    expect(readFileSync(at('ben/trainer.keys')).equals(readFileSync(at('ada/trainer.keys')))).toBe(false);
    const words = ['train', '--joined', at('ben'), '--data', at('ben.csv'), '--no-submit', ...fast, ...recipe];
    const kept = await succeed(...words);
    expect(kept).not.toHaveProperty('submission');
    expect(await succeed('submit', at('ben'))).toMatchObject({ status: 'accepted', round: 2 });
  });

  it('tells the lineage, whose head is better than what was first', async () => {
    const { models, network } = (await service('lineage')) as unknown as Lineage;
    const accepted = models.filter(({ status }) => status === 'accepted');
    expect(accepted.map(({ round }) => round)).toEqual([1, 2]);
    expect(network.headId).toBe(accepted[1].id);
    expect(accepted[1].accuracy).toBeGreaterThan(0.85);
    const { stdout } = await tell('service', 'lineage', ...owner);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1 + models.length);
    expect(lines.map((line) => line.trimStart()[0]).join('')).toBe('s○○●○●');
    expect(stdout).toMatch(/● \w+ {2}Ada accepted .*\n.*Ben\b.*\n● \w+ {2}Ben accepted .* head\n/);
  });

  it('rekeys Ada, whose folder fetches what is new, and refuses what she makes of lies', async () => {
    const before = readFileSync(at('ada/trainer.keys'));
    await service('rekey', 'Ada');
    const said = await say(['train', '--joined', at('ada'), '--data', at('lies.csv'), '--json', ...fast, ...recipe]);
    expect(said.stderr).toContain('fetched from the owner: keys, model');
    expect([said.code, said.json()]).toEqual([
      4,
      { schema: 1, error: expect.objectContaining({ code: 'POLICY_DENIED' }) },
    ]);
    expect(readFileSync(at('ada/trainer.keys')).equals(before)).toBe(false);
    const { models } = (await service('lineage')) as unknown as Lineage;
    expect(models.at(-1)).toMatchObject({
      status: 'refused',
      gates: expect.arrayContaining([expect.objectContaining({ gate: 'accuracyDrop', passed: false })]),
    });
    expect((await tell('service', 'lineage', ...owner)).stdout).toMatch(/✗ \w+ {2}Ada refused .*accuracy drop: /);
  });

  it('begins another run on the same model, and signs for the noise on its rows', async () => {
    const words = ['train', '--joined', at('ada'), '--data', at('ada.csv'), '--privacy', '8', '--no-submit'];
    await succeed(...words, '--learning-rate', '1', ...recipe);
    const { record } = JSON.parse(readFileSync(at('ada/training-record.json'), 'utf8')) as { record: string };
    expect(JSON.parse(record)).toMatchObject({ steps: 6, rows: 64, privacy: { epsilon: 8 } });
  });

  it('opens the head, and fetches it sealed', async () => {
    await service('open', 'signs', '--out', at('head.safetensors'));
    const evaluated = await succeed('evaluate', at('head.safetensors'), '--data', at('ben.csv'));
    expect(evaluated.accuracy).toBeGreaterThan(0.85);
    await service('open', '--sealed', '--out', at('head.sealed'));
    expect(await succeed('inspect', at('head.sealed'))).toMatchObject({ kind: 'sealed-model' });
    const nothing = await say(['service', 'open', '--model', 'f'.repeat(16), '--out', at('x'), ...owner]);
    expect([nothing.code, existsSync(at('x'))]).toEqual([2, false]);
  });
});

describe('unlocking on the command line', () => {
  /** The request of so many rows, once it is there. */
  async function pending(count: number): Promise<UnlockView> {
    const find = async () => {
      const { unlocks } = (await service('unlocks', '--status', 'pending')) as unknown as { unlocks: UnlockView[] };
      return unlocks.find(({ rows: asked }) => asked === count);
    };
    await expect.poll(find, { timeout: 60_000 }).toBeDefined();
    return (await find())!;
  }

  it('waits for the owner, and gives classes', async () => {
    const keys = ['--keys', at('ada/trainer.keys'), '--threads', '1'];
    const out = ['--out', at('p.sealed')];
    await succeed('predict', at('ada/model.sealed'), ...keys, '--data', at('ben.csv'), ...out);
    const waiting = tell('request-unlock', at('ada'), at('p.sealed'), '--rows', '4', '--wait');
    await service('approve', (await pending(1)).id.slice(0, 12), '--reason', 'welcome');
    const answered = await waiting;
    expect(answered.stdout).toMatch(/^row,label,class\n4,[01],[01]\n$/);
    expect(answered.stderr).toMatch(/^the owner says "welcome"$/m);
  });

  it('may be denied, and ends with the code for it', async () => {
    const rows = ['--rows', '0,1,2'];
    expect(await succeed('request-unlock', at('ada'), at('p.sealed'), ...rows)).toMatchObject({
      status: 'pending',
      rows: 3,
    });
    const { id } = await pending(3);
    expect((await tell('service', 'unlocks', ...owner)).stdout).toMatch(/Ada +3 +3 +pending/);
    await service('deny', id, '--reason', 'not today');
    const again = await say(['service', 'approve', id, ...owner]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('Nothing waits')]);
    // The same rows again: what came of the request, and no other one.
    const told = await say(['request-unlock', at('ada'), at('p.sealed'), ...rows]);
    expect([told.code, told.stderr]).toEqual([4, expect.stringMatching(/denied the request .*"not today".*--again/)]);
    expect((await service('unlocks', '--status', 'pending')).unlocks).toEqual([]);
    const anew = await succeed('request-unlock', at('ada'), at('p.sealed'), ...rows, '--again');
    expect(anew).toMatchObject({ status: 'pending' });
    expect(anew.id).not.toBe(id);
    await service('deny', anew.id as string);
    const waiting = say(['request-unlock', at('ada'), at('p.sealed'), '--rows', '5,6', '--wait', '--json']);
    await service('deny', (await pending(2)).id, '--reason', 'not today');
    const { code, json } = await waiting;
    expect(code).toBe(4);
    expect(json()).toMatchObject({ error: { code: 'POLICY_DENIED', message: expect.stringContaining('not today') } });
  });

  it('sends rows to an owner who answers from the opened model', async () => {
    await service('limit', 'Ada', '--unlock-mode', 'verified', '--unlock-rows', '50');
    const without = await say(['request-unlock', at('ada'), at('p.sealed'), '--rows', '8']);
    expect([without.code, without.stderr]).toEqual([2, expect.stringContaining('--data')]);
    const said = await say([
      'request-unlock',
      at('ada'),
      at('p.sealed'),
      '--rows',
      '8',
      '--data',
      at('ben.csv'),
      '--json',
    ]);
    expect(said.stderr).toContain('the features of 1 rows are sent to the owner');
    expect(said.json()).toMatchObject({ status: 'answered', answers: [{ row: 8 }] });
  });
});

describe('the owner’s hand on the service', () => {
  it('changes and revokes parties', async () => {
    expect(await service('limit', 'Ben', '--refreshes', '7', '--hours', '1')).toMatchObject({
      refreshes: { budget: 7 },
    });
    expect((await tell('service', 'parties', ...owner)).stdout).toMatch(/Ben .* until .* 6\/7 /);
    await service('revoke', 'Ben');
    expect((await tell('service', 'parties', ...owner)).stdout).toMatch(/Ben .* revoked /);
    const refused = await say(['train', '--joined', at('ben'), '--data', at('ben.csv'), ...fast, ...recipe]);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('error:')]);
  });

  it('reads an audit log that is intact', async () => {
    const { entries, intact } = (await service('audit', '--limit', '1000')) as {
      entries: { actor: string; action: string }[];
      intact: boolean;
    };
    expect(intact).toBe(true);
    const actions = new Set(entries.map(({ action }) => action));
    for (const action of [
      'keygen',
      'seal',
      'invite',
      'refresh',
      'gate',
      'submit',
      'open',
      'unlock',
      'rekey',
      'revoke',
    ]) {
      expect([...actions], action).toContain(action);
    }
    const { stdout } = await tell('service', 'audit', '--after', '3', '--limit', '2', ...owner);
    expect(stdout).toMatch(/2 of \d+ entries; more: --after 5\nthe chain is intact: \d+ entries, the last has hash/);
    const newest = (await service('audit', '--limit', '2')) as { entries: { seq: number }[]; next: number };
    expect(newest.entries.map(({ seq }) => seq)).toEqual([entries.length, entries.length - 1]);
    const older = (await service('audit', '--limit', '1', '--before', `${newest.next}`)) as typeof newest;
    expect(older.entries[0].seq).toBe(entries.length - 2);
    const bens = (await service('audit', '--actor', 'Ben', '--action', 'refresh', '--network', 'signs')) as {
      entries: { actor: string; action: string }[];
      matching: number;
    };
    expect(bens.matching).toBe(entries.filter((entry) => entry.actor === 'Ben' && entry.action === 'refresh').length);
    expect(new Set(bens.entries.map(({ actor, action }) => `${actor} ${action}`))).toEqual(new Set(['Ben refresh']));
  });

  it('hears of what happens', async () => {
    const stop = new AbortController();
    const heard: string[] = [];
    const stdout = { write: (line: string) => heard.push(line) };
    const watching = run(['service', 'watch', ...owner, '--json'], { ...io, stdout, signal: stop.signal });
    // Until it listens, nobody tells it anything.
    await expect
      .poll(() => service('gates', 'signs', '--accuracy-drop', '0.1').then(() => heard.length), { timeout: 60_000 })
      .toBeGreaterThan(0);
    stop.abort();
    expect(await watching).toBe(0);
    expect(JSON.parse(heard[0])).toMatchObject({ kind: 'network', subject: networkId });
  });

  it('says what it does not find', async () => {
    const cases: [string[], RegExp][] = [
      [['service', 'revoke', 'Zoe', ...owner], /there is no party 'Zoe'; expected one of .*Ada/],
      [['service', 'lineage', 'nothing', ...owner], /there is no network 'nothing'/],
      [['service', 'invite', 'Ada', '--unlock-mode', 'quota', ...owner], /--unlock-rows/],
      [['service', 'status', '--server', 'http://127.0.0.1:1', '--token-file', at('owner.token')], /cannot be reached/],
      [['service', 'invite', 'Ada', ...owner], /there is a party of the name 'Ada' already \([0-9a-f]{12}\)/],
      [['service', 'create', '--name', 'x', '--layers', '1:lin4', ...owner], /Give --sample FILE/],
      [['service', 'create', '--name', 'x', ...owner], /Give either --layers SPEC or --recipe NAME/],
      [
        ['service', 'create', '--name', 'x', '--layers', '1:lin4', '--sample', at('ada.csv'), ...owner],
        /Give --label COLUMN/,
      ],
      [
        ['service', 'create', '--name', 'signs', '--layers', '1', '--sample', at('ada.csv'), '--label', 'y', ...owner],
        /there is a network of the name 'signs' already/,
      ],
      [['submit', at('store')], /has not joined a network/],
      [['train', '--joined', at('ada'), '--data', at('ada.csv'), '--out', 'x'], /Leave --out out/],
      [['join', 'https://owner.example/', '--out', at('new')], /not the link of an invitation/],
    ];
    for (const [words, message] of cases) {
      const said = await say(words);
      expect(said.stderr, words.join(' ')).toMatch(message);
      expect(said.stderr, words.join(' ')).not.toMatch(/making a key/);
      expect(said.code).toBeGreaterThan(0);
    }
  });

  it('is asked with its token', async () => {
    writeFileSync(at('wrong.token'), 'x'.repeat(43));
    const said = await say(['service', 'status', '--server', running.url, '--token-file', at('wrong.token'), '--json']);
    expect(said.code).toBe(4);
    expect(said.json()).toMatchObject({ error: { code: 'POLICY_DENIED' } });
  });
});
