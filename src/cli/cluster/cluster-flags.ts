/** Options of the commands for training on many machines. */

import type { FlagParametersForType } from '@stricli/core';
import type { HermeticContext } from '../context.ts';
import { integer, type Part, part, positiveNumber, share, text } from '../parsers.ts';

export interface DatabaseFlags {
  readonly database: string;
}

const DATABASE = 'PostgreSQL, such as postgres://me@db/runs?sslmode=verify-full; passwords belong in ~/.pgpass';

export const databaseFlags: FlagParametersForType<DatabaseFlags, HermeticContext> = {
  database: { kind: 'parsed', parse: text, brief: DATABASE, placeholder: 'URL' },
};

export interface BlobFlags {
  readonly blobs: string;
  readonly blobsTokenFile: string | undefined;
}

const BLOBS = 'Where ciphertexts lie: a folder that all machines see, or the address of hermetic blobs';
const blobsTokenFile = {
  kind: 'parsed',
  parse: text,
  brief: 'Token for the store of blobs',
  placeholder: 'FILE',
  optional: true,
} as const;

export const blobFlags: FlagParametersForType<BlobFlags, HermeticContext> = {
  blobs: { kind: 'parsed', parse: text, brief: BLOBS, placeholder: 'FOLDER|URL' },
  blobsTokenFile,
};

/** Of `train`. */
export interface ExecutorFlags {
  readonly executor: 'local' | 'dbos';
  readonly shards: number | undefined;
  readonly shard: Part | undefined;
  readonly database: string | undefined;
  readonly blobs: string | undefined;
  readonly blobsTokenFile: string | undefined;
  readonly deadline: number | undefined;
  readonly audit: number | undefined;
  readonly noiseKey: string | undefined;
}

export const executorFlags: FlagParametersForType<ExecutorFlags, HermeticContext> = {
  executor: {
    kind: 'enum',
    values: ['local', 'dbos'],
    brief: 'Who computes: this process, or workers (hermetic worker) by way of a database',
    default: 'local',
  },
  shards: {
    kind: 'parsed',
    parse: integer(1, 4096),
    brief: 'Equal parts of the rows and of each batch, computed apart and added (default: 1)',
    placeholder: 'N',
    optional: true,
  },
  shard: {
    kind: 'parsed',
    parse: part,
    brief: 'With --executor dbos: the data here are only this shard; workers hold the others',
    placeholder: 'I/N',
    optional: true,
  },
  database: { kind: 'parsed', parse: text, brief: DATABASE, placeholder: 'URL', optional: true },
  blobs: { kind: 'parsed', parse: text, brief: BLOBS, placeholder: 'FOLDER|URL', optional: true },
  blobsTokenFile,
  deadline: {
    kind: 'parsed',
    parse: positiveNumber,
    brief: 'Seconds after which a unit is given to another worker too (default: 4 times the usual)',
    placeholder: 'SECONDS',
    optional: true,
  },
  audit: {
    kind: 'parsed',
    parse: share,
    brief: 'Share of the answers, 0 … 1, that another worker computes too, to find out liars (default: 0)',
    placeholder: 'FRACTION',
    optional: true,
  },
  noiseKey: {
    kind: 'parsed',
    parse: text,
    brief: 'With --privacy and --executor dbos: a secret that every worker has a copy of; made where it is missing',
    placeholder: 'FILE',
    optional: true,
  },
};
