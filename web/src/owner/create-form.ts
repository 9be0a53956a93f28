/** A new network as a form: what is wrong with it, before anything is sent, and what mends that. */
import { parseCsv, type Table } from 'hermetic/data';
import { parseLayers } from 'hermetic/nn';
import { problemOf } from '../lib/problem.ts';
import type { CreateNetwork, Gates } from '../lib/types.ts';
import { wholeNumber } from './policy-form.ts';

export interface SampleFile {
  readonly name: string;
  readonly bytes: number;
  readonly text: string;
  readonly table: Table;
}

export interface CreateText {
  name: string;
  by: 'layers' | 'recipe';
  layers: string;
  recipe: string;
  label: string;
  /** The text column; empty for numeric columns. */
  text: string;
  set: NonNullable<CreateNetwork['set']>;
  batch: string;
}

export type CreateWrong = Partial<
  Record<'name' | 'layers' | 'recipe' | 'sample' | 'label' | 'heldOut' | 'batch', string>
>;

export const SETS: readonly { set: CreateText['set']; name: string; more: string }[] = [
  { set: 'L13', name: 'L13', more: 'Shallow networks of few weights. Smallest keys, fewest levels.' },
  { set: 'L14', name: 'L14', more: 'One hidden layer. What most networks take.' },
  { set: 'L15', name: 'L15', more: 'Deeper networks and more classes. Larger keys.' },
  {
    set: 'B16',
    name: 'B16',
    more: 'For trainers on the command line, who renew levels alone by bootstrapping. Keys of gigabytes.',
  },
];

export function emptyForm(): CreateText {
  return { name: '', by: 'layers', layers: '8:square,1:lin4', recipe: '', label: '', text: '', set: 'L14', batch: '' };
}

/** @throws HermeticError BAD_DATA with a mend */
export async function readSample(file: File, mostBytes: number): Promise<SampleFile> {
  if (file.size > mostBytes) {
    throw Object.assign(new Error(`${file.name} is larger than the service takes (${mostBytes / 1e6} MB)`), {
      mend: 'Leave rows out: a sample is enough.',
    });
  }
  const text = await file.text();
  return { name: file.name, bytes: file.size, text, table: parseCsv(text, { source: file.name }) };
}

/** The label's likeliest column: one that is called so, else the last. */
export function likelyLabel({ columns }: Table): string {
  return columns.find((name) => /^(y|label|class|target)$/i.test(name)) ?? columns[columns.length - 1];
}

/** The request, undefined where something is wrong. */
export function parseCreate(
  text: CreateText,
  sample: SampleFile | undefined,
  heldOut: SampleFile | undefined,
  gates: Gates,
): { readonly request: CreateNetwork | undefined; readonly wrong: CreateWrong } {
  const batch = text.batch.trim() === '' ? undefined : wholeNumber(text.batch, 1, 65_536);
  const layers = text.by === 'layers' ? layersProblem(text.layers) : undefined;
  const missing = (heldOut === undefined ? undefined : missingColumns(heldOut, text)) ?? undefined;
  const measured = gates.accuracyDrop ?? gates.accuracyFloor ?? gates.lossRise;
  const held =
    missing ??
    (measured !== undefined && heldOut === undefined
      ? 'A gate on accuracy or loss needs rows to measure it on.'
      : undefined);
  const wrong: CreateWrong = {
    ...(text.name.trim() === '' && { name: 'Give the network a name.' }),
    ...(layers !== undefined && { layers }),
    ...(text.by === 'recipe' && text.recipe === '' && { recipe: 'Choose a recipe.' }),
    ...(sample === undefined &&
      text.by === 'layers' && { sample: 'Give a sample of the data: columns, scales and classes are taken from it.' }),
    ...(sample !== undefined && !sample.table.columns.includes(text.label) && { label: 'Choose the column to learn.' }),
    ...(sample !== undefined && text.text === text.label && { label: 'Text and label are the same column.' }),
    ...(held !== undefined && { heldOut: held }),
    ...(text.batch.trim() !== '' && !isPowerOfTwo(batch) && { batch: 'Give a power of two, or leave it empty.' }),
  };
  if (Object.keys(wrong).length > 0) return { request: undefined, wrong };
  const request: CreateNetwork = {
    name: text.name.trim(),
    set: text.set,
    ...(text.by === 'layers' ? { layers: text.layers.trim() } : { recipe: text.recipe }),
    ...(sample !== undefined && { sampleCsv: sample.text, label: text.label }),
    ...(text.text !== '' && { text: text.text }),
    ...(heldOut !== undefined && { heldOutCsv: heldOut.text }),
    ...(batch !== undefined && { batch }),
    ...(Object.keys(gates).length > 0 && { gates }),
  };
  return { request, wrong };
}

/** What is wrong with a line of layers, and what would be right. */
function layersProblem(text: string): string | undefined {
  try {
    parseLayers(text);
    return undefined;
  } catch (error) {
    const { title, mend } = problemOf(error);
    return mend === undefined ? title : `${title} ${mend}`;
  }
}

function missingColumns({ name, table }: SampleFile, { label, text }: CreateText): string | undefined {
  const missing = [label, text].filter((column) => column !== '' && !table.columns.includes(column));
  return missing.length === 0
    ? undefined
    : `${name} has no column ${missing.map((column) => `“${column}”`).join(' and ')}.`;
}

function isPowerOfTwo(value: number | undefined): boolean {
  return value !== undefined && (value & (value - 1)) === 0;
}
