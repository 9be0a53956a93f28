import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exampleFiles, parameters, sealedModel } from '../../../test/vectors/format-v1/fixture.ts';
import { utf8ToBytes } from '../../base/bytes.ts';
import { readSealedModel, writeSealedModel } from '../sealed-model.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { openFileSource, withFileSource } from './file-source.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermetic-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (path: string, text: string, options = {}) =>
  writeFileAtomically(path, (sink) => sink.write(utf8ToBytes(text)), options);

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

interface FailingHandle {
  write(): Promise<unknown>;
  sync(): Promise<void>;
}

/** The prototype of Node's file handles, to let the disk fail. */
async function handlePrototype(): Promise<FailingHandle> {
  const handle = await open(folder, 'r');
  await handle.close();
  return Object.getPrototypeOf(handle) as FailingHandle;
}

describe('atomic writing', () => {
  it('replaces the whole file and leaves nothing else', async () => {
    const path = join(folder, 'model.sealed');
    await write(path, 'a long first version');
    await write(path, 'second');
    expect(await readFile(path, 'utf8')).toBe('second');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('sets the mode exactly, also over an open file', async () => {
    const path = join(folder, 'owner.key');
    await write(path, 'public');
    await chmod(path, 0o644);
    await write(path, 'private', { mode: 0o600 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('returns what the producer returned', async () => {
    const id = await writeFileAtomically(join(folder, 'm'), (sink) => writeSealedModel(sink, sealedModel, parameters));
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(new Uint8Array(await readFile(join(folder, 'm')))).toEqual((await exampleFiles())['model.sealed']);
  });

  it.each(['ENOSPC', 'EACCES', 'EIO'])('keeps the old file when the disk says %s', async (code) => {
    const path = join(folder, `kept-${code}`);
    await write(path, 'old');
    const failing = vi.spyOn(await handlePrototype(), 'write').mockRejectedValue(systemError(code));
    try {
      await expect(write(path, 'new')).rejects.toMatchObject({ code: 'DISK', message: expect.stringContaining(code) });
    } finally {
      failing.mockRestore();
    }
    expect(await readFile(path, 'utf8')).toBe('old');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('keeps the old file when fsync or the producer fails', async () => {
    const path = join(folder, 'kept');
    await write(path, 'old');
    const failing = vi.spyOn(await handlePrototype(), 'sync').mockRejectedValue(systemError('ENOSPC'));
    try {
      await expect(write(path, 'new')).rejects.toMatchObject({ code: 'DISK' });
    } finally {
      failing.mockRestore();
    }
    const interrupted = writeFileAtomically(path, async (sink) => {
      await sink.write(utf8ToBytes('half'));
      throw new RangeError('producer');
    });
    await expect(interrupted).rejects.toThrow(RangeError);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('names what is wrong with the path', async () => {
    await expect(write(join(folder, 'no', 'such', 'x'), 'a')).rejects.toMatchObject({ code: 'DISK' });
    await write(join(folder, 'plain'), 'a');
    await expect(write(join(folder, 'plain', 'x'), 'a')).rejects.toMatchObject({ code: 'DISK' });
    await mkdir(join(folder, 'directory'));
    await expect(write(join(folder, 'directory'), 'a')).rejects.toMatchObject({ code: 'DISK' });
  });

  it('follows links, and leaves them', async () => {
    await write(join(folder, 'linked'), 'old');
    await symlink('linked', join(folder, 'link'));
    await write(join(folder, 'link'), 'new');
    expect(await readFile(join(folder, 'linked'), 'utf8')).toBe('new');
    expect((await lstat(join(folder, 'link'))).isSymbolicLink()).toBe(true);
  });

  it('takes the place of nothing but files', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(write(pipe, 'new')).rejects.toMatchObject({ code: 'DISK', message: expect.stringContaining(pipe) });
    expect((await lstat(pipe)).isFIFO()).toBe(true);
  });

  it('takes bytes in shared memory', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(65);
    await writeFileAtomically(join(folder, 'shared'), (sink) => sink.write(shared));
    expect(await readFile(join(folder, 'shared'), 'utf8')).toBe('AAAA');
  });
});

describe('file sources', () => {
  it('read a sealed model', async () => {
    const path = join(folder, 'read.sealed');
    await writeFileAtomically(path, (sink) => writeSealedModel(sink, sealedModel, parameters));
    const options = { parametersFor: () => parameters, onWarning: () => {} };
    const model = await withFileSource(path, (source) => readSealedModel(source, options));
    expect(model.records).toEqual(sealedModel.records);
  });

  it('deliver less at the end, and allocate no more', async () => {
    const path = join(folder, 'short');
    await write(path, 'abcde');
    const source = await openFileSource(path);
    try {
      expect(source.size).toBe(5);
      expect(await source.read(3)).toEqual(utf8ToBytes('abc'));
      const rest = await source.read(2 ** 31);
      expect(rest).toEqual(utf8ToBytes('de'));
      expect(rest.buffer.byteLength).toBe(2);
      expect(await source.read(1)).toHaveLength(0);
    } finally {
      await source.close();
    }
  });

  it('refuse folders and what is not there', async () => {
    await expect(openFileSource(join(folder, 'missing'))).rejects.toMatchObject({ code: 'DISK' });
    await expect(openFileSource(folder)).rejects.toMatchObject({ code: 'BAD_FILE' });
  });

  it.each([0o640, 0o604, 0o620])('refuse a key file of mode %o', async (mode) => {
    const path = join(folder, 'open.key');
    await writeFile(path, 'key');
    await chmod(path, mode);
    await expect(openFileSource(path, { requirePrivate: true })).rejects.toThrow(`chmod 600 ${path}`);
    await chmod(path, 0o600);
    await withFileSource(path, async (source) => expect(source.size).toBe(3), { requirePrivate: true });
  });
});
