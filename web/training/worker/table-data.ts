/** A CSV as the loaded model sees it: what is used, what is ignored, and what a user should know before training. */
import { applyTable, type Dataset, type FeatureSettings, featureCount, parseCsv, type Table } from 'hermetic/data';
import { HermeticError } from 'hermetic/trainer';
import type { DataColumn, DataReport, DataRequest } from '../api.ts';

export interface ReadData {
  readonly request: DataRequest;
  readonly dataset: Dataset;
  readonly report: DataReport;
}

const HEAD_ROWS = 5;
const CELL_LENGTH = 120;

/**
 * @param largestBatch that which the model was sealed for
 * @throws HermeticError BAD_DATA with column and line where a cell cannot be used
 */
export async function readData(
  request: DataRequest,
  settings: FeatureSettings,
  largestBatch: number,
): Promise<ReadData> {
  const { name, purpose } = request;
  checkSize(request);
  const table = parseCsv(await bytesOf(request), { source: name });
  const label = request.label ?? settings.label.column;
  const columns = table.columns.map((column) => ({ name: column, use: useOf(column, label, settings, purpose) }));
  const used = pick(
    table,
    columns.flatMap(({ use }, index) => (use === 'ignored' ? [] : [index])),
  );
  const dataset = forPage(() => applyTable(used, settings, purpose, label));
  const report: DataReport = {
    name,
    purpose,
    rows: table.rows,
    columns,
    head: Array.from({ length: Math.min(HEAD_ROWS, table.rows) }, (_, row) =>
      table.cells.map((cells) => cells[row].slice(0, CELL_LENGTH)),
    ),
    features: featureCount(settings),
    classes: purpose === 'train' ? countClasses(dataset) : [],
    batches: powersOfTwo(Math.min(largestBatch, table.rows)),
    warnings: [...ignoredWarning(columns), ...strangeColumns(dataset, settings)],
  };
  return { request, dataset, report };
}

/** What the command line would be told of its options means nothing here. */
function forPage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HermeticError) || !/ --\w/.test(error.mend ?? '')) throw error;
    const { code, summary } = error;
    throw new HermeticError(code, summary, { mend: 'Correct it, or drop the row.', cause: error });
  }
}

/** Cells are strings while they are read: each byte of a file takes many of memory. */
const MOST_BYTES = 256e6;

function checkSize({ name, csv }: DataRequest): void {
  if (csv.size <= MOST_BYTES) return;
  throw new HermeticError('BAD_DATA', `${name} is too large for a tab`, {
    expected: `at most ${MOST_BYTES / 1e6} MB`,
    got: `${Math.ceil(csv.size / 1e6)} MB`,
    mend: 'Take a part of the rows, or only the columns that the network reads; or train from the command line.',
  });
}

/** A file that was changed, moved or is still in a cloud since it was chosen cannot be read. */
async function bytesOf({ name, csv }: DataRequest): Promise<Uint8Array> {
  try {
    return new Uint8Array(await csv.arrayBuffer());
  } catch (cause) {
    throw new HermeticError('BAD_DATA', `${name} cannot be read`, {
      mend: 'Choose it anew: it was changed, moved or taken away since.',
      cause,
    });
  }
}

function inputColumns({ inputs }: FeatureSettings): readonly string[] {
  return inputs.kind === 'text' ? [inputs.column] : inputs.columns;
}

function useOf(
  column: string,
  label: string,
  settings: FeatureSettings,
  purpose: DataRequest['purpose'],
): DataColumn['use'] {
  if (inputColumns(settings).includes(column)) return 'feature';
  return column === label && purpose === 'train' ? 'label' : 'ignored';
}

function pick(table: Table, indices: readonly number[]): Table {
  return {
    ...table,
    columns: indices.map((index) => table.columns[index]),
    cells: indices.map((index) => table.cells[index]),
  };
}

function countClasses({ classes, labels }: Dataset): DataReport['classes'] {
  const rows = new Array<number>(classes.length).fill(0);
  for (const label of labels) if (label >= 0) rows[label]++;
  return classes.map((name, index) => ({ name, rows: rows[index] }));
}

function powersOfTwo(most: number): number[] {
  const powers: number[] = [];
  for (let power = 1; power <= most; power *= 2) powers.push(power);
  return powers;
}

function ignoredWarning(columns: readonly DataColumn[]): string[] {
  const ignored = columns.filter(({ use }) => use === 'ignored').map(({ name }) => `'${name}'`);
  if (ignored.length === 0) return [];
  const named =
    ignored.length > 8 ? `${ignored.slice(0, 8).join(', ')} and ${ignored.length - 8} more` : ignored.join(', ');
  return [`the model does not know ${ignored.length === 1 ? 'the column' : 'the columns'} ${named}: ignored`];
}

/** Standard deviations beyond which a number is likelier of another unit than an outlier. */
const FAR = 20;
/** Of the rows: fewer are outliers. */
const MANY = 0.05;

/** Numeric columns that lie where the model's own never lay: another unit, most often. */
function strangeColumns({ features }: Dataset, { inputs }: FeatureSettings): string[] {
  if (inputs.kind !== 'numeric') return [];
  const { columns, scale } = inputs;
  const far = new Array<number>(columns.length).fill(0);
  const row = new Float32Array(columns.length);
  for (let index = 0; index < features.rows; index++) {
    features.densify([index], row);
    row.forEach((value, column) => {
      if (Math.abs(value) > FAR * scale) far[column]++;
    });
  }
  return columns.flatMap((name, column) =>
    far[column] > MANY * features.rows
      ? [`column '${name}': ${far[column]} rows lie far from what the model was made for; is it another unit?`]
      : [],
  );
}
