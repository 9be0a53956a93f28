/**
 * What happens in a thread that holds secret keys: the jobs, over a key ring and the store's files of its own. It knows
 * nothing of parties, budgets or the database; whoever calls has counted and noted what the key is used for.
 */
import type { MessagePort } from 'node:worker_threads';
import { BlobFiles } from '../node/blob-files.ts';
import { KeyRing, type KeyRingOptions } from '../node/key-ring.ts';
import { Sequence } from '../turns.ts';
import type { Argument, JobName, Jobs, Result } from './jobs.ts';
import { handOut, makeNetwork } from './making.ts';
import { describeModel, judge, openModel } from './opening.ts';
import { knownSet } from './parameter-sets.ts';
import { readRefresh, reencrypt } from './refreshing.ts';
import { unlock } from './unlocking.ts';
import { type Ask, type Moved, type Port, Wire } from './wire.ts';

export interface RoomOptions extends Omit<KeyRingOptions, 'onSecret'> {
  /** Folder of the store's files. */
  readonly blobs: string;
}

export interface Room {
  readonly keys: KeyRing;
  readonly blobs: BlobFiles;
  /** Of what takes much memory. */
  readonly sequence: Sequence;
}

/** A job's result, or it with buffers to be moved along. */
export type Done<K extends JobName> = Promise<Result<K> | Moved<Result<K>>>;

type Handlers = { readonly [K in JobName]: (room: Room, argument: Argument<K>, ask: Ask) => Done<K> };

const HANDLERS: Handlers = {
  check: ({ keys }, keyId) => keys.check(keyId),
  makeNetwork,
  handOut,
  describeModel,
  openModel,
  judge,
  unlock,
  readRefresh,
  reencrypt,
};

/** 'close': overwrites every secret, once nobody uses it. */
export const CLOSE = 'close';

/** @param peers ports to the other rooms over the same folder, which are told of every secret and never the caller */
export function serveRoom(port: Port, { blobs, ...options }: RoomOptions, peers: readonly MessagePort[]): void {
  const keys = new KeyRing({
    ...options,
    onSecret: (keyId, { parameters: { set }, coefficients }) => {
      for (const peer of peers) {
        const copy = coefficients.slice();
        peer.postMessage({ keyId, set, coefficients: copy }, [copy.buffer]);
      }
    },
  });
  for (const peer of peers) {
    peer.on('message', (heard: HeardSecret) => void learn(keys, heard));
    peer.unref();
  }
  const room: Room = { keys, blobs: BlobFiles.attach(blobs), sequence: new Sequence() };
  new Wire(port, async (name, argument, ask) => {
    if (name === CLOSE) return keys.close();
    const handle = HANDLERS[name as keyof Jobs] as (room: Room, argument: unknown, ask: Ask) => Promise<unknown>;
    return handle(room, argument, ask);
  });
}

interface HeardSecret {
  readonly keyId: string;
  readonly set: string;
  readonly coefficients: Uint8Array;
}

async function learn(keys: KeyRing, { keyId, set, coefficients }: HeardSecret): Promise<void> {
  keys.learn(keyId, { parameters: await knownSet(set), coefficients });
}
