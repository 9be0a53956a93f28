/** The tasks of the kernels: queued, then run together, on this thread and its workers, over one memory. */

import type { Address, Heap } from './heap.ts';
import { type OperationCode, REAL_BYTES, TASK_WORDS } from './operations.ts';

/** Runs `count` tasks laid out at `tasks`. The WASM module and the bigint twin both do. */
export interface Executor {
  readonly threads: number;
  execute(tasks: Address, count: number): void;
  dispose(): void;
}

const QUEUE_TASKS = 8192;
const LIST_WORDS = 1 << 18;

export class TaskQueue {
  readonly heap: Heap;
  private readonly executor: Executor;
  private readonly tasks: Address;
  private readonly lists: Address;
  private queued = 0;
  private listed = 0;

  constructor(heap: Heap, executor: Executor) {
    this.heap = heap;
    this.executor = executor;
    this.tasks = heap.allocate(QUEUE_TASKS * TASK_WORDS * 4);
    this.lists = heap.allocate(LIST_WORDS * 4);
  }

  get threads(): number {
    return this.executor.threads;
  }

  /** Runs everything queued; returns when it is done. */
  flush(): void {
    const count = this.queued;
    this.queued = 0;
    this.listed = 0;
    if (count > 0) this.executor.execute(this.tasks, count);
  }

  dispose(): void {
    this.executor.dispose();
  }

  /** Makes room for `tasks` tasks and their address lists, so that neither is flushed away under the other. */
  protected reserve(tasks: number, listWords: number): void {
    if (this.queued + tasks > QUEUE_TASKS || this.listed + listWords > LIST_WORDS) this.flush();
  }

  /** Words that live until the next `flush`. */
  protected list(words: ArrayLike<number>): Address {
    const at = (this.lists + this.listed * 4) as Address;
    const all = this.heap.allWords;
    for (let i = 0, first = at >>> 2; i < words.length; i++) all[first + i] = words[i] as number;
    this.listed += (words.length + 1) & ~1;
    return at;
  }

  protected push(code: OperationCode, ...args: number[]): Address {
    if (this.queued === QUEUE_TASKS) this.flush();
    const at = (this.tasks + this.queued * TASK_WORDS * 4) as Address;
    const words = this.heap.allWords;
    const first = at >>> 2;
    words[first] = code;
    for (let i = 0; i < args.length; i++) words[first + 1 + i] = args[i] as number;
    this.queued++;
    return at;
  }

  /** A task with a double among its arguments, in the place of two of them. */
  protected pushReal(code: OperationCode, real: number, ...args: number[]): void {
    const task = this.push(code, ...args);
    this.heap.f64((task + REAL_BYTES) as Address, 1)[0] = real;
  }

  /** Runs one task now, beside what is queued: tables may be needed in the middle of queueing. */
  protected single(code: OperationCode, ...args: number[]): void {
    const task = this.heap.allocate(TASK_WORDS * 4);
    const words = this.heap.u32(task, TASK_WORDS);
    words[0] = code;
    words.set(args, 1);
    this.executor.execute(task, 1);
    this.heap.release(task, TASK_WORDS * 4);
  }
}
