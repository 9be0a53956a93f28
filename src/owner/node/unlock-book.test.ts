import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memorySink } from '../../protocol/byte-source.ts';
import { ciphertextParameters } from '../../protocol/ckks-codec.ts';
import { lockIn } from '../../protocol/node/lock.ts';
import { writeOwnerKey } from '../../protocol/secret/owner-key.ts';
import { parameterSet } from '../../schemes/ckks/parameters.ts';
import { type CountedKey, type UnlockAnswer, UnlockLedger } from '../unlock-ledger.ts';
import { carryUnlocks, fileUnlockBook, openUnlockLedger } from './unlock-book.ts';

const root = mkdtempSync(join(tmpdir(), 'hermetic-unlocks-'));
afterAll(() => rmSync(root, { recursive: true }));
let sources: string;
beforeAll(() => {
  sources = transpileSources();
});

/** As long as a test: how many wait for each other's writes, and how slow the disk is, decides nothing here. */
const PATIENCE_MS = 60_000;

/** 32 bits. */
const parameters = { N: 4096, logN: 12, logQP: 200, insecure: true };
const key: CountedKey = { keyId: '0123456789abcdef', context: { parameters } };
const answer = (row: number, bits: number = 1): UnlockAnswer => ({
  predictions: 'ab'.repeat(32),
  row,
  release: 'label',
  bits,
});

let folder: string;
let keyFile: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'keys-'));
  keyFile = join(folder, 'owner.key');
  file = `${keyFile}.unlocks`;
  writeFileSync(keyFile, 'a key', { mode: 0o600 });
});

const ledgerAt = (path: string = file, patienceMs: number = PATIENCE_MS): UnlockLedger =>
  new UnlockLedger(fileUnlockBook(path, undefined, patienceMs));

describe('the key of a service', () => {
  it('has its count there: no other book is opened beside it, by whatever path', async () => {
    const keys = join(folder, 'keys');
    mkdirSync(keys);
    const inStore = join(keys, 'a1b2.key');
    writeFileSync(inStore, 'a key', { mode: 0o600 });
    await (await openUnlockLedger(inStore)).account(key);
    writeFileSync(join(folder, 'store-id'), 'ab\n');
    symlinkSync(inStore, join(folder, 'link.key'));
    for (const path of [inStore, join(folder, 'link.key')]) {
      await expect(openUnlockLedger(path)).rejects.toMatchObject({
        code: 'POLICY_DENIED',
        mend: expect.stringContaining('hermetic service approve'),
      });
    }
    await openUnlockLedger(keyFile);
  });
});

