/** Opens the service's database: PGlite in a folder, or a PostgreSQL server. The same SQL runs on both. */
import { CamelCasePlugin, Kysely, PostgresDialect, type PostgresPool } from 'kysely';
import { HermeticError } from '../../base/errors.ts';
import { pglitePool } from './pglite-pool.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** PostgreSQL's number for the type int8. Counts and sizes stay below 2^53. */
const INT8 = 20;
const CONNECTIONS = 8;
const CONNECT_MS = 10_000;

/**
 * @param place a folder that exists, or an address postgres://…
 * @throws HermeticError DISK where it cannot be opened
 */
export async function openDatabase(place: string): Promise<Database> {
  const pool = isAddress(place) ? await serverPool(place) : await embeddedPool(place);
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] });
}

export function isAddress(place: string): boolean {
  return /^postgres(ql)?:\/\//.test(place);
}

async function embeddedPool(folder: string): Promise<PostgresPool> {
  const { PGlite } = await import('@electric-sql/pglite');
  try {
    return pglitePool(await PGlite.create(folder, { parsers: { [INT8]: Number } }));
  } catch (cause) {
    throw new HermeticError('DISK', `the database in ${folder} cannot be opened`, {
      mend: 'Check that the folder is whole and that this user may write to it; or restore it from a backup.',
      cause,
    });
  }
}

async function serverPool(address: string): Promise<PostgresPool> {
  const { default: pg } = await import('pg');
  const { getTypeParser } = pg.types;
  const numbers = ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : getTypeParser(oid, format as 'text')) as typeof getTypeParser;
  const pool = new pg.Pool({
    connectionString: address,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    types: { getTypeParser: numbers },
  });
  // A connection that breaks while it is idle is replaced by the next; without a listener it would end the process.
  pool.on('error', () => {});
  try {
    (await pool.connect()).release();
  } catch (cause) {
    await pool.end();
    // The cause may hold the address, and with it a password.
    const { code = 'no answer' } = cause as { code?: string };
    throw new HermeticError('DISK', `the database server cannot be reached (${code})`, {
      mend: 'Check the address of --database, and that the server runs.',
    });
  }
  return pool;
}
