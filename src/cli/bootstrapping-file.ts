/** Bootstrapping keys from the disk, and how much of this machine's memory they take. */

import { totalmem } from 'node:os';
import { withFileSource } from '../protocol/node/file-source.ts';
import type { CkksParameters } from '../schemes/ckks/parameters.ts';
import {
  type Bootstrapping,
  type ReadBootstrappingOptions,
  readBootstrappingKeys,
  requireBootstrapping,
} from '../trainer/bootstrapping.ts';
import { bootstrappingMemory } from '../trainer/plan-sizes.ts';
import type { TrainerKeys } from '../trainer/trainer-keys.ts';
import type { Console } from './console.ts';
import { formatBytes } from './format.ts';
import type { Progress } from './progress.ts';
import { fileSize } from './sealed-files.ts';

/** Training takes as much again as bootstrapping, the system a little. */
const ROOMY = 2;
/** Room for the keys that are used more than once. */
const TIGHT_RESIDENT_BYTES = 0.6e9;

export interface BootstrappingFile {
  readonly path: string;
  readonly threads: number | undefined;
  /** Nothing but warnings and errors. */
  readonly silent: boolean;
}

/** Says what the keys take before they are read. HermeticError DISK, BAD_FILE, WRONG_KEY, BAD_ARGUMENT. */
export async function loadBootstrappingKeys(
  console: Console,
  keys: TrainerKeys,
  { path, threads, silent }: BootstrappingFile,
): Promise<Bootstrapping> {
  requireBootstrapping(keys);
  const memory = memoryFor(await fileSize(path), keys.context.parameters);
  if (!silent) console.note(memory.note);
  let progress: Progress | undefined;
  const onWarning = () => {};
  return await withFileSource(path, (source) =>
    readBootstrappingKeys(source, keys, {
      onWarning,
      ...memory.options,
      ...(threads !== undefined && { threads }),
      onProgress: (done, total) => {
        if (silent) return;
        progress ??= console.progress({ unit: 'key', total, every: total });
        progress.update(done);
      },
    }),
  ).finally(() => progress?.stop());
}

/** What bootstrapping will take here, and how it makes do on a machine that has little more than that. */
function memoryFor(
  fileBytes: number,
  parameters: CkksParameters,
): {
  readonly note: string;
  readonly options: Pick<ReadBootstrappingOptions, 'residentBytes' | 'compact'>;
} {
  const needed = bootstrappingMemory(fileBytes, parameters);
  const keys = `bootstrapping keys: ${formatBytes(fileBytes)}`;
  if (totalmem() > ROOMY * needed) {
    return { note: `${keys}, about ${formatBytes(needed)} of memory beside the training`, options: {} };
  }
  const saved = fileBytes - TIGHT_RESIDENT_BYTES / 2;
  const note =
    `${keys}; this machine has ${formatBytes(totalmem())} of memory, so most keys are expanded anew each time: about ` +
    `${formatBytes(needed - saved)} beside the training, and bootstrapping is slower`;
  return { note, options: { residentBytes: TIGHT_RESIDENT_BYTES, compact: true } };
}
