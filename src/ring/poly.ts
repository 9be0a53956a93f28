/**
 * A polynomial in residue number system. The domain is part of the type: products exist only in 'ntt', base conversion
 * and lifting only in 'coeff'.
 */
import { encodeOperand, modBigint, powMod } from '../kernels/arithmetic.ts';
import type { Address } from '../kernels/heap.ts';
import type { PrimeContext } from '../kernels/prime-context.ts';
import type { Ring } from './ring.ts';

export type Domain = 'coeff' | 'ntt';

export class Poly<D extends Domain> {
  readonly ring: Ring;
  readonly domain: D;
  /** Which of the ring's primes each limb belongs to. */
  readonly indices: readonly number[];
  readonly limbs: readonly Address[];
  private alive = true;

  /** Use `Ring.allocate`. */
  constructor(ring: Ring, domain: D, indices: readonly number[], limbs: readonly Address[]) {
    this.ring = ring;
    this.domain = domain;
    this.indices = indices;
    this.limbs = limbs;
  }

  get limbCount(): number {
    return this.limbs.length;
  }

  limb(j: number): Address {
    return this.limbs[j] as Address;
  }

  prime(j: number): PrimeContext {
    return this.ring.primes[this.indices[j] as number] as PrimeContext;
  }

  dispose(): void {
    if (!this.alive) return;
    this.alive = false;
    this.ring.forget(this as unknown as Poly<Domain>);
  }

  get disposed(): boolean {
    return !this.alive;
  }

  /** Residues of limb j, copied out of the kernels' memory. */
  read(j: number): Uint32Array {
    return this.ring.engine.heap.u32(this.limb(j), this.ring.N).slice();
  }

  /** The same into `words`, N of them. */
  readInto(j: number, words: Uint32Array): void {
    words.set(this.ring.engine.heap.u32(this.limb(j), this.ring.N));
  }

  write(j: number, words: Uint32Array): void {
    this.ring.engine.heap.u32(this.limb(j), this.ring.N).set(words);
  }
}

/** Queues f for every limb, then runs. */
export function eachLimb<D extends Domain>(poly: Poly<D>, f: (j: number, prime: PrimeContext) => void): void {
  for (let j = 0; j < poly.limbCount; j++) f(j, poly.prime(j));
  poly.ring.engine.flush();
}

function like<D extends Domain>(a: Poly<D>, limbs: number = a.limbCount): Poly<D> {
  return a.ring.allocate(a.domain, a.indices.slice(0, limbs));
}

/** a ± b over the limbs of the shorter one. */
export function add<D extends Domain>(a: Poly<D>, b: Poly<D>): Poly<D> {
  const out = like(a, Math.min(a.limbCount, b.limbCount));
  eachLimb(out, (j, p) => a.ring.engine.add(out.limb(j), a.limb(j), b.limb(j), a.ring.N, p));
  return out;
}

export function subtract<D extends Domain>(a: Poly<D>, b: Poly<D>): Poly<D> {
  const out = like(a, Math.min(a.limbCount, b.limbCount));
  eachLimb(out, (j, p) => a.ring.engine.subtract(out.limb(j), a.limb(j), b.limb(j), a.ring.N, p));
  return out;
}

export function negate<D extends Domain>(a: Poly<D>): Poly<D> {
  const out = like(a);
  eachLimb(out, (j, p) => a.ring.engine.negate(out.limb(j), a.limb(j), a.ring.N, p));
  return out;
}

/** A copy of the first `limbs` limbs: reduction of the modulus. */
export function truncate<D extends Domain>(a: Poly<D>, limbs: number = a.limbCount): Poly<D> {
  const out = like(a, limbs);
  eachLimb(out, (j) => a.ring.engine.copy(out.limb(j), a.limb(j), 4 * a.ring.N));
  return out;
}

