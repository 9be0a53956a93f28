/** Options that several commands share, so that they are named and described alike everywhere. */

import type { FlagParametersForType } from '@stricli/core';
import type { HermeticContext } from './context.ts';
import { fingerprint, type ImageSize, imageSize, integer, type Part, part, powerOfTwo, text } from './parsers.ts';

export interface OutputFlags {
  readonly json: boolean;
  readonly quiet: boolean;
}

export const outputFlags: FlagParametersForType<OutputFlags, HermeticContext> = {
  json: { kind: 'boolean', brief: 'Print the result as one JSON object', default: false, withNegated: false },
  quiet: { kind: 'boolean', brief: 'No progress and no notes', default: false, withNegated: false },
};

export interface ThreadFlags {
  readonly threads: number | undefined;
}

export const threadFlags: FlagParametersForType<ThreadFlags, HermeticContext> = {
  threads: {
    kind: 'parsed',
    parse: integer(1, 256),
    brief: 'Threads to compute with (default: all cores)',
    placeholder: 'N',
    optional: true,
  },
};

export interface FingerprintFlag {
  readonly fingerprint: string | undefined;
}

export const fingerprintFlag: FlagParametersForType<FingerprintFlag, HermeticContext> = {
  fingerprint: {
    kind: 'parsed',
    parse: fingerprint,
    brief: 'What the owner told you that keygen said: keys of anybody else are refused',
    placeholder: 'HEX',
    optional: true,
  },
};

export interface OwnerKeyFlags {
  readonly key: string;
  readonly passphraseFile: string | undefined;
}

export const passphraseFlag: FlagParametersForType<Pick<OwnerKeyFlags, 'passphraseFile'>, HermeticContext> = {
  passphraseFile: {
    kind: 'parsed',
    parse: text,
    brief: 'File whose first line is the passphrase (default: ask)',
    placeholder: 'FILE',
    optional: true,
  },
};

export const ownerKeyFlags: FlagParametersForType<OwnerKeyFlags, HermeticContext> = {
  key: { kind: 'parsed', parse: text, brief: "The owner's key", placeholder: 'owner.key' },
  ...passphraseFlag,
};

export interface DataFlags {
  readonly data: string;
  readonly label: string | undefined;
  readonly text: string | undefined;
  readonly part: Part | undefined;
  readonly partSeed: number;
}

export const dataFlags: FlagParametersForType<DataFlags, HermeticContext> = {
  data: {
    kind: 'parsed',
    parse: text,
    brief: 'CSV file with a header line, or a well-known data set such as imdb:train',
    placeholder: 'FILE',
  },
  label: {
    kind: 'parsed',
    parse: text,
    brief: 'Column of the classes (default: that of the model)',
    placeholder: 'COLUMN',
    optional: true,
  },
  text: {
    kind: 'parsed',
    parse: text,
    brief: 'Column of text to learn from, instead of numeric columns',
    placeholder: 'COLUMN',
    optional: true,
  },
  part: {
    kind: 'parsed',
    parse: part,
    brief: 'Only this one of equal parts of the rows, such as 1/2',
    placeholder: 'I/N',
    optional: true,
  },
  partSeed: {
    kind: 'parsed',
    parse: integer(0, 2 ** 53 - 1),
    brief: 'Seed by which the rows are dealt into parts; public',
    placeholder: 'SEED',
    default: '1',
  },
};

export interface FittingFlags {
  readonly vocabulary: number | undefined;
  readonly image: ImageSize | undefined;
}

export const fittingFlags: FlagParametersForType<FittingFlags, HermeticContext> = {
  vocabulary: {
    kind: 'parsed',
    parse: integer(1, 2 ** 20),
    brief: 'Words that a text model knows (default: 4000)',
    placeholder: 'WORDS',
    optional: true,
  },
  image: {
    kind: 'parsed',
    parse: imageSize,
    brief: 'Columns are pixels, row by row, of images of this size',
    placeholder: 'WxH',
    optional: true,
  },
};

/** Rows of a step. */
export const parseBatch: (value: string) => number = powerOfTwo(1, 2 ** 14);
