/** `hermetic worker`: computes units of the runs under its keys, until it is told to stop. */

import { buildCommand, type Command } from '@stricli/core';
import { blobFlags, databaseFlags } from '../cluster/cluster-flags.ts';
import type { WorkerFlags } from '../cluster/work-from-files.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { dataFlags, outputFlags, threadFlags } from '../flags.ts';
import { integer, part, serverAddress, text } from '../parsers.ts';

export const worker: Command<HermeticContext> = buildCommand<WorkerFlags, [], HermeticContext>({
  docs: {
    brief: 'Compute for sealed trainings that others coordinate (hermetic train --executor dbos)',
    fullDescription: [
      'Joins the open runs under its keys, one after the other, and may come and go at any time. Its rows stay here: it',
      'says which it holds by their fingerprint, and answers with sealed gradients. Ctrl-C ends it after the unit at hand.',
      '',
      '  hermetic worker --database postgres://hermetic@db/hermetic --blobs http://db:7800 --blobs-token-file token \\',
      '      --keys trainer.keys --bootstrapping-keys bootstrapping.keys --data part2.csv --shard 2/4',
    ].join('\n'),
  },
  parameters: {
    flags: {
      ...databaseFlags,
      ...blobFlags,
      keys: {
        kind: 'parsed',
        parse: text,
        brief: 'Keys from the owner (with --joined: those of the folder)',
        placeholder: 'trainer.keys',
        optional: true,
      },
      bootstrappingKeys: {
        kind: 'parsed',
        parse: text,
        brief: 'Keys to bootstrap with; without them it leaves that to others',
        placeholder: 'FILE',
        optional: true,
      },
      refresh: {
        kind: 'parsed',
        parse: serverAddress,
        brief: "The owner's server, to ask for refreshes there; without it that is left to others",
        placeholder: 'URL',
        optional: true,
      },
      tokenFile: {
        kind: 'parsed',
        parse: text,
        brief: "Token for the owner's server",
        placeholder: 'FILE',
        optional: true,
      },
      joined: {
        kind: 'parsed',
        parse: text,
        brief: 'Folder of hermetic join, instead of --keys, --refresh and --token-file',
        placeholder: 'FOLDER',
        optional: true,
      },
      ...dataFlags,
      noiseKey: {
        kind: 'parsed',
        parse: text,
        brief: "The coordinator's secret, for runs with --privacy",
        placeholder: 'FILE',
        optional: true,
      },
      shard: {
        kind: 'parsed',
        parse: part,
        brief: 'The data are this shard of the run (default: all rows of the run)',
        placeholder: 'I/N',
        optional: true,
      },
      run: { kind: 'parsed', parse: text, brief: 'Only this run', placeholder: 'RUN', optional: true },
      name: {
        kind: 'parsed',
        parse: text,
        brief: 'A label for people (default: the name of the machine)',
        placeholder: 'NAME',
        optional: true,
      },
      poll: {
        kind: 'parsed',
        parse: integer(5, 60_000),
        brief: 'Milliseconds between two looks at the queue',
        placeholder: 'MS',
        default: '50',
      },
      ...threadFlags,
      ...outputFlags,
    },
  },
  func: runWorker,
});

async function runWorker(this: HermeticContext, flags: WorkerFlags): Promise<void> {
  const console = new Console(this.io, flags);
  const { workFromFiles } = await import('../cluster/work-from-files.ts');
  const totals = await workFromFiles(console, flags);
  console.result({ ...totals }, ({ bold }) => `${bold(`${totals.units} units`)} in ${totals.runs} runs`);
}
