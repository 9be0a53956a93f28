/**
 * DBOS Transact, loaded when it is needed and kept at home: no Conductor, no telemetry, no cloud, whatever stands in the
 * environment. It talks to PostgreSQL and to nothing else.
 */
import type { DBOS, DBOSClient, DLogger } from '@dbos-inc/dbos-sdk';
import { HermeticError } from '../../base/errors.ts';

/** Names under which all processes of a cluster know each other. */
export const APPLICATION = 'hermetic';
/** Jobs of one version are not done by workers of another. */
export const UNITS_VERSION = 'hermetic-units-2';
export const UNIT_WORKFLOW = 'hermetic-unit';

interface Dbos {
  readonly DBOS: typeof DBOS;
  readonly DBOSClient: typeof DBOSClient;
}

/** @throws HermeticError CLUSTER where the package is not installed */
export async function loadDbos(): Promise<Dbos> {
  // Read once, when the package is loaded: they would switch on its cloud mode, or rename what is ours.
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('DBOS_') || name.startsWith('OTEL_')) delete process.env[name];
  }
  try {
    const { DBOS, DBOSClient } = await import('@dbos-inc/dbos-sdk');
    return { DBOS, DBOSClient };
  } catch (error) {
    throw new HermeticError('CLUSTER', 'DBOS Transact is not installed', {
      mend: 'npm install @dbos-inc/dbos-sdk, or train on one machine, which needs none of it.',
      cause: error,
    });
  }
}

/** Its own log says what goes wrong between it and the database: told once each, the rest is silence. */
export function quietLogger(onWarning: (message: string) => void): DLogger {
  const told = new Set<string>();
  const tell = (entry: unknown): void => {
    const text = entry instanceof Error ? entry.message : typeof entry === 'string' ? entry : JSON.stringify(entry);
    const line = String(text).split('\n')[0].slice(0, 200);
    if (told.has(line)) return;
    told.add(line);
    onWarning(line);
  };
  const silence = (): void => {};
  return { debug: silence, info: silence, warn: silence, error: tell };
}

/**
 * The address for the pools of DBOS: they may not hold locks in transactions that a frozen process has left open. Said
 * in the address, because DBOS itself says it by a query that `pg` warns of.
 */
export function poolUrl(url: string): string {
  const whole = new URL(url);
  const options = whole.searchParams.get('options');
  const timeout = '-c idle_in_transaction_session_timeout=60000';
  whole.searchParams.set('options', options === null ? timeout : `${options} ${timeout}`);
  return whole.href;
}

/** The queue of one worker. */
export function queueOf(worker: string): string {
  return `${APPLICATION}-${worker}`;
}

export function workerOf(queue: string | undefined): string {
  return queue?.slice(APPLICATION.length + 1) ?? '';
}

/** Its tables are loaded apart: `DBOS.migrate` writes its progress to stdout, where results go. */
async function loadTables(): Promise<typeof import('@dbos-inc/dbos-sdk/internal/system_database')> {
  await loadDbos();
  return import('@dbos-inc/dbos-sdk/internal/system_database');
}

type TablesLogger = Parameters<typeof import('@dbos-inc/dbos-sdk/internal/system_database').migrateSystemDatabase>[1];
const SILENCE = quietLogger(() => {}) as TablesLogger;

/** True where the tables of DBOS are there and up to date; changes nothing, so that a role without rights may ask. */
export async function isDbosPrepared(url: string): Promise<boolean> {
  const { verifySystemDatabase } = await loadTables();
  return verifySystemDatabase(url, SILENCE).then(
    () => true,
    () => false,
  );
}

/** Makes the tables of DBOS, or brings them up to date; with a role, lets it use them. Not for two processes at once. */
export async function prepareDbos(url: string, role?: string): Promise<void> {
  const { migrateSystemDatabase } = await loadTables();
  await migrateSystemDatabase(url, SILENCE, 'dbos', role);
}
