import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySink, memorySource } from '../protocol/byte-source.ts';
import { ciphertextParameters } from '../protocol/ckks-codec.ts';
import { readSealedPredictions, writeSealedPredictions } from '../protocol/sealed-predictions.ts';
import { parameterSet } from '../schemes/ckks/parameters.ts';
import { say } from './memory-io.ts';

/** A ring that anyone can break, for speed. */
const SET = 'insecure-10-9-3';
const folder = mkdtempSync(join(tmpdir(), 'hermetic-sealed-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

const data = ['--data', at('rows.csv')];
const key = ['--key', at('keys/owner.key'), '--passphrase-file', at('pw'), '--threads', '1'];
const trainerKeys = ['--keys', at('keys/trainer.keys'), '--threads', '1'];

async function succeed(...words: string[]): Promise<Record<string, unknown>> {
  const said = await say([...words, '--json', '--quiet']);
  expect(said.stderr.replace(/^warning: .*\n/gm, '')).toBe('');
  expect(said.code).toBe(0);
  return said.json();
}

beforeAll(async () => {
  const rows = Array.from({ length: 64 }, (_, i) => [Math.sin(i), Math.cos(7 * i)] as const);
  const lines = rows.map(([a, b]) => `${a.toFixed(3)},${b.toFixed(3)},${a + b > 0 ? 1 : 0}`);
  writeFileSync(at('rows.csv'), `a,b,y\n${lines.join('\n')}\n`);
  writeFileSync(at('pw'), 'correct horse battery staple\n');
  const keys = await succeed(
    'keygen',
    '--set',
    SET,
    '--passphrase-file',
    at('pw'),
    '--out',
    at('keys'),
    '--threads',
    '1',
  );
  expect(keys).toMatchObject({ schema: 1, set: SET, ownerKey: at('keys/owner.key') });
  await succeed('init', ...data, '--label', 'y', '--layers', '1:lin4', '--seed', '1', '--out', at('model.safetensors'));
  const sealed = await succeed('seal', at('model.safetensors'), ...key, '--batch', '32', '--out', at('model.sealed'));
  expect(sealed).toMatchObject({ set: SET, securityBits: 0 });
});

describe('the sealed path on the command line', () => {
  it('trains, opens, evaluates; predicts and unlocks the same', async () => {
    const before = await succeed('evaluate', at('model.safetensors'), ...data);
    const recipe = ['--batch', '32', '--steps', '3', '--learning-rate', '0.5', '--momentum', '0'];
    const trained = await succeed(
      'train',
      at('model.sealed'),
      ...trainerKeys,
      ...data,
      ...recipe,
      '--out',
      at('trained.sealed'),
    );
    expect(trained).toMatchObject({ steps: 3, loss: 'locked', recipe: { learningRate: 0.5, batch: 32 }, refreshes: 0 });
    await succeed('open', at('trained.sealed'), ...key, '--out', at('trained.safetensors'));
    // Weights in the clear are for their owner alone.
    for (const plain of ['trained.safetensors', 'model.safetensors'])
      expect(statSync(at(plain)).mode & 0o777).toBe(0o600);
    const after = await succeed('evaluate', at('trained.safetensors'), ...data);
    expect(after.accuracy).toBeGreaterThan(0.85);
    expect(after.loss).toBeLessThan(before.loss as number);
    const inspected = await succeed('inspect', at('trained.sealed'));
    expect(inspected).toMatchObject({ kind: 'sealed-model', round: 1, parameters: { set: SET, insecure: true } });
    const simulated = await succeed('simulate', at('model.sealed'), ...data, ...recipe, '--refresh', 'none');
    expect(simulated).toMatchObject({ set: SET, plan: { refresh: 'none', packing: { batch: 32 } } });
    expect((simulated.forecast as { secondsPerStep: number }).secondsPerStep).toBeGreaterThan(0);
  });

  it('predicts sealed and releases classes or a few bits', async () => {
    await succeed('predict', at('model.sealed'), ...trainerKeys, ...data, '--rows', '0,1,2', '--out', at('p.sealed'));
    const unlocked = await succeed('unlock', at('p.sealed'), ...key, '--bits', '8', '--private');
    const rows = unlocked.predictions as { row: number; label: number; outputs: number[] }[];
    expect(rows.map(({ row }) => row)).toEqual([0, 1, 2]);
    for (const { label, outputs } of rows) expect(label).toBe(Number(outputs[0] >= 0.5));
    expect(unlocked).not.toHaveProperty('budget');
    const refused = await say([
      'predict',
      at('model.sealed'),
      ...trainerKeys,
      ...data,
      '--rows',
      '99',
      '--out',
      at('q'),
    ]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/there is no row 99; expected 0 to 63/);
  });

  it('lets no class that a trainer named paint the screen or run in a spreadsheet', async () => {
    await succeed('predict', at('model.sealed'), ...trainerKeys, ...data, '--rows', '0,1', '--out', at('n.sealed'));
    const parameters = ciphertextParameters(await parameterSet(SET));
    const read = { parametersFor: () => parameters, onWarning: () => {} };
    const predictions = await readSealedPredictions(memorySource(readFileSync(at('n.sealed'))), read);
    const named = async (classNames: readonly string[]): Promise<Uint8Array> => {
      const sink = memorySink();
      await writeSealedPredictions(sink, { ...predictions, classNames }, parameters);
      return sink.bytes();
    };
    await expect(named(['\u001b[2J', 'b'])).rejects.toThrow(/one line of text/);
    writeFileSync(at('n.sealed'), await named(['=HYPERLINK("http://x")', '@x, \u202ey']));
    await succeed('unlock', at('n.sealed'), ...key, '--private', '--out', at('n.csv'));
    const shown = (await say(['unlock', at('n.sealed'), ...key, '--private'])).stdout;
    for (const csv of [readFileSync(at('n.csv'), 'utf8'), shown]) {
      expect(csv).toMatch(/^row,label,class\n(\d,[01],"'(=HYPERLINK\(""http:\/\/x""\)|@x, {2}y)"\n){2}$/);
    }
    expect(statSync(at('n.csv')).mode & 0o777).toBe(0o600);
  });

  it('counts what it releases, in a file beside the key, and stops at the limit', async () => {
    await succeed('predict', at('model.sealed'), ...trainerKeys, ...data, '--rows', '3,4,5,6', '--out', at('r.sealed'));
    const ledger = at('keys/owner.key.unlocks');
    const unlock = (...words: string[]) => say(['unlock', at('r.sealed'), ...key, '--json', ...words]);
    const private_ = await unlock('--private');
    expect(private_.code).toBe(0);
    expect(private_.stderr).toMatch(/^warning: these answers are not counted: keep them to yourself/m);
    expect(existsSync(ledger)).toBe(false);

    const unsaid = await unlock();
    expect([unsaid.code, unsaid.stderr]).toEqual([2, expect.stringMatching(/not said which rows.*--rows.*--all/)]);
    expect((await unlock('--all', '--bits', '12')).stderr).toMatch(/at most 8 bits/);
    const labels = await unlock('--rows', '0,1');
    expect(labels.json().budget).toEqual({ used: 2, left: 6, limit: 8 });
    expect(labels.stderr).toMatch(/^6 of 8 bits left to answer under this key$/m);
    expect(labels.stderr).not.toMatch(/not counted/);
    expect(statSync(ledger).mode & 0o777).toBe(0o600);
    const refused = await unlock('--rows', '2,3', '--bits', '4', '--out', at('none.csv'));
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/at most 6 bits: 2 of 8 are used up; got 8.*rekey.*--private/);
    expect(existsSync(at('none.csv'))).toBe(false);

    const again = await unlock('--rows', '1,0');
    expect(again.json().budget).toEqual({ used: 2, left: 6, limit: 8 });
    const read = private_.json().predictions as { row: number; label: number }[];
    expect(again.json().predictions).toEqual([read[1], read[0]]);

    const bytes = readFileSync(ledger);
    writeFileSync(ledger, bytes.subarray(0, 40));
    const damaged = await unlock('--rows', '1');
    expect(damaged.code).toBe(3);
    expect(damaged.stderr).toMatch(/cannot be read.*backup/);
    expect(readFileSync(ledger)).toEqual(bytes.subarray(0, 40));
  });

  it('counts under the earlier key too what is answered about weights that were sealed anew', async () => {
    const next = ['--set', SET, '--passphrase-file', at('pw'), '--out', at('next'), '--threads', '1'];
    await succeed('keygen', ...next);
    await succeed('open', at('model.sealed'), ...key, '--out', at('opened.safetensors'));
    const nextKey = ['--key', at('next/owner.key'), '--passphrase-file', at('pw')];
    await succeed('seal', at('opened.safetensors'), ...nextKey, '--batch', '32', '--out', at('next.sealed'));
    const book = JSON.parse(readFileSync(at('next/owner.key.unlocks'), 'utf8'));
    expect(book.carried).toMatchObject([{ path: '../keys/owner.key', parameters: { insecure: true } }]);
    const rekeyed = ['--from', at('keys/owner.key'), '--to', at('next/owner.key'), '--passphrase-file', at('pw')];
    await succeed('rekey', at('model.sealed'), ...rekeyed, '--out', at('rekeyed.sealed'));
    expect(JSON.parse(readFileSync(at('next/owner.key.unlocks'), 'utf8')).carried).toHaveLength(1);
    renameSync(at('keys/owner.key'), at('keys/elsewhere.key'));
    const lost = await say(['seal', at('opened.safetensors'), ...nextKey, '--batch', '32', '--out', at('lost.sealed')]);
    renameSync(at('keys/elsewhere.key'), at('keys/owner.key'));
    expect([lost.code, lost.stderr]).toEqual([1, expect.stringContaining('keys/owner.key')]);
    expect(existsSync(at('lost.sealed'))).toBe(false);
  });

  it('refuses the wrong passphrase, a missing one, and an open key file', async () => {
    writeFileSync(at('wrong'), 'incorrect donkey\n');
    const wrong = await say([
      'open',
      at('model.sealed'),
      '--key',
      at('keys/owner.key'),
      '--passphrase-file',
      at('wrong'),
      '--out',
      at('x'),
    ]);
    expect(wrong.code).toBe(3);
    expect(wrong.stderr).toMatch(/passphrase does not open/);
    const missing = await say(['open', at('model.sealed'), '--key', at('keys/owner.key'), '--out', at('x')]);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/Give --passphrase-file FILE/);
    const declined = await say(['open', at('model.sealed'), '--key', at('keys/owner.key'), '--out', at('x')], {
      askSecret: async () => undefined,
    });
    expect(declined.code).toBe(130);
    writeFileSync(at('open.key'), readFileSync(at('keys/owner.key')), { mode: 0o644 });
    const open = await say([
      'open',
      at('model.sealed'),
      '--key',
      at('open.key'),
      '--passphrase-file',
      at('pw'),
      '--out',
      at('x'),
    ]);
    expect(open.code).toBe(3);
    expect(open.stderr).toMatch(/chmod 600/);
  });

  it('says of a file that is public that it is no key, not that it should be closed to others', async () => {
    for (const name of ['keys/trainer.keys', 'model.sealed', 'model.safetensors']) {
      writeFileSync(at('public'), readFileSync(at(name)), { mode: 0o644 });
      const open = ['open', at('model.sealed'), '--key', at('public'), '--passphrase-file', at('pw'), '--out', at('x')];
      const said = await say(open);
      expect([said.code, said.stderr]).toEqual([3, expect.stringContaining('is no secret key')]);
      expect(said.stderr).not.toMatch(/chmod/);
    }
  });

  it('warns once of a learning rate that diverges', async () => {
    const rate = ['--batch', '32', '--steps', '3', '--learning-rate', '1e6', '--out', at('far.sealed')];
    const said = await say(['train', at('model.sealed'), ...trainerKeys, ...data, ...rate]);
    expect(said.stderr.match(/this recipe diverges/g)).toHaveLength(1);
  });

  it('does not write over an owner key', async () => {
    const again = await say(['keygen', '--set', SET, '--passphrase-file', at('pw'), '--out', at('keys')]);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/is there already/);
  });

  it('refuses damaged, foreign and swapped files', async () => {
    const words = (model: string, keys: string): string[] => [
      'train',
      model,
      '--keys',
      keys,
      ...data,
      '--learning-rate',
      '1',
      '--out',
      at('x'),
    ];
    const bytes = readFileSync(at('model.sealed'));
    writeFileSync(at('cut.sealed'), bytes.subarray(0, bytes.length - 100));
    bytes[bytes.length - 200] ^= 4;
    writeFileSync(at('flipped.sealed'), bytes);
    for (const model of [at('cut.sealed'), at('flipped.sealed'), at('rows.csv'), at('keys/trainer.keys')]) {
      expect((await say(words(model, at('keys/trainer.keys')))).code, model).toBe(3);
    }
    expect((await say(words(at('model.sealed'), at('model.sealed')))).code).toBe(3);
    const { keyId } = await succeed('inspect', at('keys/trainer.keys'));
    const wrong = ['0'.repeat(32), 'told by heart'];
    for (const told of wrong) {
      const said = await say([...words(at('model.sealed'), at('keys/trainer.keys')), '--fingerprint', told]);
      expect(said.stderr).toMatch(told === wrong[0] ? /another fingerprint/ : /32 hexadecimal digits/);
    }
    const told = `${keyId}`.toUpperCase().replaceAll(/(.{4})/g, '$1 ');
    const rows = ['--rows', '0', '--fingerprint', told, '--out', at('q.sealed')];
    await succeed('predict', at('model.sealed'), ...trainerKeys, ...data, ...rows);
    const flipped = await say(['inspect', at('flipped.sealed')]);
    expect(flipped.code).toBe(3);
    expect(flipped.stderr).toMatch(/^warning: .*\nerror: .*\n$/);
  });

  it('finds out before it works that the result cannot be written', async () => {
    const said = await say(['train', at('model.sealed'), ...trainerKeys, ...data, '--out', at('no/such/folder/x')]);
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/cannot write .*check the path/);
  });

  it('wants a token for a server, before it loads anything', async () => {
    const said = await say([
      'train',
      at('model.sealed'),
      ...trainerKeys,
      ...data,
      '--refresh',
      'http://127.0.0.1:1',
      '--out',
      at('x'),
    ]);
    expect(said.code).toBe(2);
    expect(said.stderr).toMatch(/Give --token-file FILE/);
  });
});
