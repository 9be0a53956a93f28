import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { HermeticError } from '../../base/errors.ts';
import { readTable } from './read-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'hermetic-csv-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('readTable', () => {
  it('reads a file with byte order mark, semicolons, carriage returns and quoted line breaks', async () => {
    const path = fileURLToPath(new URL('../../../test/fixtures/data/fruit.csv', import.meta.url));
    const table = await readTable(path);
    expect(table.columns).toEqual(['age', 'height', 'kind of "fruit"']);
    expect(table.cells).toEqual([
      ['1.5', '-3', '+.5'],
      ['2e1', '4', '1'],
      ['apple', 'pear\nor quince', 'apple'],
    ]);
    expect([...table.lines]).toEqual([2, 5, 6]);
  });

  it('names the file in errors of its content', async () => {
    const path = join(folder, 'short.csv');
    writeFileSync(path, 'a,b\n');
    await expect(readTable(path)).rejects.toThrow(`${path} has no rows below its header`);
  });

  it.each([
    ['nowhere.csv', 'there is no such file', 'DISK'],
    ['.', 'it is a folder', 'DISK'],
  ])('says why %s cannot be read', async (name, message, code) => {
    const error = await readTable(join(folder, name)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(HermeticError);
    expect((error as HermeticError).message).toContain(message);
    expect((error as HermeticError).code).toBe(code);
  });

  it('says that a file may not be read, to all but root', async () => {
    const path = join(folder, 'secret.csv');
    writeFileSync(path, 'a\n1\n');
    chmodSync(path, 0);
    const reading = readTable(path);
    if (process.getuid?.() === 0) expect((await reading).rows).toBe(1);
    else await expect(reading).rejects.toThrow('it may not be read');
  });

  it('stops when it is told to', async () => {
    const path = join(folder, 'any.csv');
    writeFileSync(path, 'a\n1\n');
    await expect(readTable(path, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
