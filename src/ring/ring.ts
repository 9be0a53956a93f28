/**
 * Z[X]/(X^N + 1) modulo products of dot28 primes, in residue number system: the store of limbs, scopes that free them,
 * and the automorphisms X → X^g.
 */

import type { Engine } from '../kernels/engine.ts';
import type { Address } from '../kernels/heap.ts';
import { PrimeContext } from '../kernels/prime-context.ts';
import { storagePosition } from '../kernels/storage-order.ts';
import { automorphismOrder } from './automorphism-order.ts';
import { type Domain, Poly } from './poly.ts';

export class Ring {
  readonly engine: Engine;
  readonly logN: number;
  readonly N: number;
  /** All primes, the ciphertext modulus first, then the special modulus. */
  readonly primes: readonly PrimeContext[];
  private readonly scopes: Set<Poly<Domain>>[] = [];
  private readonly orders = new Map<number, Address>();
  private readonly expansions = new Map<number, Address>();
  private readonly forgotten: FinalizationRegistry<readonly Address[]>;

  constructor(engine: Engine, logN: number, primes: readonly number[]) {
    this.engine = engine;
    this.logN = logN;
    this.N = 1 << logN;
    this.primes = primes.map((p) => new PrimeContext(engine, p, logN));
    this.forgotten = new FinalizationRegistry((limbs) => this.releaseLimbs(limbs));
  }

  /** An uninitialised polynomial over the given primes (indices into `primes`). */
  allocate<D extends Domain>(domain: D, indices: readonly number[]): Poly<D> {
    const limbs = indices.map(() => this.allocateLimb());
    const poly = new Poly<D>(this, domain, indices, limbs);
    const scope = this.scopes.at(-1);
    if (scope) scope.add(poly);
    else this.forgotten.register(poly, limbs, poly);
    return poly;
  }

  allocateLimb(): Address {
    return this.engine.allocate(4 * this.N);
  }

  releaseLimb(limb: Address): void {
    this.engine.release(limb, 4 * this.N);
  }

  releaseLimbs(limbs: readonly Address[]): void {
    for (const limb of limbs) this.releaseLimb(limb);
  }

  /** Called by `Poly.dispose`. */
  forget(poly: Poly<Domain>): void {
    for (const scope of this.scopes) scope.delete(poly);
    this.forgotten.unregister(poly);
    this.releaseLimbs(poly.limbs);
  }

  /** Runs `compute` and frees the polynomials it made, save those that `kept` finds in its result. */
  scope<T>(compute: () => T, kept: (result: T) => Iterable<Poly<Domain>>): T {
    const scope = new Set<Poly<Domain>>();
    this.scopes.push(scope);
    let result: T;
    try {
      result = compute();
    } catch (error) {
      this.closeScope(scope);
      throw error;
    }
    const survivors = new Set<Poly<Domain>>();
    for (const poly of kept(result)) if (scope.delete(poly)) survivors.add(poly);
    this.closeScope(scope);
    const parent = this.scopes.at(-1);
    for (const poly of survivors) {
      if (parent) parent.add(poly);
      else this.forgotten.register(poly, poly.limbs, poly);
    }
    return result;
  }

  private closeScope(scope: Set<Poly<Domain>>): void {
    this.scopes.splice(this.scopes.indexOf(scope), 1);
    for (const poly of scope) poly.dispose();
  }

  /** 5^steps mod 2N: the automorphism that rotates slots to the left by `steps`. */
  galoisElement(steps: number): number {
    const slots = this.N / 2;
    let exponent = ((steps % slots) + slots) % slots;
    let g = 1;
    for (let square = 5; exponent > 0; exponent >>= 1) {
      if (exponent & 1) g = Number((BigInt(g) * BigInt(square)) % BigInt(2 * this.N));
      square = Number((BigInt(square) * BigInt(square)) % BigInt(2 * this.N));
    }
    return g;
  }

  /**
   * Where each value of m(X^(N/2^logSize)), in NTT order, stands in the transform of size 2^logSize of m, for `gather`:
   * values are constant over runs, in both the kernels' order.
   */
  expansionIndex(logSize: number): Address {
    const known = this.expansions.get(logSize);
    if (known !== undefined) return known;
    const address = this.engine.allocate(4 * this.N);
    const shift = this.logN - logSize;
    const index = this.engine.heap.u32(address, this.N);
    for (let w = 0; w < this.N; w++) index[w] = storagePosition(storagePosition(w) >> shift);
    this.expansions.set(logSize, address);
    return address;
  }

  /** For m(X) → m(X^g) in NTT order, the same for all primes: see automorphism-order.ts. */
  automorphismOrder(g: number): Address {
    const known = this.orders.get(g);
    if (known !== undefined) return known;
    const words = automorphismOrder(g, this.logN);
    const address = this.engine.allocate(4 * words.length);
    this.engine.heap.u32(address, words.length).set(words);
    this.orders.set(g, address);
    return address;
  }
}
