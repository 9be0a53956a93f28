/**
 * Calls between two threads over a port. Either side calls and answers; whoever answers may ask its caller something
 * before it does. Arguments and results are cloned, except for buffers that are moved: those are gone on the other side.
 */
import type { TransferListItem } from 'node:worker_threads';
import { heardError, type ToldError, tellError } from './told-error.ts';

/** A thread, or an end of a channel. */
export interface Port {
  postMessage(message: unknown, transfer?: readonly TransferListItem[]): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

type View = Uint8Array | Uint32Array;

/** Asks whoever called. */
export type Ask = (name: string, argument?: unknown) => Promise<unknown>;

/** Does what is called for. A result that is `Moved` takes its buffers along. */
export type Serve = (name: string, argument: unknown, ask: Ask) => Promise<unknown>;

/** Answers to what may be asked during a call, by name. */
export type Answers = Readonly<Record<string, (argument: never) => Promise<unknown>>>;

export interface CallOptions {
  /** Gone from here. */
  readonly move?: readonly View[];
  readonly answers?: Answers;
}

/** A value and the buffers that go with it. */
export class Moved<T> {
  readonly value: T;
  readonly buffers: readonly ArrayBufferLike[];

  constructor(value: T, ...views: readonly View[]) {
    this.value = value;
    this.buffers = views.map(({ buffer }) => buffer);
  }
}

/** The bytes alone in their buffer, so that it can be moved. */
export function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

type Message =
  | {
      readonly kind: 'call';
      readonly id: number;
      /** The call of the other side during which this is asked. */
      readonly within?: number;
      readonly name: string;
      readonly argument: unknown;
    }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: ToldError };

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly answers: Answers;
}

export class Wire {
  readonly #port: Port;
  readonly #serve: Serve;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;

  constructor(port: Port, serve: Serve = refuse) {
    this.#port = port;
    this.#serve = serve;
    port.on('message', (message) => this.#take(message as Message));
  }

  /** Calls that are not answered yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /** What the other side answers. @throws what it threw */
  call(name: string, argument: unknown, options: CallOptions = {}, within?: number): Promise<unknown> {
    const { move = [], answers = {} } = options;
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      const call = { kind: 'call', id, name, argument, ...(within !== undefined && { within }) } satisfies Message;
      this.#port.postMessage(call, transferList(move.map(({ buffer }) => buffer)));
      this.#pending.set(id, { resolve, reject, answers });
    });
  }

  /** Nobody will answer any more. */
  fail(error: Error): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of all) reject(error);
  }

  #take(message: Message): void {
    if (message.kind === 'call') void this.#answer(message);
    else this.#settle(message);
  }

  #settle(message: Exclude<Message, { kind: 'call' }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === 'answer') pending?.resolve(message.value);
    else pending?.reject(heardError(message.error));
  }

  async #answer({ id, within, name, argument }: Extract<Message, { kind: 'call' }>): Promise<void> {
    try {
      const result = await this.#resultOf(id, within, name, argument);
      const [value, buffers] = result instanceof Moved ? [result.value, result.buffers] : [result, []];
      this.#port.postMessage({ kind: 'answer', id, value } satisfies Message, transferList(buffers));
    } catch (error) {
      this.#port.postMessage({ kind: 'failure', id, error: tellError(error) } satisfies Message);
    }
  }

  #resultOf(id: number, within: number | undefined, name: string, argument: unknown): Promise<unknown> {
    if (within === undefined) return this.#serve(name, argument, (asked, about) => this.call(asked, about, {}, id));
    const answer = this.#pending.get(within)?.answers[name];
    return answer === undefined ? refuse(name) : answer(argument as never);
  }
}

async function refuse(name: string): Promise<never> {
  throw new TypeError(`nobody answers ${name} here`);
}

function transferList(buffers: readonly ArrayBufferLike[]): TransferListItem[] {
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}
