/** CSV files from the disk of a Node process. */

import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { HermeticError } from '../../base/errors.ts';
import { parseCsv } from '../csv.ts';
import type { Table } from '../table.ts';

const REASONS: Readonly<Record<string, readonly ['DISK' | 'BAD_FILE', string, string]>> = {
  ENOENT: ['DISK', 'there is no such file', 'Check the path.'],
  ENOTDIR: ['DISK', 'there is no such file', 'Check the path.'],
  EISDIR: ['DISK', 'it is a folder, not a file', 'Name a file in it.'],
  EACCES: ['DISK', 'it may not be read', 'Change its permissions.'],
  EPERM: ['DISK', 'it may not be read', 'Change its permissions.'],
  ERR_FS_FILE_TOO_LARGE: ['BAD_FILE', 'it is larger than 2 GiB', 'Divide it into smaller files.'],
};

/**
 * The table in the CSV file at `path`.
 * @throws HermeticError DISK or BAD_FILE when it cannot be read; BAD_DATA as {@link parseCsv}
 */
export async function readTable(path: string, signal?: AbortSignal): Promise<Table> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (signal?.aborted) throw new HermeticError('ABORTED', `reading ${path} was stopped`, { cause });
    const [code, reason, mend] = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? [
      'DISK',
      'the disk does not answer as it should',
      'Try again, or copy the file to another disk.',
    ];
    throw new HermeticError(code, `${path} cannot be read: ${reason}`, { mend, cause });
  }
  return parseCsv(bytes, { source: path, parser: parse });
}
