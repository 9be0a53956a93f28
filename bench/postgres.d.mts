export interface Postgres {
  readonly port: number;
  /** Of a superuser without a password, on loopback. */
  readonly url: string;
  /** Of its socket. */
  readonly folder: string;
  /** Puts files among its data, by name, and restarts; `postgresql.conf` gets more at its end. */
  configure(files: Readonly<Record<string, string>>): Promise<void>;
  /** Kills all connections and comes back. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}
/** Folder of initdb and pg_ctl of the newest version installed; undefined where there is none. */
export function postgresPrograms(): Promise<string | undefined>;
/** `superuser`: who may do everything without a password; default: hermetic. */
export function startPostgres(options?: { readonly superuser?: string }): Promise<Postgres>;
/** A port of loopback that nobody listens on, and that no system hands out by itself. */
export function freePort(): Promise<number>;
