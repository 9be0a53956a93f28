/** Puts a report on the disk: the page, and the same figures as data. */

import { join } from 'node:path';
import { utf8ToBytes } from '../../base/bytes.ts';
import { writeFileAtomically } from '../../protocol/node/atomic-file.ts';
import { makeFolder } from '../../protocol/node/make-folder.ts';
import { renderReport } from './page.ts';
import type { DemoReport } from './report.ts';

export interface ReportFiles {
  readonly html: string;
  readonly json: string;
}

/** Writes `report.html` and `report.json` into a folder, which is made where it is missing. HermeticError DISK. */
export async function writeReport(folder: string, report: DemoReport): Promise<ReportFiles> {
  await makeFolder(folder);
  const files = { html: join(folder, 'report.html'), json: join(folder, 'report.json') };
  await writeText(files.html, renderReport(report));
  await writeText(files.json, `${JSON.stringify(report, null, 2)}\n`);
  return files;
}

/** A text file as a whole or not at all, with permissions as `mode` says, or those of any file. HermeticError DISK. */
export function writeText(path: string, text: string, mode?: number): Promise<void> {
  return writeFileAtomically(path, (sink) => sink.write(utf8ToBytes(text)), mode === undefined ? {} : { mode });
}
