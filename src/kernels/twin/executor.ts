/**
 * The readable twin of the kernels: every operation by its definition, in bigint, over the same memory. Slow; its
 * results are bit for bit those of the WASM module, which the tests hold against it.
 */
import { Engine } from '../engine.ts';
import { type Address, Heap } from '../heap.ts';
import { REAL_BYTES, TASK_WORDS } from '../operations.ts';
import type { Executor } from '../task-queue.ts';
import { conversionOperations } from './conversions.ts';
import { encodingOperations } from './encoding.ts';
import { TwinMemory } from './memory.ts';
import { residueOperations } from './residues.ts';
import { samplingOperations } from './sampling.ts';
import { transformOperations } from './transforms.ts';

const OPERATIONS = new Map([
  ...residueOperations,
  ...transformOperations,
  ...conversionOperations,
  ...encodingOperations,
  ...samplingOperations,
]);

/** An engine whose kernels are the twin: same interface, one thread, bigint. */
export function createTwinEngine(): Engine {
  const heap = new Heap(new WebAssembly.Memory({ initial: 2, maximum: 65_536 }));
  return new Engine(heap, new TwinExecutor(heap));
}

class TwinExecutor implements Executor {
  readonly threads = 1;
  private readonly memory: TwinMemory;

  constructor(heap: Heap) {
    this.memory = new TwinMemory(heap);
  }

  execute(tasks: Address, count: number): void {
    for (let i = 0; i < count; i++) this.run(tasks + i * TASK_WORDS * 4);
  }

  dispose(): void {}

  private run(address: number): void {
    const task = Array.from(this.memory.words(address, TASK_WORDS));
    const operation = OPERATIONS.get(task[0]);
    if (!operation) throw new RangeError(`unknown operation ${task[0]}`);
    operation(this.memory, task, this.memory.doubles(address + REAL_BYTES, 1)[0]);
  }
}
