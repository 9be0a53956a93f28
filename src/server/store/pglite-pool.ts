/**
 * PGlite, PostgreSQL inside this process, behind the interface of a pool of connections that kysely's PostgreSQL dialect
 * asks for. There is one connection: whoever wants it waits for its turn, so that transactions do not mix.
 *
 * What is committed survives the death of the process. It need not survive a power cut: PGlite leaves writes to the
 * operating system. Who needs that too takes a PostgreSQL server.
 */
import type { PGlite } from '@electric-sql/pglite';
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';

export function pglitePool(database: PGlite): PostgresPool {
  let last: Promise<void> = Promise.resolve();
  return {
    connect: async () => {
      const before = last;
      let release = (): void => {};
      last = new Promise((resolve) => {
        release = resolve;
      });
      await before;
      return client(database, release);
    },
    end: async () => {
      await last;
      await database.close();
    },
  };
}

function client(database: PGlite, release: () => void): PostgresPoolClient {
  let failed = false;
  async function query(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<never>> {
    const command = commandOf(text, failed);
    try {
      const { rows, affectedRows = 0 } = await database.query<never>(text, [...parameters]);
      if (command !== 'UPDATE') failed = false;
      return { command, rowCount: affectedRows, rows };
    } catch (error) {
      failed = true;
      throw error;
    }
  }
  return { query: query as unknown as PostgresPoolClient['query'], release };
}

/** PostgreSQL ends a transaction in which something failed with a rollback, even where it is told to commit. */
function commandOf(text: string, failed: boolean): 'COMMIT' | 'ROLLBACK' | 'UPDATE' {
  if (text === 'rollback') return 'ROLLBACK';
  if (text === 'commit') return failed ? 'ROLLBACK' : 'COMMIT';
  return 'UPDATE';
}
