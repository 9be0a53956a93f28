/** What every part of the service works with. */
import type { RefreshEvent } from '../../owner/refresh-service.ts';
import type { Database } from '../store/database.ts';
import type { Store } from '../store/open-store.ts';
import type { Flights, Sequence, Turns } from '../turns.ts';
import type { Vault } from '../vault/vault.ts';
import type { Pace } from './bodies.ts';
import type { Events } from './events.ts';

export interface ServiceContext {
  readonly store: Store;
  readonly database: Database;
  readonly vault: Vault;
  readonly events: Events;
  readonly version: string;
  /** The address that trainers reach, where it is not the one that the owner calls. */
  readonly publicUrl: string | undefined;
  readonly allowInsecure: boolean;
  /** Answers to refreshes that are kept for each party. */
  readonly keptAnswers: number;
  /** Bytes that the uploads of a party may take up. */
  readonly uploadBytes: number;
  readonly onRefresh: (event: RefreshEvent) => void;
  readonly onFault: (error: unknown) => void;
  now(): Date;
  /** Bodies of refreshes that are in memory at once. */
  readonly refreshTurns: Turns;
  /** Long bodies of JSON that are in memory at once, until they are answered. */
  readonly bodyTurns: Turns;
  /** Of both: whoever stalls gives up the turn; so does a long body whose answer takes longer than the grace. */
  readonly bodyPace: Pace;
  /** Of what must not be done to one thing at the same time. */
  readonly sequence: Sequence;
  readonly flights: Flights;
}

/** All of it or nothing. */
export function transact<T>(
  { database }: Pick<ServiceContext, 'database'>,
  work: (transaction: Database) => Promise<T>,
): Promise<T> {
  return database.transaction().execute(work);
}
