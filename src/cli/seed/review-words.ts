/**
 * The words of the post's review network (after a course of Udacity): those that occur more than 20 times in the training
 * reviews and, where they occur 50 times or more, lean to one side: |log ratio| of favourable to unfavourable
 * occurrences of at least 0.15.
 */

import type { Examples } from '../../data/examples.ts';
import { tokenize } from '../../data/tokenize.ts';

export interface VocabularyRules {
  /** Words must occur more often than this. */
  readonly minCount: number;
  /** Words that occur this often are judged by their ratio. */
  readonly judgedCount: number;
  readonly polarityCutoff: number;
}

const POST_RULES: VocabularyRules = { minCount: 20, judgedCount: 50, polarityCutoff: 0.15 };

export interface ReviewWords {
  /** Of each review the words that it holds, each once, as rows of the first layer. */
  readonly rows: readonly Int32Array[];
  /** 1 for favourable. */
  readonly labels: Int32Array;
}

export interface ReviewTask {
  readonly vocabulary: readonly string[];
  readonly train: ReviewWords;
  readonly test: ReviewWords;
}

/** RangeError for examples that are not texts. */
export function reviewTask(train: Examples, test: Examples, rules: VocabularyRules = POST_RULES): ReviewTask {
  const tokens = documentsOf(train).map(tokenize);
  const vocabulary = leaningWords(tokens, train.labels, rules);
  const rowOf = new Map(vocabulary.map((word, row) => [word, row]));
  const rows = (words: readonly string[]): Int32Array => {
    const present = new Set<number>();
    for (const word of words) {
      const row = rowOf.get(word);
      if (row !== undefined) present.add(row);
    }
    return Int32Array.from(present);
  };
  return {
    vocabulary,
    train: { rows: tokens.map(rows), labels: train.labels },
    test: { rows: documentsOf(test).map((document) => rows(tokenize(document))), labels: test.labels },
  };
}

function documentsOf({ inputs }: Examples): readonly string[] {
  if (inputs.kind !== 'text') throw new RangeError(`inputs: expected texts, got ${inputs.kind}`);
  return inputs.documents;
}

function leaningWords(
  documents: readonly (readonly string[])[],
  labels: Int32Array,
  { minCount, judgedCount, polarityCutoff }: VocabularyRules,
): string[] {
  const counts = new Map<string, [number, number]>();
  documents.forEach((words, i) => {
    for (const word of words) {
      const count = counts.get(word);
      if (count !== undefined) count[labels[i]]++;
      else counts.set(word, labels[i] === 1 ? [0, 1] : [1, 0]);
    }
  });
  const leans = ([negative, positive]: [number, number]): boolean =>
    negative + positive < judgedCount || Math.abs(logRatio(positive, negative)) >= polarityCutoff;
  return [...counts].filter(([, count]) => count[0] + count[1] > minCount && leans(count)).map(([word]) => word);
}

/** The course's logarithm of the ratio, kept finite on both sides. */
function logRatio(positive: number, negative: number): number {
  const ratio = positive / (negative + 1);
  return ratio > 1 ? Math.log(ratio) : -Math.log(1 / (ratio + 0.01));
}
