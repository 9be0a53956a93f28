/** What the twin's operations work on: the kernels' memory, and the roots behind the tables of transforms. */
import type { Address, Heap } from '../heap.ts';

export interface Root {
  readonly psi: number;
  readonly logSize: number;
}

export class TwinMemory {
  private readonly heap: Heap;
  /** Nothing is stored in a table of the twin: its root is remembered from when it was built. */
  private readonly roots = new Map<number, Root>();

  constructor(heap: Heap) {
    this.heap = heap;
  }

  words(address: number, count: number): Uint32Array {
    return this.heap.u32(address as Address, count);
  }

  word(address: number, index = 0): number {
    return this.words(address + 4 * index, 1)[0];
  }

  setWord(address: number, index: number, value: number): void {
    this.words(address + 4 * index, 1)[0] = value;
  }

  doubles(address: number, count: number): Float64Array {
    return this.heap.f64(address as Address, count);
  }

  floats(address: number, count: number): Float32Array {
    return this.heap.f32(address as Address, count);
  }

  /** A context begins with its prime. */
  prime(ctx: number): number {
    return this.word(ctx);
  }

  setRoot(table: number, root: Root): void {
    this.roots.set(table, root);
  }

  root(table: number): Root {
    const root = this.roots.get(table);
    if (!root) throw new RangeError('no NTT table was built here');
    return root;
  }
}

/** One operation: `task` is its code and arguments, `real` what stands where a double would. */
export type TwinOperation = (memory: TwinMemory, task: readonly number[], real: number) => void;
