/** The WASM module on this thread and on workers that share its memory. */

import { Engine } from './engine.ts';
import { type Address, Heap } from './heap.ts';
import type { Executor } from './task-queue.ts';
import { singleModule, threadedModule } from './wasm.generated.ts';

const CONTROL_BYTES = 256;
/** Two limbs of N = 2^17. */
const SCRATCH_BYTES = 1 << 20;
const GENERATION = 0;
const NEXT = 16;
const DONE = 32;
const COUNT = 48;
const TASKS = 49;
const WORKERS = 50;
const STOP = 51;

interface KernelExports {
  work(control: number, scratch: number): void;
  serve(control: number, scratch: number, seen: number): void;
}

export interface EngineOptions {
  /** Default: all cores in Node and in cross-origin isolated pages, else 1. */
  readonly threads?: number;
}

interface WorkerHandle {
  terminate(): void;
}

/**
 * A worker instantiates the module over the shared memory and serves. Given as text so that no bundler has to find a
 * file; both of Node's and the browser's worker globals are understood.
 */
const WORKER_SOURCE = `
const start = (port, { module, memory, control, scratch, seen }) => {
  const { serve } = new WebAssembly.Instance(module, { env: { memory, abort() {} } }).exports;
  port.postMessage('ready');
  serve(control, scratch, seen);
};
if (typeof self === 'undefined' || typeof self.postMessage !== 'function') {
  const { parentPort, workerData } = require('node:worker_threads');
  start(parentPort, workerData);
} else {
  self.onmessage = (event) => start(self, event.data);
}`;

export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const threads = chooseThreads(options.threads);
  const shared = threads > 1;
  const module = await WebAssembly.compile(decodeBase64(shared ? threadedModule : singleModule));
  const heap = new Heap(newMemory(shared));
  const executor = new WasmExecutor(heap, module);
  await executor.startWorkers(module, threads - 1);
  return new Engine(heap, executor);
}

const MOST_PAGES = 65_536;
const LEAST_MOST_PAGES = 16_384;

/** 4 GiB of address space, or as much of it as the platform reserves: phones give a shared memory less. */
function newMemory(shared: boolean, maximum: number = MOST_PAGES): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 2, maximum, shared });
  } catch (error) {
    if (!(error instanceof RangeError) || maximum <= LEAST_MOST_PAGES) throw error;
    return newMemory(shared, maximum / 2);
  }
}

function chooseThreads(wanted: number | undefined): number {
  if (wanted !== undefined && (!Number.isInteger(wanted) || wanted < 1 || wanted > 64)) {
    throw new RangeError(`threads: expected an integer from 1 to 64, got ${wanted}`);
  }
  const isolated = typeof process !== 'undefined' && process.versions?.node !== undefined;
  const canShare = isolated || (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
  if (!canShare) return 1;
  return wanted ?? Math.min(16, globalThis.navigator?.hardwareConcurrency ?? nodeCores());
}

function nodeCores(): number {
  const load = process.getBuiltinModule;
  return load ? load('node:os').availableParallelism() : 1;
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

class WasmExecutor implements Executor {
  private readonly heap: Heap;
  private readonly kernels: KernelExports;
  private readonly control: Address;
  private readonly scratch: Address;
  private workers: WorkerHandle[] = [];

  constructor(heap: Heap, module: WebAssembly.Module) {
    this.heap = heap;
    this.control = heap.allocate(CONTROL_BYTES);
    this.scratch = heap.allocate(SCRATCH_BYTES);
    heap.u32(this.control, CONTROL_BYTES / 4).fill(0);
    const instance = new WebAssembly.Instance(module, { env: { memory: heap.memory, abort(): void {} } });
    this.kernels = instance.exports as unknown as KernelExports;
  }

  get threads(): number {
    return this.workers.length + 1;
  }

  async startWorkers(module: WebAssembly.Module, count: number): Promise<void> {
    const { memory } = this.heap;
    const starts: Promise<WorkerHandle>[] = [];
    for (let i = 0; i < count; i++) {
      const scratch = this.heap.allocate(SCRATCH_BYTES);
      starts.push(startWorker({ module, memory, control: this.control, scratch, seen: 0 }));
    }
    this.workers = await Promise.all(starts);
    this.heap.u32(this.control, CONTROL_BYTES / 4)[WORKERS] = count;
  }

  execute(tasks: Address, count: number): void {
    const control = new Int32Array(this.heap.memory.buffer, this.control, CONTROL_BYTES / 4);
    control[TASKS] = tasks;
    control[COUNT] = count;
    const alone = count === 1 || this.workers.length === 0;
    if (alone) {
      control[NEXT] = 0;
      this.kernels.work(this.control, this.scratch);
      return;
    }
    Atomics.store(control, DONE, 0);
    Atomics.store(control, NEXT, 0);
    Atomics.add(control, GENERATION, 1);
    Atomics.notify(control, GENERATION);
    this.kernels.work(this.control, this.scratch);
    for (;;) {
      const done = Atomics.load(control, DONE);
      if (done === this.workers.length) return;
      Atomics.wait(control, DONE, done);
    }
  }

  dispose(): void {
    const control = new Int32Array(this.heap.memory.buffer, this.control, CONTROL_BYTES / 4);
    Atomics.store(control, STOP, 1);
    Atomics.add(control, GENERATION, 1);
    Atomics.notify(control, GENERATION);
    for (const worker of this.workers) worker.terminate();
    this.workers = [];
  }
}

interface WorkerStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  readonly scratch: number;
  readonly seen: number;
}

function startWorker(data: WorkerStart): Promise<WorkerHandle> {
  if (typeof process !== 'undefined' && process.versions?.node !== undefined) return startNodeWorker(data);
  return new Promise((resolve, reject) => {
    const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' }));
    const worker = new Worker(url);
    worker.onmessage = () => {
      URL.revokeObjectURL(url);
      resolve(worker);
    };
    worker.onerror = () => reject(new Error('a thread did not start: does the page allow `worker-src blob:`?'));
    worker.postMessage(data);
  });
}

async function startNodeWorker(data: WorkerStart): Promise<WorkerHandle> {
  const { Worker: NodeWorker } = await import('node:worker_threads');
  const worker = new NodeWorker(WORKER_SOURCE, { eval: true, workerData: data });
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
  });
  worker.unref();
  return worker;
}
