/** `hermetic runs`: what is being trained on many machines, and how far. */

import { buildCommand, type Command } from '@stricli/core';
import Table from 'cli-table3';
import type { RunSummary, WorkerSummary } from '../../cluster/node/rows.ts';
import { type DatabaseFlags, databaseFlags } from '../cluster/cluster-flags.ts';
import { Console } from '../console.ts';
import type { HermeticContext } from '../context.ts';
import { type OutputFlags, outputFlags } from '../flags.ts';
import { formatDuration } from '../format.ts';
import { text } from '../parsers.ts';

interface Flags extends DatabaseFlags, OutputFlags {
  readonly prepare: string | undefined;
}

export const runs: Command<HermeticContext> = buildCommand<Flags, [], HermeticContext>({
  docs: {
    brief: 'List the runs of a database: state, step, workers, seconds a step',
    fullDescription: [
      'A run is gathering (asks who holds which rows), running, interrupted (its coordinator has died: the same',
      'hermetic train goes on), stopped, failed or done.',
      '',
      'Below them: workers that are there, what they hold and can, and workers in quarantine.',
      '',
      'With --prepare ROLE the tables are made, or brought up to date, and ROLE may use them.',
    ].join('\n'),
  },
  parameters: {
    flags: {
      ...databaseFlags,
      prepare: {
        kind: 'parsed',
        parse: text,
        brief: 'Make the tables and let this role use them',
        placeholder: 'ROLE',
        optional: true,
      },
      ...outputFlags,
    },
  },
  func: runRuns,
});

async function runRuns(this: HermeticContext, flags: Flags): Promise<void> {
  const console = new Console(this.io, flags);
  const { Database } = await import('../../cluster/node/database.ts');
  const { prepareDatabase } = await import('../../cluster/node/coordinator.ts');
  const database = await Database.open(flags.database);
  try {
    await prepareDatabase(database, flags.prepare);
    const [list, workers] = [await database.runs(), await database.workers()];
    console.result({ runs: list, workers }, () =>
      list.length === 0 ? 'no runs' : [table(list), ...workers.map((worker) => line(worker, list))].join('\n'),
    );
  } finally {
    await database.close();
  }
}

function table(list: readonly RunSummary[]): string {
  const head = ['run', 'state', 'step', 'shards', 'workers', 'a step', 'began'];
  const grid = new Table({ head, style: { head: [], border: [] } });
  for (const { run, state, step, steps, shards, workers, secondsPerStep, began } of list) {
    const pace = secondsPerStep === undefined ? '–' : formatDuration(1000 * secondsPerStep);
    grid.push([run.slice(0, 12), state, `${step}/${steps}`, shards, workers, pace, began.toISOString().slice(0, 16)]);
  }
  return grid.toString();
}

/** A worker that is there, or in quarantine. */
function line(worker: WorkerSummary, list: readonly RunSummary[]): string {
  const { name, worker: id, run, state, reason, shards, bootstraps, refreshes } = worker;
  const who = `${name} (${id.slice(0, 6)}), run ${run.slice(0, 12)}: `;
  if (state === 'quarantined') return `${who}in quarantine, ${reason ?? 'no reason given'}`;
  const of = list.find((known) => known.run === run)?.shards;
  const rows = shards.length === of ? 'all rows' : `shard ${shards.map((i) => i + 1).join()} of ${of}`;
  return `${who}${[rows, ...(bootstraps ? ['bootstraps'] : []), ...(refreshes ? ['asks the owner'] : [])].join(', ')}`;
}
