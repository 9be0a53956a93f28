/**
 * Memory of the kernels: an allocator over one WebAssembly.Memory. Blocks of one size are pooled, so the uniform limbs
 * of a ring never fragment it. An `Address` is opaque above this folder.
 */
import { HermeticError } from '../base/errors.ts';

declare const addressBrand: unique symbol;
/** A place in the kernels' memory. Only the kernels calculate with it. */
export type Address = number & { readonly [addressBrand]: true };

const PAGE = 65_536;
const MAX_PAGES = 65_536;
/** All that WebAssembly addresses with 32 bits. */
export const MAX_HEAP_BYTES: number = PAGE * MAX_PAGES;
/** The modules keep their few static bytes below this. */
const FIRST_ADDRESS = 65_536;
/** Small blocks are cut from slabs of this size. */
const SLAB = 1 << 20;

export class Heap {
  readonly memory: WebAssembly.Memory;
  private top = FIRST_ADDRESS;
  private readonly free = new Map<number, number[]>();
  private used = 0;
  private words: Uint32Array;
  private doubles: Float64Array;
  private floats: Float32Array;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.words = new Uint32Array(memory.buffer);
    this.doubles = new Float64Array(memory.buffer);
    this.floats = new Float32Array(memory.buffer);
  }

  /** Bytes handed out and not yet given back. */
  get bytesInUse(): number {
    return this.used;
  }

  /** Bytes taken from the system. */
  get bytesReserved(): number {
    return this.memory.buffer.byteLength;
  }

  allocate(bytes: number): Address {
    const size = blockSize(bytes);
    this.used += size;
    const pool = this.free.get(size);
    const reused = pool?.pop();
    if (reused !== undefined) return reused as Address;
    if (size >= SLAB) return this.extend(size) as Address;
    const count = Math.floor(SLAB / size);
    const slab = this.extend(count * size);
    const rest = pool ?? [];
    for (let i = count - 1; i > 0; i--) rest.push(slab + i * size);
    this.free.set(size, rest);
    return slab as Address;
  }

  release(address: Address, bytes: number): void {
    const size = blockSize(bytes);
    this.used -= size;
    const pool = this.free.get(size);
    if (pool) pool.push(address);
    else this.free.set(size, [address]);
  }

  /** The whole memory as words, for writers in a hurry: index address / 4. Valid until the next allocation. */
  get allWords(): Uint32Array {
    return this.words;
  }

  u32(address: Address, count: number): Uint32Array {
    return this.words.subarray(address >>> 2, (address >>> 2) + count);
  }

  f64(address: Address, count: number): Float64Array {
    return this.doubles.subarray(address / 8, address / 8 + count);
  }

  f32(address: Address, count: number): Float32Array {
    return this.floats.subarray(address >>> 2, (address >>> 2) + count);
  }

  /** After a growth. Only this object grows the memory, so the views are not checked at every use. */
  private refresh(): void {
    this.words = new Uint32Array(this.memory.buffer);
    this.doubles = new Float64Array(this.memory.buffer);
    this.floats = new Float32Array(this.memory.buffer);
  }

  private extend(bytes: number): number {
    const start = this.top;
    const missing = Math.ceil((start + bytes) / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) this.grow(missing);
    this.top = start + bytes;
    return start;
  }

  private grow(pages: number): void {
    const now = this.memory.buffer.byteLength / PAGE;
    // Growing by a quarter keeps the number of growths logarithmic.
    const wanted = Math.min(MAX_PAGES - now, Math.max(pages, Math.ceil(now / 4)));
    try {
      if (wanted < pages) throw new RangeError('beyond 4 GiB');
      this.memory.grow(wanted);
      this.refresh();
    } catch (cause) {
      throw new HermeticError('OUT_OF_MEMORY', 'the kernels are out of memory', {
        got: `${Math.round((now * PAGE) / 2 ** 20)} MiB in use, ${Math.ceil((pages * PAGE) / 2 ** 20)} MiB more asked`,
        mend: 'Use a smaller batch, fewer units or a smaller parameter set, or free ciphertexts with `scope`',
        cause,
      });
    }
  }
}

/** Equal blocks side by side: an array whose items are found without arithmetic on addresses. */
export class Blocks {
  readonly first: Address;
  readonly count: number;
  readonly bytesEach: number;
  private readonly heap: Heap;

  constructor(heap: Heap, count: number, bytesEach: number) {
    this.heap = heap;
    this.count = count;
    this.bytesEach = bytesEach;
    this.first = heap.allocate(count * bytesEach);
  }

  item(i: number): Address {
    return (this.first + i * this.bytesEach) as Address;
  }

  /** Overwrites what they held. */
  wipe(): void {
    this.heap.u32(this.first, (this.count * this.bytesEach) / 4).fill(0);
  }

  release(): void {
    this.heap.release(this.first, this.count * this.bytesEach);
  }
}

/** Sizes are rounded so that few distinct pools exist. */
function blockSize(bytes: number): number {
  const grain = bytes >= SLAB ? PAGE : bytes >= 4096 ? 4096 : 64;
  return Math.ceil(bytes / grain) * grain;
}
