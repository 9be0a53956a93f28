/** What the demonstrations are about. */

import type { RecipeName } from '../../nn/recipes.ts';
import type { Part } from '../parsers.ts';

export type DemoName = 'xor' | 'imdb' | 'spam' | 'mnist' | 'mnist38' | 'digits';

/** Who renews the levels: the owner, asked by messages, or the trainer alone. */
export type DemoRefresh = 'owner' | 'bootstrap';

export interface DemoSpec {
  readonly name: DemoName;
  readonly recipe: RecipeName;
  readonly title: string;
  /** What a row is. */
  readonly rowName: string;
  /** Trainers who work one after the other, each with an equal part of the rows and of the steps. */
  readonly trainers: 1 | 2;
  /** Instead of the recipe's. */
  readonly steps?: number;
  /** The part of the training rows that the feature settings are fitted on; all where there is none. */
  readonly fitPart: Part | undefined;
  readonly features: string;
  /** Test rows that are predicted sealed and unlocked one at a time. */
  readonly predictions: readonly number[];
  /** The twin's test accuracy is measured after every so many steps. */
  readonly curveEvery: number;
}

/** By these the rows are dealt out, and the first weights drawn: public, so that the figures repeat; never for weights to be kept. */
export const PART_SEED = 1;
export const WEIGHT_SEED = 1;

const specs: Readonly<Record<DemoName, DemoSpec>> = {
  imdb: {
    name: 'imdb',
    recipe: 'imdb',
    title: 'Two trainers, 25,000 film reviews, one network that neither could read',
    rowName: 'review',
    trainers: 2,
    fitPart: { index: 1, parts: 10 },
    features:
      'presence × idf of the 4,000 commonest words; vocabulary, idf and mean from a tenth of the training reviews',
    // Short ones from the official test half; the last is hard: it says both.
    predictions: [1212, 13054, 5004, 19548, 20874],
    curveEvery: 4,
  },
  spam: {
    name: 'spam',
    recipe: 'spam',
    title: 'A spam filter that its trainer cannot read',
    rowName: 'mail',
    trainers: 1,
    fitPart: undefined,
    features: 'presence × idf of the 2,000 commonest words',
    predictions: [],
    curveEvery: 4,
  },
  mnist: {
    name: 'mnist',
    recipe: 'mnist',
    title: 'Ten handwritten digits on encrypted weights',
    rowName: 'digit',
    trainers: 1,
    fitPart: undefined,
    features: '28 × 28 pixels, centred, every row of the same length',
    predictions: [],
    curveEvery: 10,
  },
  mnist38: {
    name: 'mnist38',
    recipe: 'mnist38',
    title: 'MNIST, 3 against 8, on encrypted weights',
    rowName: 'digit',
    trainers: 1,
    fitPart: undefined,
    features: '14 × 14 pixels (means of 2 × 2), centred, every row of the same length',
    predictions: [],
    curveEvery: 4,
  },
  digits: {
    name: 'digits',
    recipe: 'digits',
    title: 'Ten digits in 8 × 8 pixels on encrypted weights',
    rowName: 'digit',
    trainers: 1,
    fitPart: undefined,
    features: '8 × 8 pixels (means of 3 × 3), centred, every row of the same length',
    predictions: [],
    curveEvery: 8,
  },
  xor: {
    name: 'xor',
    recipe: 'xor',
    title: 'Exclusive or on encrypted weights',
    rowName: 'row',
    trainers: 1,
    steps: 15,
    fitPart: undefined,
    features: 'a − ½, b − ½ and 1',
    predictions: [0, 1, 2, 3],
    curveEvery: 1,
  },
};

/** With bootstrapping one trainer does all steps: nobody is called in between, so nothing shows by a second one. */
export function demoSpec(name: DemoName, refresh: DemoRefresh = 'owner'): DemoSpec {
  const spec = specs[name];
  return refresh === 'owner' ? spec : { ...spec, trainers: 1, title: ALONE[name] ?? spec.title };
}

const ALONE: Partial<Record<DemoName, string>> = {
  imdb: 'A trainer, 25,000 film reviews, a network it could not read, and nobody to ask',
};
