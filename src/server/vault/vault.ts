/**
 * The secret keys, as the rest of the service sees them: jobs are handed in, and done in threads of their own, so that whoever
 * asks for something else is not kept waiting. Three of them, for nobody shall wait for another's work that takes longer than
 * their own: refreshes, a hundred milliseconds; what is opened, seconds; keys and networks that are made, minutes. Each
 * starts with its first job. The keys stay in this process, and in its threads in the clear; none is ever answered.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Argument, JobName, Result } from './jobs.ts';
import { Lane } from './lane.ts';
import type { RoomOptions } from './room.ts';
import type { CallOptions } from './wire.ts';

const LANES = ['refresh', 'open', 'make'] as const;
type LaneName = (typeof LANES)[number];

const LANE_OF: Readonly<Record<JobName, LaneName>> = {
  readRefresh: 'refresh',
  reencrypt: 'refresh',
  check: 'open',
  describeModel: 'open',
  openModel: 'open',
  judge: 'open',
  unlock: 'open',
  makeNetwork: 'make',
  handOut: 'make',
};

export class Vault {
  readonly #lanes: ReadonlyMap<LaneName, Lane>;

  constructor(options: RoomOptions) {
    const ports = connected(LANES.length);
    this.#lanes = new Map(LANES.map((name, i) => [name, new Lane(options, ports[i])]));
  }

  /** @throws what the job throws, see `Jobs`; HermeticError ABORTED where the vault is closed; Error where a thread died */
  async run<K extends JobName>(name: K, argument: Argument<K>, options: CallOptions = {}): Promise<Result<K>> {
    return (await this.#lanes.get(LANE_OF[name])?.call(name, argument, options)) as Result<K>;
  }

  /** Waits for keys in use, overwrites every secret and ends the threads. */
  async close(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
  }
}

/** Ports for each of so many: one to each of the others. */
function connected(count: number): MessagePort[][] {
  const ports: MessagePort[][] = Array.from({ length: count }, () => []);
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < a; b++) {
      const { port1, port2 } = new MessageChannel();
      ports[a].push(port1);
      ports[b].push(port2);
    }
  }
  return ports;
}
