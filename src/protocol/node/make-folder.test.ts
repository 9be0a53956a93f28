import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hermetic-'));
});
afterAll(() => rm(root, { recursive: true }));

describe('makeFolder', () => {
  it('makes what is missing, and is content with what is there', async () => {
    const path = join(root, 'a', 'b', 'c');
    await makeFolder(path);
    await makeFolder(path);
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  it('refuses a file in the way', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(makeFolder(join(root, 'file'))).rejects.toMatchObject({ code: 'DISK' });
    await expect(makeFolder(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'DISK' });
  });

  it.runIf(process.platform === 'linux')('comes back from a file system that takes no folders', async () => {
    await expect(makeFolder('/proc/hermetic/run')).rejects.toMatchObject({ code: 'DISK' });
  });
});