describe('a ledger in a file', () => {
  it('begins where there is none, is private, and is found again', async () => {
    const ledger = await openUnlockLedger(keyFile);
    expect(await ledger.account(key)).toEqual({ used: 0, left: 32, limit: 32 });
    expect(readdirSync(folder)).toEqual(['owner.key']);
    await ledger.charge(key, [answer(0, 3), answer(7, 2)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['owner.key', 'owner.key.unlocks']);
    expect(await (await openUnlockLedger(keyFile)).account(key)).toMatchObject({ used: 5 });
    expect(await ledgerAt().answers(key)).toEqual([answer(0, 3), answer(7, 2)]);
  });

  it('is the same by whatever path, and for another key in the same place another account', async () => {
    const link = join(mkdtempSync(join(root, 'links-')), 'my.key');
    symlinkSync(keyFile, link);
    await (await openUnlockLedger(link)).charge(key, [answer(0)]);
    expect(readdirSync(dirname(link))).toEqual(['my.key']);
    const other = { ...key, keyId: 'fedcba9876543210' };
    await ledgerAt().charge(other, [answer(0, 30)]);
    expect(await ledgerAt().account(key)).toMatchObject({ used: 1 });
    expect(await ledgerAt().account(other)).toMatchObject({ used: 30 });
  });

  it('does not write where nothing is new, nor where it refuses', async () => {
    await ledgerAt().charge(key, [answer(0)]);
    const before = statSync(file).ino;
    await ledgerAt().charge(key, [answer(0)]);
    await expect(ledgerAt().charge(key, [answer(1, 32)])).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    expect(statSync(file).ino).toBe(before);
  });

  it('takes the fields of an answer in any order', async () => {
    const { bits, row, ...rest } = answer(2);
    await ledgerAt().charge(key, [{ bits, ...rest, row }]);
    expect(await ledgerAt().answers(key)).toEqual([answer(2)]);
  });

  it('needs its key', async () => {
    await expect(openUnlockLedger(join(folder, 'no.key'))).rejects.toMatchObject({ code: 'DISK' });
  });
});

describe('a key that a network was rekeyed to', () => {
  const first: CountedKey = { keyId: 'aaaaaaaaaaaaaaaa', context: { parameters: { ...parameters, N: 2048 } } };
  const second: CountedKey = { keyId: 'bbbbbbbbbbbbbbbb', context: { parameters } };
  let firstFile: string;
  beforeEach(async () => {
    mkdirSync(join(folder, 'before'));
    firstFile = join(folder, 'before', 'owner.key');
    await writeKey(firstFile, first.keyId, 'insecure-11-1-1');
    await writeKey(keyFile, second.keyId, 'insecure-12-1-1');
  });
  const rekeyed = () => carryUnlocks({ path: firstFile, keyId: first.keyId }, keyFile);

  /** A key file as far as its header goes. */
  async function writeKey(path: string, keyId: string, set: string): Promise<void> {
    const { description: parameters, hash: parameterHash } = ciphertextParameters(await parameterSet(set));
    const sink = memorySink();
    const file = { parameters, parameterHash, keyId, secret: {} };
    await writeOwnerKey(sink, file, 'a passphrase', { insecureTestWorkFactor: 1 });
    writeFileSync(path, sink.bytes(), { mode: 0o600 });
  }

  it('charges the one before as well, together or not at all, and has no more left than that', async () => {
    await (await openUnlockLedger(firstFile)).charge(first, [answer(0, 4)]);
    await (await openUnlockLedger(keyFile)).charge(second, [answer(9, 1)]);
    await rekeyed();
    await rekeyed();
    const ledger = await openUnlockLedger(keyFile);
    expect(await ledger.account(second)).toEqual({ used: 4, left: 12, limit: 16 });
    await ledger.charge(second, [answer(1, 5)]);
    expect(await (await openUnlockLedger(firstFile)).answers(first)).toEqual([answer(0, 4), answer(1, 5)]);
    expect(await (await openUnlockLedger(keyFile)).answers(second)).toEqual([answer(9, 1), answer(1, 5)]);
    await expect(ledger.charge(second, [answer(2, 8)])).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    expect(await ledger.answers(second)).toHaveLength(2);
    // Under the first key nothing is known of the second.
    await (await openUnlockLedger(firstFile)).charge(first, [answer(3, 1)]);
    expect(await ledger.answers(second)).toHaveLength(2);
  });

  it('charges all of them, also where the way leads back', async () => {
    await rekeyed();
    await carryUnlocks({ path: keyFile, keyId: second.keyId }, firstFile);
    const third = { keyId: 'cccccccccccccccc', context: { parameters } };
    const thirdFile = join(folder, 'third.key');
    await writeKey(thirdFile, third.keyId, 'insecure-12-1-1');
    await carryUnlocks({ path: keyFile, keyId: second.keyId }, thirdFile);
    await (await openUnlockLedger(thirdFile)).charge(third, [answer(0)]);
    for (const [file, key] of [
      [firstFile, first],
      [keyFile, second],
      [thirdFile, third],
    ] as const) {
      expect(await (await openUnlockLedger(file)).answers(key)).toEqual([answer(0)]);
    }
    await (await openUnlockLedger(firstFile)).charge(first, [answer(1)]);
    expect(await (await openUnlockLedger(keyFile)).answers(second)).toEqual([answer(0), answer(1)]);
  });

  it('answers nothing where the one before is no longer where it was', async () => {
    await rekeyed();
    rmSync(firstFile);
    await expect(openUnlockLedger(keyFile)).rejects.toMatchObject({
      code: 'DISK',
      expected: firstFile,
      mend: expect.stringContaining('Put it back'),
    });
  });

  it('answers nothing where another key is there now, and goes on when it is told the new place', async () => {
    await (await openUnlockLedger(firstFile)).charge(first, [answer(0, 9)]);
    await rekeyed();
    const moved = join(folder, 'moved');
    renameSync(join(folder, 'before'), moved);
    mkdirSync(join(folder, 'before'));
    await writeKey(firstFile, 'dddddddddddddddd', 'insecure-11-1-1');
    await expect(openUnlockLedger(keyFile)).rejects.toMatchObject({ code: 'WRONG_KEY' });
    await expect(rekeyed()).rejects.toMatchObject({ code: 'WRONG_KEY' });
    await carryUnlocks({ path: join(moved, 'owner.key'), keyId: first.keyId }, keyFile);
    expect((await (await openUnlockLedger(keyFile)).account(second)).left).toBe(7);
  });

  it('carries nothing from itself, and moves with its folder', async () => {
    await carryUnlocks({ path: keyFile, keyId: second.keyId }, keyFile);
    expect(readdirSync(folder)).not.toContain('owner.key.unlocks');
    await rekeyed();
    const moved = `${folder}-moved`;
    renameSync(folder, moved);
    await (await openUnlockLedger(join(moved, 'owner.key'))).charge(second, [answer(0)]);
    expect(readdirSync(join(moved, 'before'))).toEqual(['owner.key', 'owner.key.unlocks']);
  });

  it('reads a ledger of the version before', async () => {
    const keys = { [key.keyId]: [answer(0, 9)] };
    const digest = createHash('sha256').update(JSON.stringify(keys)).digest('hex');
    writeFileSync(file, JSON.stringify({ version: 1, keys, digest }), { mode: 0o600 });
    expect(await ledgerAt().account(key)).toMatchObject({ used: 9 });
    await ledgerAt().charge(key, [answer(1)]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 2, carried: [] });
    writeFileSync(file, JSON.stringify({ version: 1, keys: { [key.keyId]: [] }, digest }), { mode: 0o600 });
    await expect(ledgerAt().account(key)).rejects.toMatchObject({ code: 'BAD_FILE' });
  });
});

