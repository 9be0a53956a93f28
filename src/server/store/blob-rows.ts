/** Which files of the store are named by something. */
import { sql } from 'kysely';
import type { Database } from './database.ts';

/** Forgets the files that nothing names, or this one where nothing names it; returns their SHA-256. */
export async function forgetBlobRows(database: Database, sha256?: string): Promise<readonly string[]> {
  const which = sha256 === undefined ? sql`true` : sql`sha256 = ${sha256}`;
  const { rows } = await sql<{ sha256: string }>`
    delete from blobs where ${which} and sha256 not in (
      select sha256 from uploads union select sha256 from models union select sha256 from unlocks
      union select trainer_keys_sha256 from keys
      union select bootstrapping_keys_sha256 from keys where bootstrapping_keys_sha256 is not null
      union select held_out_sha256 from networks where held_out_sha256 is not null)
    returning sha256`.execute(database);
  return rows.map((row) => row.sha256);
}
