import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { HermeticError } from '../base/errors.ts';
import { type ByteSource, readAll } from '../protocol/byte-source.ts';
import { lockAddress } from '../protocol/node/lock.ts';
import { type CheckpointStore, loadNewest, memoryCheckpoints, saveCheckpoint } from './checkpoint-store.ts';
import { folderCheckpoints } from './node/folder-checkpoints.ts';

let root: string;
let folders = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hermetic-checkpoints-'));
});
afterAll(() => rm(root, { recursive: true }));

const newFolder = () => join(root, `run-${folders++}`);
const save = (store: CheckpointStore, step: number) =>
  saveCheckpoint(store, step, (sink) => sink.write(utf8ToBytes(`step ${step}`)));

/** Reads text that says its step; anything else is damage. */
async function readText(source: ByteSource): Promise<string> {
  const text = bytesToUtf8(await readAll(source, 100));
  if (!/^step \d+$/.test(text)) throw new HermeticError('BAD_FILE', 'not a checkpoint');
  return text;
}

const warnings: string[] = [];
const load = (store: CheckpointStore) => loadNewest(store, readText, (message) => warnings.push(message));

describe.each<[string, () => CheckpointStore]>([
  ['memory', memoryCheckpoints],
  ['a folder', () => folderCheckpoints(newFolder())],
])('checkpoints in %s', (_, make) => {
  it('start empty', async () => {
    expect(await load(make())).toBeUndefined();
  });

  it('keep the newest two', async () => {
    const store = make();
    for (const step of [1, 2, 9, 10, 1_000_000]) await save(store, step);
    expect(await store.steps()).toEqual([1_000_000, 10]);
    expect(await load(store)).toBe('step 1000000');
  });

  it('fall back on the one before where the newest is damaged', async () => {
    const store = make();
    await save(store, 3);
    await saveCheckpoint(store, 4, (sink) => sink.write(utf8ToBytes('st')));
    warnings.length = 0;
    expect(await load(store)).toBe('step 3');
    expect(warnings).toEqual([expect.stringContaining('step 4 is damaged')]);
  });

  it('say so where all are damaged', async () => {
    const store = make();
    await saveCheckpoint(store, 4, (sink) => sink.write(utf8ToBytes('st')));
    await expect(load(store)).rejects.toMatchObject({ code: 'BAD_FILE', mend: expect.stringContaining('anew') });
  });

  it('keep the old one when writing fails half way', async () => {
    const store = make();
    await save(store, 1);
    const failing = saveCheckpoint(store, 1, async (sink) => {
      await sink.write(utf8ToBytes('half'));
      throw new Error('the disk is full');
    });
    await expect(failing).rejects.toThrow('the disk is full');
    expect(await load(store)).toBe('step 1');
  });

  it('pass other errors on', async () => {
    const store = make();
    await save(store, 1);
    const wrongKey = async () => {
      throw new HermeticError('WRONG_KEY', 'another key');
    };
    await expect(loadNewest(store, wrongKey, () => {})).rejects.toMatchObject({ code: 'WRONG_KEY' });
  });
});

describe('a folder of checkpoints', () => {
  it('leaves files of others alone and sweeps up after a killed process', async () => {
    const folder = newFolder();
    await save(folderCheckpoints(folder), 1);
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await writeFile(join(folder, '.step-000002.checkpoint.0123456789ab.tmp'), 'half');
    await save(folderCheckpoints(folder), 2);
    const names = (await readdir(folder)).toSorted();
    expect(names).toEqual(['notes.txt', 'step-000001.checkpoint', 'step-000002.checkpoint']);
  });

  it('falls back when the newest file was cut short', async () => {
    const folder = newFolder();
    const store = folderCheckpoints(folder);
    await save(store, 1);
    await save(store, 2);
    await truncate(join(folder, 'step-000002.checkpoint'), 3);
    expect(await load(store)).toBe('step 1');
  });

  it('says what the disk said', async () => {
    const file = join(root, 'a-file');
    await writeFile(file, '');
    const store = folderCheckpoints(join(file, 'run'));
    await expect(save(store, 1)).rejects.toMatchObject({ code: 'DISK' });
    await expect(store.steps()).rejects.toMatchObject({ code: 'DISK' });
  });

  it('belongs to one run at a time, by whatever path', async () => {
    const folder = newFolder();
    const release = await folderCheckpoints(folder).claim?.();
    const second = folderCheckpoints(join(folder, '..', basename(folder)));
    await expect(second.claim?.()).rejects.toMatchObject({ code: 'DISK', mend: expect.stringContaining('Wait') });
    await expect(folderCheckpoints(newFolder()).claim?.()).resolves.toBeTypeOf('function');
    await release?.();
    await expect(second.claim?.()).resolves.toBeTypeOf('function');
  });

  it('is free again when its process was killed, also where locks are files', async () => {
    const address = join(root, 'socket');
    const script = `require('node:net').createServer().listen(${JSON.stringify(address)}, () => console.log('on'))`;
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    expect(await lockAddress(address)).toBeUndefined();
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const lock = await lockAddress(address);
    expect(lock).toMatchObject({ exclusive: true });
    expect(await lockAddress(address)).toBeUndefined();
    await lock?.release();
  });
});
