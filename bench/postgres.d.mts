export interface Postgres {
  readonly port: number;
  /** Of a superuser without a password, on loopback. */
  readonly url: string;
  /** Kills all connections and comes back. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}
/** Folder of initdb and pg_ctl of the newest version installed; undefined where there is none. */
export function postgresPrograms(): Promise<string | undefined>;
export function startPostgres(): Promise<Postgres>;
/** A port of loopback that nobody listens on, and that no system hands out by itself. */
export function freePort(): Promise<number>;
