import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fitFeatures } from '../data/features.ts';
import { examplesForFitting, loadDataset } from './data-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'hermetic-source-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('the column of text', () => {
  const mails = write('mails.csv', 'mail,kind\ncheap offer,spam\nsee you,ham\n');
  const fitted = examplesForFitting({ data: mails, text: 'mail', label: 'kind' }).then(
    (examples) => fitFeatures(examples, { outputs: 1, vocabularySize: 4 }).settings,
  );
  const firstRow = async (data: string, text?: string): Promise<number[]> => {
    const { features } = await loadDataset({ data, text }, await fitted, 'predict');
    const out = new Float32Array(features.columns);
    features.densify([0], out);
    return [...out];
  };

  it('may have another name than the model knows it by, beside one of that name too', async () => {
    const spam = await firstRow(mails);
    expect(await firstRow(write('a.csv', 'body\ncheap offer\n'), 'body')).toEqual(spam);
    expect(await firstRow(write('b.csv', 'mail,body\nsee you,cheap offer\n'), 'body')).toEqual(spam);
    expect(await firstRow(write('c.csv', 'mail,body\nsee you,cheap offer\n'), 'mail')).not.toEqual(spam);
  });

  it('must be there where it is named', async () => {
    await expect(firstRow(mails, 'mial')).rejects.toMatchObject({ code: 'BAD_DATA', mend: "Did you mean 'mail'?" });
    await expect(firstRow(write('d.csv', 'body\ncheap\n'))).rejects.toThrow("no column 'mail'");
  });
});
