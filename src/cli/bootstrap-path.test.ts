import {
  copyFileSync,
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
import { exitCodes } from './exit-codes.ts';
import { type Said, say } from './memory-io.ts';

/** A ring that anyone can break, with 128 slots: two steps of a network of two layers between bootstrappings. */
const SET = 'insecure-b8-9-9';
const folder = mkdtempSync(join(tmpdir(), 'hermetic-bootstrap-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const data = ['--data', at('rows.csv')];
const passphrase = ['--passphrase-file', at('pw'), '--threads', '1'];
const recipe = ['--batch', '16', '--steps', '5', '--learning-rate', '0.5', '--momentum', '0.5'];

async function succeed(...words: string[]): Promise<Record<string, unknown>> {
  const said = await say([...words, '--json', '--quiet']);
  expect(said.stderr.replace(/^warning: .*\n/gm, '')).toBe('');
  expect(said.code).toBe(exitCodes.ok);
  return said.json();
}

/** The command ends with this code, one line of error and no output. */
function expectFailure(said: Said, code: number, message: RegExp): void {
  const errors = said.stderr.split('\n').filter((line) => line.startsWith('error: '));
  expect(errors, said.stderr).toHaveLength(1);
  expect(errors[0]).toMatch(message);
  expect([said.code, said.stdout]).toEqual([code, '']);
  expect(said.stderr).not.toMatch(/HERMETIC_DEBUG|^ +at /m);
}

const keygen = (out: string, ...more: string[]): string[] => [
  'keygen',
  '--set',
  SET,
  ...passphrase,
  '--out',
  at(out),
  ...more,
];

function trainWords(...more: string[]): string[] {
  const keys = ['--keys', at('keys/trainer.keys'), '--threads', '1'];
  return ['train', at('model.sealed'), ...keys, ...data, ...recipe, '--refresh', 'bootstrap', ...more];
}

let told: Said;
beforeAll(async () => {
  const rows = Array.from({ length: 64 }, (_, i) => [Math.sin(i), Math.cos(7 * i)] as const);
  const lines = rows.map(([a, b]) => `${a.toFixed(3)},${b.toFixed(3)},${a + b > 0 ? 1 : 0}`);
  writeFileSync(at('rows.csv'), `a,b,y\n${lines.join('\n')}\n`);
  writeFileSync(at('pw'), 'correct horse battery staple\n');
  told = await say(keygen('keys'));
  const layers = ['--label', 'y', '--layers', '2:linear,1:lin4', '--seed', '1'];
  await succeed('init', ...data, ...layers, '--out', at('model.safetensors'));
  const key = ['--key', at('keys/owner.key'), ...passphrase];
  await succeed('seal', at('model.safetensors'), ...key, '--batch', '16', '--out', at('model.sealed'));
});

const files = ['bootstrapping.keys', 'owner.key', 'trainer.keys'];

describe('keygen for a set that bootstraps', () => {
  it('writes three files and says so', () => {
    expect(told.code).toBe(exitCodes.ok);
    expect(readdirSync(at('keys')).toSorted()).toEqual(files);
    const lines = told.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/keys\/owner\.key +\d+ B, locked: keep it/);
    expect(lines[1]).toMatch(/keys\/trainer\.keys +[\d.]+ MB, for trainers$/);
    expect(lines[2]).toMatch(/keys\/bootstrapping\.keys +[\d.]+ MB, for trainers who refresh alone$/);
    expect(lines[3]).toContain(`set ${SET}`);
    expect(lines[4]).toMatch(/^fingerprint [0-9a-f]{32}: tell it/);
    expect(told.stderr).toMatch(/key \d+\/\d+/);
    // Only its owner may read the secret one.
    expect(statSync(at('keys/owner.key')).mode & 0o077).toBe(0);
  });

  it('and as JSON, with fewer keys for fewer slots', async () => {
    const made = await succeed(...keygen('few', '--bootstrapping-slots', '32'));
    const paths = files.map((name) => at(`few/${name}`));
    expect(made).toMatchObject({
      set: SET,
      securityBits: 0,
      bootstrappingKeys: paths[0],
      ownerKey: paths[1],
      trainerKeys: paths[2],
    });
    const [bootstrapping, owner, trainer] = paths.map((path) => statSync(path).size);
    expect(made.bytes).toEqual({ owner, trainer, bootstrapping });
    expect(bootstrapping).toBeLessThan(statSync(at('keys/bootstrapping.keys')).size);
    expect(await succeed('inspect', paths[0])).toMatchObject({ slots: 32, keyId: made.keyId });
  });

  it.each(['16', '48', '65536', '-32', 'all', '1e99', ''])('refuses --bootstrapping-slots %s', async (slots) => {
    const said = await say(keygen('never', '--bootstrapping-slots', slots));
    expectFailure(said, exitCodes.usage, /--bootstrapping-slots: expected a power of two from 32 to 32768, got/);
    expect(readdirSync(folder)).not.toContain('never');
  });

  it('refuses more slots than the set has', async () => {
    const said = await say(keygen('never', '--bootstrapping-slots', '256', '--quiet'));
    expectFailure(said, exitCodes.usage, /expected a power of two from 32 to 128; got 256/);
    expect(readdirSync(folder)).not.toContain('never');
  });

  it('refuses slots for a set that does not bootstrap, and to write over bootstrapping keys', async () => {
    const other = ['keygen', '--set', 'insecure-8-9-3', ...passphrase, '--out', at('never')];
    const said = await say([...other, '--bootstrapping-slots', '64', '--quiet']);
    expectFailure(said, exitCodes.usage, /insecure-8-9-3 does not bootstrap\. Use the set B16/);
    expect(readdirSync(folder)).not.toContain('never');
    mkdirSync(at('left'));
    writeFileSync(at('left/bootstrapping.keys'), 'of another owner');
    expectFailure(await say(keygen('left', '--quiet')), exitCodes.usage, /bootstrapping\.keys is there already/);
    expect(readFileSync(at('left/bootstrapping.keys'), 'utf8')).toBe('of another owner');
  });
});

describe('train --refresh bootstrap', () => {
  it('trains alone to a network that its owner opens', async () => {
    const trained = await succeed(...trainWords('--out', at('trained.sealed')));
    expect(trained).toMatchObject({
      steps: 5,
      levelsPerStep: 4,
      refreshes: 3,
      // The last refresh is of the weights alone.
      bootstrappings: 8,
      loss: 'locked',
    });
    expect(trained.peakBytes).toBeGreaterThan(2 ** 20);
    expect((trained.levels as { level: number }[])[0].level).toBe(8);
    const inspected = await succeed('inspect', at('trained.sealed'));
    expect(inspected).toMatchObject({ kind: 'sealed-model', round: 1, trainingRuns: 1, levels: [8] });
    const key = ['--key', at('keys/owner.key'), ...passphrase];
    await succeed('open', at('trained.sealed'), ...key, '--out', at('trained.safetensors'));
    const [before, after] = [
      await succeed('evaluate', at('model.safetensors'), ...data),
      await succeed('evaluate', at('trained.safetensors'), ...data),
    ];
    expect(after.accuracy).toBeGreaterThan(0.85);
    expect(after.loss).toBeLessThan((before.loss as number) / 2);
  });

  it('tells what it needs, what it plans, and how far it is', async () => {
    const said = await say(trainWords('--out', at('told.sealed')));
    expect(said.code).toBe(exitCodes.ok);
    expect(said.stderr).toMatch(/^bootstrapping keys: [\d.]+ MB, about [\d.]+ MB of memory beside the training$/m);
    expect(said.stderr).toMatch(/^plan: 4 of 9 levels a step, 6 ciphertexts, 3 bootstrappings every 2 steps$/m);
    const levels = [...said.stderr.matchAll(/^step (\d)\/5 .* level (\d)\/8 · (.*) · loss locked$/gm)].map((m) =>
      m.slice(1),
    );
    expect(levels).toEqual([
      ['1', '4', 'refresh in 1'],
      ['2', '8', 'refreshed'],
      ['3', '4', 'refresh in 1'],
      ['4', '8', 'refreshed'],
      ['5', '8', 'refreshed'],
    ]);
  });

  it('tells a program every step and nothing else', async () => {
    const said = await say(trainWords('--progress', 'json', '--out', at('told-json.sealed')));
    const lines = said.stderr
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('warning: '));
    const events = lines.map((line) => JSON.parse(line) as { event: string; refreshIn: number });
    expect(events.map(({ event, refreshIn }) => [event, refreshIn])).toEqual([1, 0, 1, 0, 0].map((n) => ['step', n]));
  });

  it('finds its keys beside the trainer keys, or where it is told', async () => {
    copyFileSync(at('keys/bootstrapping.keys'), at('elsewhere'));
    const alone = at('alone.keys');
    copyFileSync(at('keys/trainer.keys'), alone);
    const words = (...more: string[]) => trainWords(...more).with(3, alone);
    const missing = await say(words('--out', at('never.sealed')));
    expectFailure(missing, exitCodes.failure, /cannot read .*\/bootstrapping\.keys \(ENOENT\).*check the path/);
    expect(missing.stderr).toContain(at('bootstrapping.keys'));
    const trained = await succeed(
      ...words('--bootstrapping-keys', at('elsewhere'), '--out', at('told-elsewhere.sealed')),
    );
    expect(trained).toMatchObject({ refreshes: 3 });
  });

  it('does not take bootstrapping keys that it would not use', async () => {
    const words = trainWords('--bootstrapping-keys', at('keys/bootstrapping.keys'), '--out', at('never.sealed'));
    const said = await say([...words.map((word) => (word === 'bootstrap' ? 'none' : word)), '--quiet']);
    expectFailure(said, exitCodes.usage, /of no use without bootstrapping\. Add --refresh bootstrap/);
  });

  it('fails with the path where the file is not there, and writes nothing', async () => {
    const words = trainWords('--bootstrapping-keys', at('nowhere'), '--out', at('never.sealed'));
    expectFailure(await say(words), exitCodes.failure, /cannot read .*\/nowhere \(ENOENT\).*check the path/);
    const json = await say([...words, '--json']);
    expect(json.json()).toMatchObject({ error: { code: 'DISK', exitCode: exitCodes.failure } });
    expect(readdirSync(folder)).not.toContain('never.sealed');
  });

  it('refuses keys of another owner, other files, and damaged ones', async () => {
    const damaged = readFileSync(at('keys/bootstrapping.keys'));
    writeFileSync(at('cut.keys'), damaged.subarray(0, damaged.length - 1));
    damaged[damaged.length >> 1] ^= 1;
    writeFileSync(at('flipped.keys'), damaged);
    const cases: [string, RegExp][] = [
      [at('few/bootstrapping.keys'), /bootstrapping keys was made under another key.*trainer\.keys that came with it/],
      [at('keys/trainer.keys'), /another kind of file; expected bootstrapping-keys; got trainer-keys/],
      [at('model.sealed'), /another kind of file; expected bootstrapping-keys; got sealed-model/],
      [at('rows.csv'), /not a Hermetic file/],
      [at('cut.keys'), /truncated/],
      [at('flipped.keys'), /section \d+ of \d+ is damaged/],
    ];
    for (const [path, message] of cases) {
      const said = await say(trainWords('--bootstrapping-keys', path, '--out', at('never.sealed')));
      expectFailure(said, exitCodes.refused, message);
    }
    expect(readdirSync(folder)).not.toContain('never.sealed');
  });

  it.each(['bootstrapp', 'owner', 'ftp://127.0.0.1'])('does not take %s for --refresh', async (target) => {
    const words = trainWords('--out', at('never.sealed')).map((word) => (word === 'bootstrap' ? target : word));
    expectFailure(await say(words), exitCodes.usage, /--refresh: expected .* or bootstrap, or none/);
  });
});

describe('beside training', () => {
  it('inspect tells what bootstrapping.keys are', async () => {
    const path = at('keys/bootstrapping.keys');
    const { keyId } = await succeed('inspect', at('keys/trainer.keys'));
    expect(await succeed('inspect', path)).toMatchObject({
      kind: 'bootstrapping-keys',
      file: path,
      bytes: statSync(path).size,
      parameters: { set: SET, insecure: true },
      keyId,
      slots: 128,
      intact: true,
    });
    const said = await say(['inspect', path]);
    expect(said.stdout).toMatch(/^kind +bootstrapping-keys$/m);
    expect(said.stdout).toMatch(/^slots +128$/m);
  });

  const simulate = ['simulate', at('model.safetensors'), ...data, ...recipe, '--set', 'B16', '--refresh', 'bootstrap'];

  it('simulate tells bootstrappings and the size of their keys', async () => {
    const said = await say([...simulate, '--no-time', '--quiet']);
    expect(said.code).toBe(exitCodes.ok);
    expect(said.stdout).toMatch(/^levels +4 a step of 17; 2 a prediction$/m);
    expect(said.stdout).toMatch(
      /^refresh +2 in 5 steps, the last at the end; 3 bootstrappings for 6 ciphertexts each$/m,
    );
    expect(said.stdout).toMatch(/^sizes .*trainer keys \d+ MB, bootstrapping keys [\d.]+ GB, memory [\d.]+ GB beside/m);
    expect(said.stdout).not.toMatch(/^time /m);
  });

  it('and as JSON', async () => {
    const simulated = await succeed(...simulate, '--no-time');
    expect(simulated).toMatchObject({
      set: 'B16',
      securityBits: 128,
      plan: {
        refresh: 'bootstrap',
        // Keys of all slots; taking parameters apart after a bootstrapping costs a level.
        levels: { max: 17, perStep: 4, fresh: 16 },
        stepsPerRefresh: 4,
        refreshes: 2,
        bytes: { refreshUp: 0, refreshDown: 0 },
      },
    });
    expect(simulated).not.toHaveProperty('forecast');
    const { bytes } = simulated.plan as { bytes: { bootstrappingKeys: number; trainerKeys: number; memory: number } };
    expect(bytes.bootstrappingKeys).toBeGreaterThan(bytes.trainerKeys);
    expect(bytes.memory).toBeGreaterThan(2 * bytes.bootstrappingKeys);
    const owner = await succeed(...simulate.with(-1, 'owner'), '--no-time');
    expect(owner.plan).toMatchObject({ refresh: 'owner', bytes: { bootstrappingKeys: 0 } });
  });

  it('simulate refuses a set that does not bootstrap, before it trains anything', async () => {
    const words = simulate.map((word) => (word === 'B16' ? 'L14' : word));
    const said = await say([...words, '--no-time']);
    expectFailure(said, exitCodes.levelsExhausted, /the set L14 does not bootstrap.*--set B16/);
    expect(said.stderr).not.toContain('twin step');
  });

  it.each(['nobody', 'none', 'http://127.0.0.1:7700'])('demo does not take %s for --refresh', async (who) => {
    expectFailure(
      await say(['demo', 'xor', '--refresh', who]),
      exitCodes.usage,
      /--refresh: expected owner, bootstrap, got/,
    );
  });
});