/** A copy of the limbs of the given primes. RangeError where a has no such limb. */
export function select<D extends Domain>(a: Poly<D>, indices: readonly number[]): Poly<D> {
  const out = a.ring.allocate(a.domain, indices);
  eachLimb(out, (j) => {
    const at = a.indices.indexOf(indices[j] as number);
    if (at < 0) throw new RangeError(`select: no limb of prime ${indices[j]}`);
    a.ring.engine.copy(out.limb(j), a.limb(at), 4 * a.ring.N);
  });
  return out;
}

/** constant·a for an integer constant. */
export function multiplyInteger<D extends Domain>(a: Poly<D>, constant: bigint): Poly<D> {
  const out = like(a);
  eachLimb(out, (j, prime) => {
    const w = encodeOperand(modBigint(constant, prime.p), prime.p);
    a.ring.engine.mulScalar(out.limb(j), a.limb(j), w, a.ring.N, prime);
  });
  return out;
}

export function toNtt(a: Poly<'coeff'>): Poly<'ntt'> {
  const out = a.ring.allocate('ntt', a.indices);
  eachLimb(out, (j, p) => a.ring.engine.nttForward(out.limb(j), a.limb(j), p));
  return out;
}

export function toCoefficients(a: Poly<'ntt'>, limbs: number = a.limbCount): Poly<'coeff'> {
  const out = a.ring.allocate('coeff', a.indices.slice(0, limbs));
  eachLimb(out, (j, p) => a.ring.engine.nttInverse(out.limb(j), a.limb(j), p));
  return out;
}

/** m(X) → m(X^g). */
export function automorphism(a: Poly<'ntt'>, g: number): Poly<'ntt'> {
  const out = like(a);
  const order = a.ring.automorphismOrder(g);
  eachLimb(out, (j) => a.ring.engine.permute(out.limb(j), a.limb(j), order, a.ring.N));
  return out;
}

/** X^(N/2)·a: i times every slot. In NTT order its values are ψ^(N/2) on the first half and −ψ^(N/2) on the second. */
export function multiplyByI(a: Poly<'ntt'>): Poly<'ntt'> {
  const out = like(a);
  const { engine, N } = a.ring;
  eachLimb(out, (j, prime) => {
    const root = powMod(prime.psi, N / 2, prime.p);
    const [plus, minus] = [encodeOperand(root, prime.p), encodeOperand(prime.p - root, prime.p)];
    engine.mulScalarHalves(out.limb(j), a.limb(j), plus, minus, N, prime);
  });
  return out;
}

/** a·b for b in Montgomery form (b·2^32), over the lowest limbs of both. */
export function multiplyMontgomery(
  a: Poly<'ntt'>,
  b: Poly<'ntt'>,
  limbs: number = Math.min(a.limbCount, b.limbCount),
): Poly<'ntt'> {
  const out = like(a, limbs);
  eachLimb(out, (j, p) => a.ring.engine.innerProduct(out.limb(j), [a.limb(j), b.limb(j)], a.ring.N, p));
  return out;
}

/** b → b·2^32 on every limb. */
export function toMontgomery<D extends Domain>(b: Poly<D>): Poly<D> {
  return multiplyInteger(b, 1n << 32n);
}

/** Division by the last prime with rounding; one limb fewer. */
export function divideByLast(a: Poly<'ntt'>): Poly<'ntt'> {
  const { ring } = a;
  const { engine } = ring;
  const kept = a.limbCount - 1;
  const last = ring.allocateLimb();
  const from = a.prime(kept);
  engine.nttInverse(last, a.limb(kept), from);
  engine.flush();
  const out = like(a, kept);
  eachLimb(out, (j, prime) =>
    engine.divideByLast(out.limb(j), a.limb(j), last, from, prime.inverseOperand(from.p), prime),
  );
  ring.releaseLimb(last);
  return out;
}

/** 0, 1, …, count − 1: the lowest primes. */
export function firstIndices(count: number): number[] {
  return Array.from({ length: count }, (_, j) => j);
}
