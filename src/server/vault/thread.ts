/** What a thread of the vault runs: a room, at the port to whoever started it. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type RoomOptions, serveRoom } from './room.ts';

export interface ThreadData {
  readonly options: RoomOptions;
  readonly peers: readonly MessagePort[];
}

if (parentPort === null) throw new Error('this file is run by a thread');
const { options, peers } = workerData as ThreadData;
serveRoom(parentPort, options, peers);