describe('a ledger that cannot be trusted', () => {
  const damages: [string, (text: string) => string][] = [
    ['empty', () => ''],
    ['cut short', (text) => text.slice(0, -20)],
    ['no JSON', () => 'two'],
    ['of another version', (text) => text.replace('"version":2', '"version":3')],
    ['with less on it', (text) => text.replace('"bits":9', '"bits":1')],
    ['without its entries', (text) => text.replace(/\[\{.*\}\]/, '[]')],
    ['with another key', (text) => text.replace(key.keyId, '0123456789abcdee')],
    ['with an unknown field', (text) => text.replace('{"version"', '{"note":0,"version"')],
    ['no text', (text) => `${text}\u{fffd}`],
  ];
  it.each(damages)('is not begun anew: %s', async (_, damage) => {
    await ledgerAt().charge(key, [answer(0, 9)]);
    const text = damage(readFileSync(file, 'utf8'));
    writeFileSync(file, text.endsWith('\u{fffd}') ? Buffer.from([0xff, 0xfe]) : text);
    const bytes = readFileSync(file);
    const uses = [() => ledgerAt().charge(key, [answer(1)]), () => ledgerAt().account(key)];
    for (const use of uses) {
      await expect(use()).rejects.toMatchObject({ code: 'BAD_FILE', mend: expect.stringMatching(/backup.*rekey/) });
    }
    expect(readFileSync(file)).toEqual(bytes);
  });

  it('is refused while others may write it, or it lies where nobody can look', async () => {
    await ledgerAt().charge(key, [answer(0)]);
    chmodSync(file, 0o666);
    await expect(ledgerAt().charge(key, [answer(1)])).rejects.toMatchObject({ mend: expect.stringMatching(/chmod/) });
    rmSync(file);
    symlinkSync(join(folder, 'unmounted', 'ledger'), file);
    await expect(ledgerAt().charge(key, [answer(1)])).rejects.toMatchObject({ code: 'DISK' });
  });

  it('answers nothing where it cannot be written', async () => {
    await expect(ledgerAt(join(folder, 'no', 'ledger')).charge(key, [answer(0)])).rejects.toMatchObject({
      code: 'DISK',
    });
  });
});

