/**
 * Features of a text: presence × inverse document frequency over a fixed vocabulary, rows of length 1, centred and
 * scaled as a whole.
 *
 *   u_j = idf_j where word j occurs, else 0;   φ = scale · (u/‖u‖ − mean),   scale = √s / rms‖u/‖u‖ − mean‖
 *
 * so that over the fitting set the features have mean zero and mean ‖φ‖² = s, by default the number of words.
 */

import { checkInteger } from '../base/checks.ts';
import { HermeticError } from '../base/errors.ts';
import { CentredSparseRows } from './matrix.ts';
import { MOST_FEATURES, rounded } from './settings-numbers.ts';
import { forEachToken } from './tokenize.ts';

export type TextSettings = {
  readonly kind: 'text';
  /** The column of the table that holds the text. */
  readonly column: string;
  /** Words by falling document frequency in the fitting set. */
  readonly vocabulary: readonly string[];
  /** ln(documents / documents with the word), one per word of the vocabulary. */
  readonly idf: readonly number[];
  /** Mean of u/‖u‖ over the fitting set. */
  readonly mean: readonly number[];
  readonly scale: number;
};

/** Word → number of documents that hold it. */
function documentFrequencies(documents: readonly string[]): Map<string, number> {
  const ids = new Map<string, number>();
  const counts: number[] = [];
  const lastDocument: number[] = [];
  documents.forEach((document, row) => {
    forEachToken(document, (token) => {
      const id = ids.get(token);
      if (id === undefined) {
        ids.set(token, counts.length);
        counts.push(1);
        lastDocument.push(row);
      } else if (lastDocument[id] !== row) {
        lastDocument[id] = row;
        counts[id]++;
      }
    });
  });
  return new Map([...ids].map(([token, id]) => [token, counts[id]]));
}

/** Words of the vocabulary in each document, as columns; each at most once, in order of appearance. */
function presentWords(
  documents: readonly string[],
  vocabulary: readonly string[],
): { offsets: Uint32Array; indices: Uint32Array } {
  const columnOf = new Map(vocabulary.map((word, column) => [word, column]));
  const lastDocument = new Int32Array(vocabulary.length).fill(-1);
  const offsets = new Uint32Array(documents.length + 1);
  let indices = new Uint32Array(1024);
  let length = 0;
  documents.forEach((document, row) => {
    forEachToken(document, (token) => {
      const column = columnOf.get(token);
      if (column === undefined || lastDocument[column] === row) return;
      lastDocument[column] = row;
      if (length === indices.length) {
        const grown = new Uint32Array(2 * length);
        grown.set(indices);
        indices = grown;
      }
      indices[length++] = column;
    });
    offsets[row + 1] = length;
  });
  return { offsets, indices: indices.slice(0, length) };
}

/** u/‖u‖ of every document, times `factor`; zero for a document without a word that counts. */
function unitEntries(
  words: { offsets: Uint32Array; indices: Uint32Array },
  idf: readonly number[],
  factor: number,
): Float32Array {
  const { offsets, indices } = words;
  const values = new Float32Array(indices.length);
  for (let row = 0; row + 1 < offsets.length; row++) {
    let square = 0;
    for (let k = offsets[row]; k < offsets[row + 1]; k++) square += idf[indices[k]] ** 2;
    const inverse = square > 0 ? factor / Math.sqrt(square) : 0;
    for (let k = offsets[row]; k < offsets[row + 1]; k++) values[k] = idf[indices[k]] * inverse;
  }
  return values;
}

/** Mean of u/‖u‖ and the mean square of what is left when it is taken off. */
function moments(
  documents: readonly string[],
  vocabulary: readonly string[],
  idf: readonly number[],
): { mean: number[]; variance: number } {
  const words = presentWords(documents, vocabulary);
  const values = unitEntries(words, idf, 1);
  const sums = new Float64Array(vocabulary.length);
  let square = 0;
  for (let k = 0; k < values.length; k++) {
    sums[words.indices[k]] += values[k];
    square += values[k] ** 2;
  }
  const mean = Array.from(sums, (sum) => rounded(sum / documents.length));
  return { mean, variance: square / documents.length - mean.reduce((sum, m) => sum + m * m, 0) };
}

/**
 * Settings fitted on `documents`: the `vocabularySize` words that most documents hold (fewer where there are fewer),
 * ties in order of code units.
 * @throws HermeticError BAD_DATA when no word tells one document from another
 */
export function fitText(
  documents: readonly string[],
  column: string,
  vocabularySize: number,
  meanSquareNorm?: number,
): TextSettings {
  checkInteger('vocabularySize', vocabularySize, 1, MOST_FEATURES);
  const frequent = [...documentFrequencies(documents)]
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, vocabularySize);
  const vocabulary = frequent.map(([word]) => word);
  const idf = frequent.map(([, count]) => rounded(Math.log(documents.length / count)));
  const { mean, variance } = moments(documents, vocabulary, idf);
  if (!(variance > 1e-6)) {
    throw new HermeticError('BAD_DATA', `column '${column}': no word tells one text from another`, {
      expected: 'texts that differ',
      got: `${documents.length} texts with ${vocabulary.length} different words`,
      mend: 'Add texts, or name another column.',
    });
  }
  const scale = rounded(Math.sqrt((meanSquareNorm ?? vocabulary.length) / variance));
  return { kind: 'text', column, vocabulary, idf, mean, scale };
}

/** Features of `documents` under `settings`. Words outside the vocabulary do not count. */
export function applyText(documents: readonly string[], settings: TextSettings): CentredSparseRows {
  const words = presentWords(documents, settings.vocabulary);
  const values = unitEntries(words, settings.idf, settings.scale);
  const centre = Float32Array.from(settings.mean, (mean) => -mean * settings.scale);
  return new CentredSparseRows({ ...words, values }, centre);
}
