/** `--data`: a CSV file, or a part of a well-known data set by name (`imdb:train`), as examples and as features. */

import { stat } from 'node:fs/promises';
import { HermeticError } from '../base/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { requireTwoClasses, splitRows } from '../data/dataset.ts';
import { type Examples, examplesToApply, examplesToFit, type Purpose, selectExamples } from '../data/examples.ts';
import { applyFeatures } from '../data/features.ts';
import { readTable } from '../data/node/read-file.ts';
import type { FeatureSettings } from '../data/settings.ts';
import { requireColumns, type Table } from '../data/table.ts';
import { loadXor } from '../data/xor.ts';
import type { ImageSize, Part } from './parsers.ts';

export interface DataRequest {
  readonly data: string;
  readonly label?: string | undefined;
  readonly text?: string | undefined;
  readonly image?: ImageSize | undefined;
  readonly part?: Part | undefined;
  readonly partSeed?: number | undefined;
  /** Only these rows, counted within the part. */
  readonly rows?: readonly number[] | undefined;
}

export interface Split {
  readonly train: Examples;
  readonly test: Examples;
}

const LOADERS: Readonly<Record<string, () => Promise<Split>>> = {
  imdb: async () => (await import('../data/node/imdb.ts')).loadImdb(),
  spam: async () => (await import('../data/node/spam.ts')).loadSpam(),
  mnist: async () => (await import('../data/node/mnist.ts')).loadMnist(),
  mnist38: async () => (await import('../data/node/mnist.ts')).loadMnist38(),
  digits: async () => (await import('../data/node/mnist.ts')).loadDigits(),
  xor: async () => ({ train: loadXor(), test: loadXor() }),
};

/** Loads a well-known data set; undefined where `name` is none. HermeticError BAD_ARGUMENT where it is not installed. */
export async function loadSplit(name: string): Promise<Split | undefined> {
  return Object.hasOwn(LOADERS, name) ? await LOADERS[name]() : undefined;
}

const DATA_SET = /^([a-z0-9]+):(train|test)$/;

/** True for `imdb:train` and the like, which are no files. */
export function isDataSetName(name: string): boolean {
  const [, set] = DATA_SET.exec(name) ?? [];
  return set !== undefined && Object.hasOwn(LOADERS, set);
}

/** Loads `imdb:train` and the like; undefined for any other text. */
export async function loadDataSet(name: string): Promise<Examples | undefined> {
  const [, set, half] = DATA_SET.exec(name) ?? [];
  const split = set === undefined ? undefined : await loadSplit(set);
  return half === 'train' ? split?.train : split?.test;
}

/** Examples to fit feature settings on. HermeticError BAD_ARGUMENT, BAD_DATA, DISK. */
export async function examplesForFitting(request: DataRequest, signal?: AbortSignal): Promise<Examples> {
  const named = await loadDataSet(request.data);
  if (named !== undefined) return choose(named, request);
  if (request.label === undefined) {
    throw new HermeticError('BAD_ARGUMENT', 'the column of the classes is not named', { mend: 'Give --label COLUMN.' });
  }
  const { label, text, image } = request;
  const table = await readCsv(request.data, signal);
  return choose(
    examplesToFit(table, { label, ...(text !== undefined && { text }), ...(image !== undefined && { image }) }),
    request,
  );
}

/** Features for a model made with `settings`. HermeticError BAD_ARGUMENT, BAD_DATA, DISK. */
export async function loadDataset(
  request: DataRequest,
  settings: FeatureSettings,
  purpose: Purpose,
  signal?: AbortSignal,
): Promise<Dataset> {
  const examples = await examplesForModel(request, settings, purpose, signal);
  if (purpose === 'train') requireTwoClasses(examples.labels, examples.classes, examples.labelColumn);
  return applyFeatures(examples, settings);
}

async function examplesForModel(
  request: DataRequest,
  settings: FeatureSettings,
  purpose: Purpose,
  signal?: AbortSignal,
): Promise<Examples> {
  const named = await loadDataSet(request.data);
  if (named !== undefined) return choose(checkFits(named, settings, request.data), request);
  const table = withTextColumn(await readCsv(request.data, signal), settings, request.text);
  return choose(examplesToApply(table, settings, purpose, request.label), request);
}

/** A device such as /dev/zero has no end. */
async function readCsv(path: string, signal?: AbortSignal): Promise<Table> {
  const isDevice = await stat(path).then(
    (stats) => stats.isCharacterDevice() || stats.isBlockDevice(),
    () => false,
  );
  if (!isDevice) return await readTable(path, signal);
  throw new HermeticError('BAD_ARGUMENT', `${path} is a device, not a file`, { mend: 'Name a CSV file.' });
}

/** The table with `column` under the name that the model knows its text by. HermeticError BAD_ARGUMENT, BAD_DATA. */
function withTextColumn(table: Table, settings: FeatureSettings, column: string | undefined): Table {
  if (column === undefined) return table;
  if (settings.inputs.kind !== 'text') {
    throw new HermeticError('BAD_ARGUMENT', 'this model was not made for text', { mend: 'Leave --text out.' });
  }
  requireColumns(table, [column]);
  const known = settings.inputs.column;
  // A column that has the model's name already takes the other's: no two may share one.
  const renamed: Readonly<Record<string, string>> = { [column]: known, [known]: column };
  return { ...table, columns: table.columns.map((name) => (Object.hasOwn(renamed, name) ? renamed[name] : name)) };
}

function checkFits(examples: Examples, settings: FeatureSettings, name: string): Examples {
  const { inputs } = examples;
  const columns = inputs.kind === 'text' ? inputs.column : inputs.columns.join();
  const wanted = settings.inputs.kind === 'text' ? settings.inputs.column : settings.inputs.columns.join();
  const classes = settings.label.classes.join();
  if (inputs.kind === settings.inputs.kind && columns === wanted && examples.classes.join() === classes) {
    return examples;
  }
  throw new HermeticError('BAD_DATA', `the model was made for other data than ${name}`, {
    expected: `${settings.inputs.kind} with the classes ${settings.label.classes.join(', ')}`,
    got: `${inputs.kind} with the classes ${examples.classes.join(', ')}`,
    mend: 'Name the data that the model was made for.',
  });
}

function choose(examples: Examples, { part, partSeed = 1, rows }: DataRequest): Examples {
  const mine = part === undefined ? examples : selectPart(examples, part, partSeed);
  if (rows === undefined) return mine;
  const missing = rows.find((row) => row >= mine.labels.length);
  if (missing !== undefined) {
    throw new HermeticError('BAD_ARGUMENT', `there is no row ${missing}`, {
      expected: `0 to ${mine.labels.length - 1}`,
    });
  }
  return selectExamples(mine, rows);
}

/** One of equal parts of the rows, with every class in the same proportion. HermeticError BAD_DATA. */
export function selectPart(examples: Examples, { index, parts }: Part, seed: number): Examples {
  return selectExamples(examples, splitRows(examples.labels, parts, seed)[index - 1]);
}
