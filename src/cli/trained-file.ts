/** What `train` writes, and how a run that is finished already may write it once more. */

import { join } from 'node:path';
import { inspectFile } from '../protocol/inspect.ts';
import { withFileSource } from '../protocol/node/file-source.ts';
import { type Output, requireOutput } from './output-file.ts';
import { writeText } from './report/files.ts';
import { readShortText } from './short-text.ts';
import type { TrainRequest } from './train-file.ts';

/** In the folder of the checkpoints: the identity of the model that the run wrote last. */
const WRITTEN = 'written-model';

/** As `requireOutput`; a run with checkpoints may replace what it wrote itself. */
export async function requireOwnOutput(
  output: Omit<Output, 'kind' | 'isOwn'> & Pick<TrainRequest, 'checkpoint'>,
): Promise<void> {
  const { checkpoint, ...rest } = output;
  const isOwn = async () => checkpoint !== undefined && (await wroteIt(checkpoint, output.out));
  await requireOutput({ ...rest, kind: 'sealed-model', isOwn });
}

async function wroteIt(checkpoint: string, path: string): Promise<boolean> {
  const written = await readShortText(join(checkpoint, WRITTEN)).catch(() => undefined);
  if (written === undefined) return false;
  const { sha256Tree } = await withFileSource(path, (source) => inspectFile(source, { onWarning: () => {} }));
  return sha256Tree === written.trim();
}

/** HermeticError DISK. */
export async function rememberOutput(checkpoint: string, modelId: string): Promise<void> {
  await writeText(join(checkpoint, WRITTEN), `${modelId}\n`);
}
