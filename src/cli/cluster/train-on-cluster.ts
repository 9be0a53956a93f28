/** `hermetic train --executor dbos`: what the coordinator adds to a training from file to file. */

import { HermeticError } from '../../base/errors.ts';
import type { DispatcherEvents } from '../../cluster/dispatcher.ts';
import { withFileSource } from '../../protocol/node/file-source.ts';
import type { ReadSealedModel } from '../../protocol/sealed-model.ts';
import type { Bootstrapping } from '../../trainer/bootstrapping.ts';
import type { FitOptions } from '../../trainer/fit-options.ts';
import type { TrainerKeys } from '../../trainer/trainer-keys.ts';
import type { Console } from '../console.ts';
import { readOrMakeToken } from '../token-file.ts';
import type { ExecutorFlags } from './cluster-flags.ts';

/** Who computes, for `fit`. HermeticError BAD_ARGUMENT for options that do not go together. */
export async function executorOptions(
  console: Console,
  flags: ExecutorFlags,
  model: ReadSealedModel,
  bootstrapping?: () => Promise<Bootstrapping>,
): Promise<Pick<FitOptions, 'shards' | 'executor'>> {
  const { shard, deadline, audit } = flags;
  const shards = shard?.parts ?? flags.shards;
  const counted = shards === undefined ? {} : { shards };
  if (flags.executor === 'local') return counted;
  const { database, blobs, blobsTokenFile } = flags;
  const noise = flags.noiseKey === undefined ? undefined : await readOrMakeToken(flags.noiseKey);
  if (noise?.made) console.note(`made ${flags.noiseKey}: give a copy to every worker`);
  const { noiseKey } = await import('../../cluster/noise-key.ts');
  const { clusterProvider } = await import('../../cluster/node/coordinator.ts');
  const { openBlobs } = await import('./blob-target.ts');
  const executor = clusterProvider({
    database: database as string,
    blobs: await openBlobs(blobs as string, blobsTokenFile, console.io),
    model,
    signal: console.io.signal,
    ...(shard !== undefined && { held: shard.index - 1 }),
    ...(deadline !== undefined && { deadlineMs: 1000 * deadline }),
    ...(audit !== undefined && { audit }),
    ...(bootstrapping && { bootstrapping }),
    ...(noise && { noiseKey: await noiseKey(noise.token) }),
    events: eventsFor(console),
    onWarning: (message) => console.warn(message),
  });
  return { ...counted, executor };
}

function eventsFor(console: Console): DispatcherEvents {
  const told = new Set<string>();
  return {
    waiting: (reason) => console.warn(reason),
    again: (place, worker, reason) =>
      console.warn(
        `worker ${worker} is ${reason === 'late' ? 'late with' : 'gone, and with it'} ${place}: given to another`,
      ),
    lied: (worker, place, redone, { units, audited }) =>
      console.warn(
        `worker ${worker} gave a false answer to ${place}: ${redone} of its answers to this step are made anew; of its ` +
          `${units} to earlier steps ${audited} were audited, and all stay in the model`,
      ),
    replaced: (place) =>
      console.warn(
        `${place} could not be audited, for the owner does not answer it again: it was asked for once more, here`,
      ),
    unaudited: (place) => {
      const [, kind, index] = place.split('/');
      const what = kind === 'gradient' ? `gradients of shard ${Number(index) + 1}` : `units ${kind}`;
      if (told.has(what)) return;
      told.add(what);
      console.warn(`${what} cannot be audited: one worker alone can compute them`);
    },
    quarantined: (worker, reason) => console.warn(`worker ${worker} gets no more work: ${reason}`),
  };
}

/** The keys' header, where workers bootstrap. HermeticError DISK, BAD_FILE, WRONG_KEY. */
export async function remoteKeys(path: string, keys: TrainerKeys): Promise<Bootstrapping> {
  const { remoteBootstrapping } = await import('../../cluster/remote-bootstrapping.ts');
  return withFileSource(path, (source) => remoteBootstrapping(source, keys, { onWarning: () => {} }));
}

/** HermeticError BAD_ARGUMENT. */
export function requireTogether(flags: ExecutorFlags & { readonly checkpoint?: string | undefined }): void {
  const { executor, shard, shards, database, blobs, deadline, audit, noiseKey } = flags;
  const refuse = (summary: string, mend: string): never => {
    throw new HermeticError('BAD_ARGUMENT', summary, { mend });
  };
  if (shard !== undefined && shards !== undefined && shard.parts !== shards) {
    refuse('--shard and --shards name different numbers of shards', 'Leave --shards out.');
  }
  if (executor === 'dbos') {
    if (database === undefined) refuse('workers meet in a database', 'Give --database postgres://….');
    if (blobs === undefined) refuse('workers meet at a store of blobs', 'Give --blobs FOLDER or --blobs URL.');
    return;
  }
  const useless = [
    ['--database', database],
    ['--blobs', blobs],
    ['--shard', shard],
    ['--deadline', deadline],
    ['--audit', audit],
    ['--noise-key', noiseKey],
  ].find(([, value]) => value !== undefined);
  if (useless) refuse(`${String(useless[0])} is of no use to one process`, 'Add --executor dbos, or leave it out.');
}

/** A coordinator without checkpoints would lose the run with itself. HermeticError BAD_ARGUMENT. */
export function requireCheckpoint(executor: ExecutorFlags['executor'], checkpoint: string | undefined): void {
  if (executor === 'local' || checkpoint !== undefined) return;
  throw new HermeticError('BAD_ARGUMENT', 'a run on many machines keeps checkpoints, to outlive its coordinator', {
    mend: 'Give --checkpoint FOLDER.',
  });
}
