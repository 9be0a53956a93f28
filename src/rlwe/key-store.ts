/**
 * Switching keys by name, more than the kernels' memory may hold: as many as fit stay there, the others wait in the
 * host's and are brought in when they are asked for. The memory of WebAssembly, 4 GiB at most, is thereby a cache and no
 * limit. A key that waits whole is copied (some 10 ms for 66 MB); one that waits compactly has only the half that is
 * not from its seed, and the other is expanded anew each time (some 50 ms).
 */
import { type Poly, toMontgomery } from '../ring/poly.ts';
import { uniformPoly } from '../ring/sampler.ts';
import type { SwitchingKey, SwitchingKeyDigit } from './keys.ts';

/** The words of all limbs of a digit's polynomials; without a, where the seed stands for it. */
interface ParkedDigit {
  readonly indices: readonly number[];
  readonly b: Uint32Array;
  readonly a: Uint32Array | undefined;
}

/** A key outside the kernels' memory. */
interface ParkedKey {
  readonly seed: Uint8Array;
  readonly digits: readonly ParkedDigit[];
}

export interface KeyStoreOptions {
  /** Bytes that keys may take in the kernels' memory. */
  readonly residentBytes: number;
  /** Keys that wait do so with half of their bytes. Default false. */
  readonly compact?: boolean;
}

export class KeyStore {
  private readonly resident = new Map<string, SwitchingKey>();
  private readonly parked = new Map<string, ParkedKey>();
  /** Where parked keys are used, one place a shape. */
  private readonly places = new Map<string, SwitchingKey>();
  private readonly budget: number;
  private readonly compact: boolean;
  private used = 0;
  private waiting = 0;

  constructor({ residentBytes, compact = false }: KeyStoreOptions) {
    this.budget = residentBytes;
    this.compact = compact;
  }

  /** Bytes of keys in the kernels' memory, apart from the place that parked ones of a shape share. */
  get residentBytes(): number {
    return this.used;
  }

  /** Bytes of keys in the host's memory. */
  get parkedBytes(): number {
    return this.waiting;
  }

  /** Takes the key over: it is kept where it is, or copied out and freed. */
  put(name: string, key: SwitchingKey): void {
    const bytes = key.digits.reduce((sum, { a, b }) => sum + bytesOf(a) + bytesOf(b), 0);
    if (this.used + bytes <= this.budget) {
      this.used += bytes;
      this.resident.set(name, key);
      return;
    }
    this.waiting += this.compact ? bytes / 2 : bytes;
    this.parked.set(name, park(key, this.compact));
    const shape = shapeOf(key.digits.map(({ b }) => b));
    // The first that is parked leaves its place for all of its shape.
    if (this.places.has(shape)) for (const { a, b } of key.digits) for (const poly of [a, b]) poly.dispose();
    else this.places.set(shape, key);
  }

  /** A parked key stands in a place that it shares: valid until the next call. */
  get(name: string): SwitchingKey | undefined {
    const there = this.resident.get(name);
    if (there) return there;
    const waiting = this.parked.get(name);
    if (waiting === undefined) return undefined;
    const place = this.places.get(shapeOf(waiting.digits)) as SwitchingKey;
    waiting.digits.forEach((digit, d) => bringIn(digit, waiting.seed, d, place.digits[d] as SwitchingKeyDigit));
    return { digits: place.digits, seed: waiting.seed };
  }
}

function park({ digits, seed }: SwitchingKey, compact: boolean): ParkedKey {
  return {
    seed,
    digits: digits.map(({ a, b }) => ({ indices: b.indices, b: readAll(b), a: compact ? undefined : readAll(a) })),
  };
}

function bringIn({ indices, b, a }: ParkedDigit, seed: Uint8Array, d: number, place: SwitchingKeyDigit): void {
  writeAll(place.b, b);
  if (a) {
    writeAll(place.a, a);
    return;
  }
  const { ring } = place.a;
  ring.scope(
    () => {
      const expanded = toMontgomery(uniformPoly(ring, indices, seed, d));
      expanded.limbs.forEach((limb, j) => ring.engine.copy(place.a.limb(j), limb, 4 * ring.N));
      ring.engine.flush();
    },
    () => [],
  );
}

function readAll(poly: Poly<'ntt'>): Uint32Array {
  const { N } = poly.ring;
  const words = new Uint32Array(N * poly.limbCount);
  for (let j = 0; j < poly.limbCount; j++) words.set(poly.read(j), j * N);
  return words;
}

function writeAll(poly: Poly<'ntt'>, words: Uint32Array): void {
  const { N } = poly.ring;
  for (let j = 0; j < poly.limbCount; j++) poly.write(j, words.subarray(j * N, (j + 1) * N));
}

function bytesOf(poly: Poly<'ntt'>): number {
  return 4 * poly.ring.N * poly.limbCount;
}

function shapeOf(polys: readonly { readonly indices: readonly number[] }[]): string {
  return polys.map(({ indices }) => indices.join()).join(';');
}
