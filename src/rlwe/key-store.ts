/**
 * Switching keys by name, more than the kernels' memory may hold: as many as fit stay there, the others wait in the
 * host's and are copied in when they are asked for (some 10 ms for 66 MB). The memory of WebAssembly, 4 GiB at most, is
 * thereby a cache and no limit.
 */
import type { Poly } from '../ring/poly.ts';
import type { SwitchingKey } from './keys.ts';

/** A key outside the kernels' memory: the words of all its limbs, and its shape. */
interface ParkedKey {
  readonly seed: Uint8Array;
  /** b and a of each digit in turn. */
  readonly polys: readonly { readonly indices: readonly number[]; readonly words: Uint32Array }[];
}

export class KeyStore {
  private readonly resident = new Map<string, SwitchingKey>();
  private readonly parked = new Map<string, ParkedKey>();
  /** Where parked keys are used, one place a shape. */
  private readonly places = new Map<string, SwitchingKey>();
  private readonly budget: number;
  private used = 0;
  private waiting = 0;

  /** @param residentBytes that keys may take in the kernels' memory */
  constructor(residentBytes: number) {
    this.budget = residentBytes;
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
    const bytes = keyPolys(key).reduce((sum, poly) => sum + bytesOf(poly), 0);
    if (this.used + bytes <= this.budget) {
      this.used += bytes;
      this.resident.set(name, key);
      return;
    }
    this.waiting += bytes;
    this.parked.set(name, park(key));
    const shape = shapeOf(keyPolys(key));
    // The first that is parked leaves its place for all of its shape.
    if (this.places.has(shape)) for (const poly of keyPolys(key)) poly.dispose();
    else this.places.set(shape, key);
  }

  /** A parked key stands in a place that it shares: valid until the next call. */
  get(name: string): SwitchingKey | undefined {
    const there = this.resident.get(name);
    if (there) return there;
    const waiting = this.parked.get(name);
    if (waiting === undefined) return undefined;
    const place = this.places.get(shapeOf(waiting.polys)) as SwitchingKey;
    keyPolys(place).forEach((poly, i) => {
      const { words } = waiting.polys[i] as ParkedKey['polys'][number];
      for (let j = 0; j < poly.limbCount; j++) poly.write(j, words.subarray(j * poly.ring.N, (j + 1) * poly.ring.N));
    });
    return { digits: place.digits, seed: waiting.seed };
  }
}

function keyPolys({ digits }: SwitchingKey): Poly<'ntt'>[] {
  return digits.flatMap(({ b, a }) => [b, a]);
}

function bytesOf(poly: Poly<'ntt'>): number {
  return 4 * poly.ring.N * poly.limbCount;
}

function park(key: SwitchingKey): ParkedKey {
  const polys = keyPolys(key).map((poly) => {
    const { N } = poly.ring;
    const words = new Uint32Array(N * poly.limbCount);
    for (let j = 0; j < poly.limbCount; j++) words.set(poly.read(j), j * N);
    return { indices: poly.indices, words };
  });
  return { seed: key.seed, polys };
}

function shapeOf(polys: readonly { readonly indices: readonly number[] }[]): string {
  return polys.map(({ indices }) => indices.join()).join(';');
}
