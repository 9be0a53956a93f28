/** A thread of the vault: started with its first job, and anew with the next one where it died. */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { HermeticError } from '../../base/errors.ts';
import { CLOSE, type RoomOptions, serveRoom } from './room.ts';
import type { ThreadData } from './thread.ts';
import { type CallOptions, type Port, Wire } from './wire.ts';

/** Node 20 runs no TypeScript: the sources keep their room in the thread that calls. */
const COMPILED: boolean = !import.meta.url.endsWith('.ts');

/** For work under way when the service ends; keys can take longer to make. */
const GRACE_MS = 10_000;

interface Thread {
  readonly wire: Wire;
  /** Whether it keeps the process alive. */
  hold(wanted: boolean): void;
  end(): Promise<void>;
}

export class Lane {
  readonly #options: RoomOptions;
  /** To the other lanes, until a thread has them. */
  #peers: readonly MessagePort[];
  #thread: Thread | undefined;
  #closed = false;

  constructor(options: RoomOptions, peers: readonly MessagePort[]) {
    this.#options = options;
    this.#peers = peers;
  }

  async call(name: string, argument: unknown, options: CallOptions = {}): Promise<unknown> {
    if (this.#closed) throw ended();
    this.#thread ??= this.#start();
    const thread = this.#thread;
    thread.hold(true);
    try {
      return await thread.wire.call(name, argument, options);
    } finally {
      if (thread.wire.pending === 0) thread.hold(false);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const peer of this.#peers) peer.close();
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread === undefined) return;
    thread.hold(true);
    const closing = thread.wire.call(CLOSE, undefined).catch(() => {});
    await Promise.race([closing, wait(GRACE_MS, undefined, { ref: false })]);
    thread.wire.fail(ended());
    await thread.end();
  }

  #start(): Thread {
    const peers = this.#peers;
    this.#peers = [];
    const data: ThreadData = { options: this.#options, peers };
    return COMPILED ? this.#startWorker(data) : startHere(data);
  }

  #startWorker(workerData: ThreadData): Thread {
    const worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData,
      transferList: [...workerData.peers],
    });
    const wire = new Wire(worker);
    const thread: Thread = {
      wire,
      hold: (wanted) => (wanted ? worker.ref() : worker.unref()),
      end: async () => void (await worker.terminate()),
    };
    const died = (cause?: unknown): void => {
      if (this.#thread === thread) this.#thread = undefined;
      wire.fail(new Error('a thread of the secret keys ended', { cause }));
    };
    worker.once('error', died);
    worker.once('exit', () => died());
    return thread;
  }
}

function startHere({ options, peers }: ThreadData): Thread {
  const { port1, port2 } = new MessageChannel();
  serveRoom(port2 as unknown as Port, options, peers);
  const end = async (): Promise<void> => {
    for (const peer of peers) peer.close();
    port1.close();
    await once(port2, 'close');
  };
  return { wire: new Wire(port1 as unknown as Port), hold: () => {}, end };
}

function ended(): HermeticError {
  return new HermeticError('ABORTED', 'the service is ending', { mend: 'Ask again once it runs.' });
}
