/** A CKKS ciphertext (c0, c1) with c0 + c1·s ≈ scale·m. */
import type { Domain, Poly } from '../../ring/poly.ts';
import type { Ring } from '../../ring/ring.ts';
import type { SlotCiphertext } from '../scheme.ts';

export class Ciphertext implements SlotCiphertext {
  readonly c0: Poly<'ntt'>;
  readonly c1: Poly<'ntt'>;
  readonly level: number;
  readonly scale: number;
  /** Where c1 is the uniform polynomial (seed, 0): files then store the seed. */
  readonly seed: Uint8Array | undefined;

  constructor(c0: Poly<'ntt'>, c1: Poly<'ntt'>, level: number, scale: number, seed?: Uint8Array) {
    this.c0 = c0;
    this.c1 = c1;
    this.level = level;
    this.scale = scale;
    this.seed = seed;
  }

  dispose(): void {
    this.c0.dispose();
    this.c1.dispose();
  }
}

/** A copy in another context's memory: its primes of the same indices must be the same. */
export function copyTo(ring: Ring, { c0, c1, level, scale }: Ciphertext): Ciphertext {
  const copy = (poly: Poly<'ntt'>): Poly<'ntt'> => {
    const out = ring.allocate('ntt', poly.indices);
    for (let j = 0; j < poly.limbCount; j++) out.write(j, poly.read(j));
    return out;
  };
  return new Ciphertext(copy(c0), copy(c1), level, scale);
}

/** The polynomials reachable from a result, through arrays, maps and plain objects: what a scope keeps. */
export function* polynomialsIn(value: unknown): Generator<Poly<Domain>> {
  if (value instanceof Ciphertext) {
    yield value.c0 as Poly<Domain>;
    yield value.c1 as Poly<Domain>;
  } else if (Array.isArray(value)) {
    for (const item of value) yield* polynomialsIn(item);
  } else if (value instanceof Map) {
    for (const item of value.values()) yield* polynomialsIn(item);
  } else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) yield* polynomialsIn(item);
  }
}
