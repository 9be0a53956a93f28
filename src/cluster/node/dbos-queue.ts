/** The coordinator's side of the queues: units as durable workflows, each worker with a queue of its own. */
import type { DBOSClient, WorkflowStatus } from '@dbos-inc/dbos-sdk';
import type { AttemptView, UnitQueue, WorkerView } from '../unit-queue.ts';
import type { UnitJob } from '../units.ts';
import { type Database, databaseError, patiently } from './database.ts';
import {
  APPLICATION,
  loadDbos,
  poolUrl,
  queueOf,
  quietLogger,
  UNIT_WORKFLOW,
  UNITS_VERSION,
  workerOf,
} from './dbos.ts';

export interface DbosQueue extends UnitQueue {
  close(): Promise<void>;
}

export async function dbosQueue(
  database: Database,
  run: string,
  onWarning: (message: string) => void,
): Promise<DbosQueue> {
  const { DBOSClient } = await loadDbos();
  const client = await DBOSClient.create({
    systemDatabaseUrl: poolUrl(database.url),
    systemDatabasePoolSize: 4,
    applicationName: APPLICATION,
    logger: quietLogger(onWarning),
  });
  return { ...units(client), ...workers(database, run, onWarning), close: () => client.destroy() };
}

function workers(
  database: Database,
  run: string,
  onWarning: (message: string) => void,
): Pick<UnitQueue, 'workers' | 'quarantine' | 'banned'> {
  let warned = false;
  return {
    workers: async () => {
      const rows = await database.workersOf(run);
      const versions = [...new Set(rows.map(({ version }) => version))];
      if (versions.length > 1 && !warned) {
        warned = true;
        onWarning(`workers of different versions may give different bits: ${versions.join('; ')}`);
      }
      return rows.map(
        ({ worker, name, rows: held, bootstraps, refreshes }): WorkerView => ({
          id: worker,
          name,
          rows: new Set(held.map(({ digest }) => digest)),
          bootstraps,
          refreshes,
        }),
      );
    },
    banned: () => database.bannedFrom(run),
    quarantine: (worker, reason) => database.quarantine(worker, reason),
  };
}

function units(client: DBOSClient): Omit<UnitQueue, 'workers' | 'quarantine' | 'banned'> {
  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await patiently(work);
    } catch (error) {
      throw databaseError(error, 'hand out units');
    }
  };
  return {
    submit: async (id, worker, job) => {
      const options = { queueName: queueOf(worker), workflowName: UNIT_WORKFLOW, workflowID: id };
      await ask(() =>
        client.enqueue<(job: UnitJob) => Promise<unknown>>({ ...options, appVersion: UNITS_VERSION }, job),
      );
    },
    look: async (ids) => {
      const found = await ask(() =>
        client.listWorkflows({ workflowIDs: [...ids], loadInput: false, loadOutput: true }),
      );
      return found.map(viewOf);
    },
    find: async (prefix) => {
      const found = await ask(() =>
        client.listWorkflows({ workflow_id_prefix: prefix, loadInput: false, loadOutput: false }),
      );
      return found.map(viewOf);
    },
    cancel: (ids) => ask(() => client.cancelWorkflows([...ids])),
    forget: async (ids) => {
      if (ids.length > 0) await ask(() => client.deleteWorkflows([...ids]));
    },
  };
}

function viewOf({ workflowID: id, queueName, status, output, error }: WorkflowStatus): AttemptView {
  const worker = workerOf(queueName);
  if (status === 'SUCCESS') return { id, worker, state: 'done', answer: output };
  if (status === 'PENDING') return { id, worker, state: 'running' };
  if (status === 'ENQUEUED' || status === 'DELAYED') return { id, worker, state: 'waiting' };
  return {
    id,
    worker,
    state: 'failed',
    error: error instanceof Error ? error.message : `it was ${status.toLowerCase()}`,
  };
}