describe('ledgers on one file', () => {
  it('wait for each other within a process', async () => {
    const calls = Array.from({ length: 40 }, (_, row) => ledgerAt().charge(key, [answer(row)]));
    const settled = await Promise.allSettled(calls);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(32);
    expect(await ledgerAt().account(key)).toMatchObject({ used: 32 });
  });

  it('wait for whoever holds the lock', async () => {
    const lock = (await lockIn(folder, 'unlocks'))!;
    let done = false;
    const call = ledgerAt()
      .charge(key, [answer(0)])
      .then(() => {
        done = true;
      });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(done).toBe(false);
    await lock.release();
    await call;
    expect(await ledgerAt().account(key)).toMatchObject({ used: 1 });
  });

  it('give up on a lock that nobody releases, and charge nothing', async () => {
    const lock = (await lockIn(folder, 'unlocks'))!;
    const call = ledgerAt(file, 50).charge(key, [answer(0)]);
    await expect(call).rejects.toMatchObject({ code: 'DISK', message: expect.stringContaining('another process') });
    await lock.release();
    expect(await ledgerAt().account(key)).toMatchObject({ used: 0 });
  });

  it('let four processes at once answer no more than one', async () => {
    const processes = [0, 1, 2, 3].map((first) => chargeInProcess(first * 100, 12));
    const granted = await Promise.all(processes);
    expect(granted.reduce((a, b) => a + b, 0)).toBe(32);
    const answers = await ledgerAt().answers(key);
    expect(new Set(answers.map(({ row }) => row)).size).toBe(32);
  });

  it('count too much and never too little where a process is killed', async () => {
    const child = startProcess(`
      const answers = [];
      for (let row = 0; row < 30; row++) { await ledger.charge(key, [answer(row)]); console.log('granted ' + row); }
    `);
    let said = '';
    for await (const chunk of child.stdout) {
      said += chunk;
      if (said.includes('granted 3\n')) child.kill('SIGKILL');
    }
    const granted = said.match(/granted/g)!.length;
    const { used } = await ledgerAt().account(key);
    expect(used).toBeGreaterThanOrEqual(granted);
    await ledgerAt().charge(key, [answer(1000)]);
    expect(await ledgerAt().account(key)).toMatchObject({ used: used + 1 });
  });
});

/** Sources as JavaScript below `root`, for a bare Node: this file's neighbours and all that they import. */
function transpileSources(): string {
  const repository = fileURLToPath(new URL('../../../', import.meta.url));
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  const done = new Set<string>();
  const visit = (path: string): void => {
    if (done.has(path)) return;
    done.add(path);
    const { outputText } = ts.transpileModule(readFileSync(join(repository, path), 'utf8'), { compilerOptions });
    const relative = /(?<=from ')(\.[^']*)\.ts(?=')/g;
    for (const [, name] of outputText.matchAll(relative)) visit(join(dirname(path), `${name}.ts`));
    const target = join(root, path.replace(/\.ts$/, '.mjs'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText.replaceAll(relative, '$1.mjs'));
  };
  visit('src/owner/node/unlock-book.ts');
  return join(root, 'src/owner');
}

/** A process with `ledger`, `key` and `answer` as here. */
function startProcess(body: string) {
  const script = `
    import { UnlockLedger } from ${JSON.stringify(join(sources, 'unlock-ledger.mjs'))};
    import { fileUnlockBook } from ${JSON.stringify(join(sources, 'node/unlock-book.mjs'))};
    const key = ${JSON.stringify(key)};
    const answer = (row) => ({ predictions: 'ab'.repeat(32), row, release: 'label', bits: 1 });
    const ledger = new UnlockLedger(fileUnlockBook(${JSON.stringify(file)}, undefined, ${PATIENCE_MS}));
    ${body}
  `;
  const words = ['--input-type=module', '-e', script];
  return spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** How many of `count` charges of a bit were granted. */
async function chargeInProcess(firstRow: number, count: number): Promise<number> {
  const child = startProcess(`
    let granted = 0;
    for (let i = 0; i < ${count}; i++) {
      await ledger.charge(key, [answer(${firstRow} + i)]).then(() => granted++, (error) => {
        if (error.code !== 'POLICY_DENIED') throw error;
      });
    }
    console.log(granted);
  `);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(0);
  return Number(said);
}
