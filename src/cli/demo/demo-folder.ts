/** The folder of a demonstration: it may be replaced by the next one, and no other may. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HermeticError } from '../../base/errors.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { writeText } from '../report/files.ts';
import { requireWritable } from '../sealed-files.ts';

/** Lies in every folder of a demonstration. */
const MARK = '.hermetic-demo';
const MARK_TEXT = 'A demonstration of Hermetic wrote this folder, and the next may replace it.\n';

/**
 * Makes the folder and marks it. Refuses one that holds other things: a demonstration replaces and removes files in it.
 * HermeticError BAD_ARGUMENT, DISK.
 */
export async function takeDemoFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  const mark = join(folder, MARK);
  await requireWritable(mark);
  const marked = await stat(mark).catch(() => undefined);
  if (marked !== undefined) return;
  if ((await readdir(folder)).length > 0) {
    throw new HermeticError('BAD_ARGUMENT', `${folder} holds files that are no demonstration's`, {
      mend: 'Name a new or an empty folder: demonstrations replace and remove files.',
    });
  }
  await writeText(mark, MARK_TEXT);
}
