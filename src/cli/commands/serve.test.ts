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
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareEmbedded } from '../../../test/fixtures/databases.ts';
import { ServiceClient } from '../../client/service-client.ts';
import { say } from '../memory-io.ts';
import { run } from '../run.ts';

const folder = mkdtempSync(join(tmpdir(), 'hermetic-serve-'));
const at = (name: string): string => join(folder, name);
const serve = [
  'serve',
  '--store',
  at('store'),
  '--passphrase-file',
  at('pw'),
  '--port',
  '0',
  '--threads',
  '1',
  '--json',
];

beforeAll(async () => {
  writeFileSync(at('pw'), 'correct horse battery staple\n');
  mkdirSync(at('store'));
  await prepareEmbedded(at('store'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Served {
  readonly url: string;
  readonly token?: string;
}

/** Serves until `use` is done; what it printed, and how it ended. */
async function whileServing(words: readonly string[], use: (served: Served) => Promise<void>): Promise<Served> {
  const stop = new AbortController();
  let hear = (_: string): void => {};
  const heard = new Promise<string>((resolve) => {
    hear = resolve;
  });
  const quiet = { write: () => {} };
  const io = { stdout: { write: hear }, stderr: quiet, env: {}, askSecret: undefined };
  const ended = run(words, { ...io, signal: stop.signal, unheard: new AbortController().signal });
  const line = await Promise.race([heard, ended.then((code) => Promise.reject(new Error(`ended with ${code}`)))]);
  const served = JSON.parse(line) as Served;
  try {
    await use(served);
  } finally {
    stop.abort();
  }
  expect(await ended).toBe(0);
  return served;
}

describe('hermetic serve, before it begins', () => {
  it('fills no folder that holds other things, and says when the port is taken', async () => {
    const words = (folder: string, port: number) => {
      const place = ['--store', at(folder), '--passphrase-file', at('pw')];
      return say(['serve', ...place, '--port', String(port), '--token-file', at('never.token')]);
    };
    mkdirSync(at('thesis'));
    writeFileSync(at('thesis/one.tex'), '');
    const before = statSync(at('thesis')).mode;
    const foreign = await words('thesis', 0);
    expect([foreign.code, foreign.stderr]).toEqual([2, expect.stringContaining('thesis is not empty, and no store')]);
    expect([readdirSync(at('thesis')), statSync(at('thesis')).mode]).toEqual([['one.tex'], before]);
    const other = createServer();
    await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
    const taken = await words('new', (other.address() as AddressInfo).port);
    other.close();
    expect([taken.code, taken.stderr]).toEqual([2, expect.stringMatching(/cannot listen on .*EADDRINUSE.*--port/)]);
    expect([existsSync(at('new')), existsSync(at('never.token'))]).toEqual([false, false]);
  });
});

const statusOf = ({ url, token = '' }: Served) =>
  new ServiceClient({ url, token, attempts: 1 }).overview().then(
    () => 200,
    (error: { status?: number }) => error.status,
  );

describe('serve --store', () => {
  it('shows the token of its owner once, and keeps it', async () => {
    const first = await whileServing(serve, async (served) => {
      expect(await new ServiceClient({ url: served.url }).health()).toMatchObject({ service: 'owner' });
      expect(await statusOf(served)).toBe(200);
      expect(await statusOf({ url: served.url, token: 'x'.repeat(43) })).toBe(401);
    });
    expect(first.token).toMatch(/^[\w-]{43}$/);
    const second = await whileServing(serve, async ({ url }) => {
      expect(await statusOf({ url, token: first.token ?? '' })).toBe(200);
    });
    expect(second).not.toHaveProperty('token');
    const third = await whileServing([...serve, '--new-token'], async ({ url, token = '' }) => {
      expect([await statusOf({ url, token }), await statusOf({ url, token: first.token ?? '' })]).toEqual([200, 401]);
    });
    expect(third.token).not.toBe(first.token);
  });

  it('writes the token into a file for its owner alone', async () => {
    const served = await whileServing([...serve, '--token-file', at('token')], async ({ url }) => {
      expect(await statusOf({ url, token: readFileSync(at('token'), 'utf8').trim() })).toBe(200);
    });
    expect(served).not.toHaveProperty('token');
    expect(statSync(at('token')).mode & 0o777).toBe(0o600);
  });

  it('lets one process at its folder', async () => {
    await whileServing(serve, async () => {
      const other = await say(serve);
      expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('another process serves')]);
    });
  });

  it.each<[string[], RegExp]>([
    [['serve'], /--store FOLDER .* or --key/],
    [[...serve, '--key', 'owner.key'], /not clear what to serve/],
    [[...serve, '--budget', '9'], /--budget is of no use with --store/],
    [['serve', '--key', 'k', '--public-url', 'https://x'], /--public-url is of no use with --key/],
    [['serve', '--key', 'k', '--new-token'], /--new-token is of no use with --key/],
    [['serve', '--key', 'k'], /--token-file is missing/],
    [[...serve, '--new-token', '--token-file', '/dev/null'], /a new one is asked for/],
    [[...serve, '--database', 'mysql://x'], /not the address of a database/],
  ])('refuses %j', async (words, message) => {
    const { code, stderr } = await say(words);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
