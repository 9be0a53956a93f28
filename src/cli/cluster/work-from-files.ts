/** A worker from its files: keys, rows, blobs. */

import { access, constants } from 'node:fs/promises';
import { hostname } from 'node:os';
import { HermeticError } from '../../base/errors.ts';
import { work } from '../../cluster/node/worker.ts';
import { noiseKey } from '../../cluster/noise-key.ts';
import { parseFeatureSettings } from '../../data/parse-settings.ts';
import { httpTransport } from '../../protocol/http-transport.ts';
import { diskError } from '../../protocol/node/disk-error.ts';
import type { RefreshTransport } from '../../protocol/refresh-transport.ts';
import { loadBootstrappingKeys } from '../bootstrapping-file.ts';
import { type Console, toJsonLine } from '../console.ts';
import { type DataRequest, isDataSetName, loadDataset } from '../data-source.ts';
import type { DataFlags, OutputFlags, ThreadFlags } from '../flags.ts';
import { formatDuration } from '../format.ts';
import type { Part } from '../parsers.ts';
import { openJoinedFolder } from '../service/joined-folder.ts';
import { readToken } from '../token-file.ts';
import { loadTrainerKeys } from '../train-file.ts';
import { packageVersion } from '../version.ts';
import { openBlobs } from './blob-target.ts';
import type { BlobFlags, DatabaseFlags } from './cluster-flags.ts';

export interface WorkerFlags extends DatabaseFlags, BlobFlags, DataFlags, ThreadFlags, OutputFlags {
  readonly keys: string | undefined;
  readonly bootstrappingKeys: string | undefined;
  readonly refresh: URL | undefined;
  readonly tokenFile: string | undefined;
  readonly joined: string | undefined;
  readonly noiseKey: string | undefined;
  readonly shard: Part | undefined;
  readonly run: string | undefined;
  readonly name: string | undefined;
  readonly poll: number;
}

export interface WorkTotals {
  readonly units: number;
  readonly runs: number;
}

/** Until Ctrl-C. HermeticError as everything that reads its files; CLUSTER. */
export async function workFromFiles(console: Console, flags: WorkerFlags): Promise<WorkTotals> {
  const { database, shard, run, name = hostname(), poll, threads, json, quiet } = flags;
  const blobs = await openBlobs(flags.blobs, flags.blobsTokenFile, console.io);
  const { keysPath, transport } = await ownerSide(console, flags);
  await requireData(flags.data);
  const key = flags.noiseKey === undefined ? undefined : await noiseKey(await readToken(flags.noiseKey));
  const keys = await loadTrainerKeys(console, keysPath, { threads });
  const path = flags.bootstrappingKeys;
  let [units, runs] = [0, 0];
  try {
    const bootstrapping =
      path === undefined ? undefined : await loadBootstrappingKeys(console, keys, { path, threads, silent: quiet });
    const tell = (event: Readonly<Record<string, unknown>>, line: string): void => {
      if (json) console.io.stderr.write(toJsonLine(event));
      else console.note(line);
    };
    try {
      await work({
        database,
        blobs,
        keys,
        bootstrapping,
        transport,
        name,
        version: `hermetic ${packageVersion()}, V8 ${process.versions.v8}`,
        pollMs: poll,
        signal: console.io.signal,
        ...(key && { noiseKey: key }),
        ...(run !== undefined && { run }),
        ...(shard !== undefined && { held: { index: shard.index - 1, shards: shard.parts } }),
        loadRows: async ({ features }) => {
          const settings = parseFeatureSettings(features);
          const data = await loadDataset(flags as DataRequest, settings, 'train', console.io.signal);
          return { features: data.features, targets: data.targets.values };
        },
        events: {
          waiting: () => tell({ event: 'waiting' }, 'waiting for a run under these keys'),
          joined: (id, shards, of) => {
            runs++;
            const held =
              shards.length === of ? `all ${of} shards` : `shard ${shards.map((i) => i + 1).join()} of ${of}`;
            tell({ event: 'joined', run: id, shards, of }, `joined run ${id.slice(0, 12)} with ${held}`);
          },
          unit: (job, ms) => {
            units++;
            const step = 'step' in job ? { step: job.step } : {};
            tell({ event: 'unit', kind: job.kind, ...step, ms }, `${job.kind} done in ${formatDuration(ms)}`);
          },
          left: (id) => tell({ event: 'left', run: id }, `left run ${id.slice(0, 12)}`),
          warning: (message) => console.warn(message),
        },
      });
    } finally {
      bootstrapping?.dispose();
    }
  } finally {
    keys.dispose();
  }
  return { units, runs };
}

interface OwnerSide {
  readonly keysPath: string;
  /** For a worker that may ask the owner. */
  readonly transport: RefreshTransport | undefined;
}

/** HermeticError BAD_ARGUMENT for options that do not go together; as everything that reads their files. */
async function ownerSide(console: Console, flags: WorkerFlags): Promise<OwnerSide> {
  const { keys, refresh, tokenFile, joined } = flags;
  const onWarning = (message: string): void => console.warn(message);
  if (joined !== undefined) {
    if (refresh ?? tokenFile)
      refuse('the joined folder says already who the owner is', 'Leave --joined out, or the others.');
    const { paths, service } = await openJoinedFolder(console, joined);
    const token = await readToken(paths.token);
    return { keysPath: keys ?? paths.keys, transport: httpTransport({ url: service.url, token, onWarning }) };
  }
  const keysPath = keys ?? refuse('a worker needs keys', 'Give --keys trainer.keys, or --joined FOLDER.');
  if (refresh === undefined && tokenFile === undefined) return { keysPath, transport: undefined };
  if (refresh === undefined || tokenFile === undefined) {
    return refuse(
      'a worker that asks the owner needs an address and a token',
      'Give --refresh URL and --token-file FILE.',
    );
  }
  return { keysPath, transport: httpTransport({ url: refresh.href, token: await readToken(tokenFile), onWarning }) };
}

/** A run's settings are what rows are read with: without one it can only be said that they are there. HermeticError DISK. */
async function requireData(data: string): Promise<void> {
  if (isDataSetName(data)) return;
  await access(data, constants.R_OK).catch((error: unknown) => {
    throw diskError(error, 'read', data);
  });
}

function refuse(summary: string, mend: string): never {
  throw new HermeticError('BAD_ARGUMENT', summary, { mend });
}
